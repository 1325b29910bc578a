/** The frame around every screen: whose account it is, how they signed in, and the navigation. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../../dashboard/src/kit/icon.tsx";
import { shortMoment } from "../../dashboard/src/shell/moment.ts";
import { Link } from "../../dashboard/src/shell/page.tsx";
import { SCREENS, type Screen } from "./screens.ts";
import { useSession } from "./session.tsx";

interface Props {
  readonly screen: Screen | undefined;
  readonly onSignOut: () => void;
  readonly children: ComponentChildren;
}

export function Frame({ screen, onSignOut, children }: Props) {
  const { account, name, kind, expiresAt } = useSession();
  const heading = useRef<HTMLHeadingElement>(null);
  const isFirst = useRef(true);
  const title = screen?.title ?? "Page not found";
  useEffect(() => {
    document.title = `${title} · ${name || account}`;
    // After navigation, a screen reader continues at the new heading.
    if (!isFirst.current) heading.current?.focus();
    isFirst.current = false;
  }, [title]);
  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="top">
        <div class="bar">
          <p class="who">
            <strong>{name || account}</strong>
            <span class="caption">
              Signed in by {kind} until {shortMoment(Date.parse(expiresAt), Date.now())}
            </span>
          </p>
          <button type="button" onClick={onSignOut}>
            <Icon name="sign-out" />
            Sign out
          </button>
        </div>
        <nav aria-label="Screens">
          {SCREENS.map(({ name: of, title: text }) => (
            <Link key={of} to={{ screen: of, params: {} }} isCurrent={of === screen?.name}>
              {text}
            </Link>
          ))}
        </nav>
      </header>
      <main id="content" tabIndex={-1}>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {children}
      </main>
    </>
  );
}
