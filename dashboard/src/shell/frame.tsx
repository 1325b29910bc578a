/** The frame around every screen: navigation, the signed-in user, the theme and the command palette. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { type Command, CommandPalette } from "./command-palette.tsx";
import { Link, usePage } from "./page.tsx";
import { applyTheme, storedTheme, THEMES, type Theme } from "./theme.ts";

interface Props {
  readonly screens: readonly { readonly name: string; readonly title: string }[];
  readonly who: string;
  readonly onSignOut: () => void;
  readonly children: ComponentChildren;
}

export function Frame({ screens, who, onSignOut, children }: Props) {
  const { address, go, role } = usePage();
  const [isOpen, setOpen] = useState(false);
  const [theme, setTheme] = useState<Theme>(storedTheme);
  const choose = (chosen: Theme) => {
    applyTheme(chosen);
    setTheme(chosen);
  };
  // A layout effect, so that no key press is lost between the first paint and the listener.
  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k") return;
      event.preventDefault();
      setOpen(true);
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
  const commands: readonly Command[] = [
    ...screens.map(({ name, title }) => ({ title, run: () => go({ screen: name, params: {} }) })),
    ...THEMES.map((name) => ({ title: `Theme: ${name}`, run: () => choose(name) })),
    { title: "Sign out", run: onSignOut },
  ];
  return (
    <div class="frame">
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header>
        <strong>Edge Limiter</strong>
        <nav aria-label="Screens">
          {screens.map(({ name, title }) => (
            <Link key={name} to={{ screen: name, params: {} }} isCurrent={name === address.screen}>
              {title}
            </Link>
          ))}
        </nav>
        <div class="tools">
          <button type="button" onClick={() => setOpen(true)} aria-keyshortcuts="Control+K Meta+K">
            Go to… <kbd>Ctrl K</kbd>
          </button>
          <label>
            Theme
            <select
              value={theme}
              onChange={(event) =>
                choose(THEMES.find((name) => name === event.currentTarget.value) ?? "system")
              }
            >
              {THEMES.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <span class="who">
            {who}, {role}
          </span>
          <button type="button" onClick={onSignOut}>
            Sign out
          </button>
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
      {isOpen && <CommandPalette commands={commands} onClose={() => setOpen(false)} />}
    </div>
  );
}
