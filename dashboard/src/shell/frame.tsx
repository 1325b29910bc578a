/** The frame around every screen: navigation, the deployment, the signed-in user, the theme and the command palette. */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { Choice } from "../kit/choice.tsx";
import { Icon } from "../kit/icon.tsx";
import type { Screen } from "../screens.ts";
import { CommandPalette } from "./command-palette.tsx";
import { Deployment } from "./deployment.tsx";
import "./frame.css";
import { Link, usePage } from "./page.tsx";
import type { Command } from "./palette-items.ts";
import { applyTheme, storedTheme, THEMES, type Theme } from "./theme.ts";

interface Props {
  readonly screens: readonly Screen[];
  readonly who: string;
  readonly onSignOut: () => void;
  readonly children: ComponentChildren;
}

const IS_MAC = /Mac|iPhone|iPad/.test(navigator.userAgent);

export function Frame({ screens, who, onSignOut, children }: Props) {
  const { address, go } = usePage();
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const [isMenuOpen, setMenuOpen] = useState(false);
  const [theme, setTheme] = useState<Theme>(storedTheme);
  const choose = (chosen: Theme) => {
    applyTheme(chosen);
    setTheme(chosen);
  };
  // A layout effect, so that no key press is lost between the first paint and the listener.
  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key === "Escape") setMenuOpen(false);
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k") return;
      event.preventDefault();
      setPaletteOpen(true);
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
  useEffect(() => setMenuOpen(false), [address]);
  const inMenu = screens.filter(({ under }) => under === undefined);
  const commands: readonly Command[] = [
    ...inMenu.map(({ name, title, icon }) => ({
      title,
      icon,
      run: () => go({ screen: name, params: {} }),
    })),
    ...THEMES.map((name) => ({ title: `Theme: ${name}`, run: () => choose(name) })),
    { title: "Sign out", icon: "sign-out", run: onSignOut },
  ];
  return (
    <div class="frame">
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="top">
        <button
          type="button"
          class="menu-button"
          aria-label="Menu"
          aria-expanded={isMenuOpen}
          aria-controls="menu"
          onClick={() => setMenuOpen(!isMenuOpen)}
        >
          <Icon name={isMenuOpen ? "cross" : "menu"} />
        </button>
        <Deployment />
        <button
          type="button"
          class="go"
          aria-keyshortcuts="Control+K Meta+K"
          onClick={() => setPaletteOpen(true)}
        >
          <Icon name="search" />
          <span>Search or go to…</span>
          <kbd>{IS_MAC ? "⌘ K" : "Ctrl K"}</kbd>
        </button>
      </header>
      <aside id="menu" aria-label="Menu" class={isMenuOpen ? "side is-open" : "side"}>
        <div class="side-content">
          <strong class="brand">Edge Limiter</strong>
          <Navigation screens={screens} />
          <Account who={who} theme={theme} onTheme={choose} onSignOut={onSignOut} />
        </div>
      </aside>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
      {isPaletteOpen && <CommandPalette commands={commands} onClose={() => setPaletteOpen(false)} />}
    </div>
  );
}

function Navigation({ screens }: { readonly screens: readonly Screen[] }) {
  const { address } = usePage();
  const current = screens.find(({ name }) => name === address.screen);
  return (
    <nav aria-label="Screens">
      {screens.map(
        ({ name, title, icon, under, load }) =>
          under === undefined && (
            // Loads the code of a screen while the pointer is still on its way to the click.
            <span key={name} onPointerEnter={() => void load().catch(() => undefined)}>
              <Link to={{ screen: name, params: {} }} isCurrent={(current?.under ?? current?.name) === name}>
                <Icon name={icon} />
                {title}
              </Link>
            </span>
          ),
      )}
    </nav>
  );
}

interface AccountProps {
  readonly who: string;
  readonly theme: Theme;
  readonly onTheme: (chosen: Theme) => void;
  readonly onSignOut: () => void;
}

/** The signed-in administrator: name, role, theme, sign out. */
function Account({ who, theme, onTheme, onSignOut }: AccountProps) {
  const { role } = usePage();
  return (
    <div class="account">
      <Choice
        label={<span class="caption">Theme</span>}
        options={THEMES}
        value={theme}
        onPick={(picked) => onTheme(THEMES.find((name) => name === picked) ?? "system")}
      />
      <p class="who">
        {who} <span class="caption">{role}</span>
      </p>
      <button type="button" onClick={onSignOut}>
        <Icon name="sign-out" />
        Sign out
      </button>
    </div>
  );
}
