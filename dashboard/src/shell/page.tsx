/** What every screen is given: where the page is and how to go elsewhere, who is signed in, and what to do when no one is. */
import { createContext, type ComponentChildren } from "preact";
import { useContext } from "preact/hooks";
import { BASE, type PageAddress, urlOf } from "./page-address.ts";
import type { Role } from "./session.ts";

export interface Page {
  readonly address: PageAddress;
  readonly role: Role;
  /** Shows another address; `replace` leaves no entry to go back to, as for a filter while it is typed. */
  readonly go: (address: PageAddress, replace?: boolean) => void;
  /** To be called when the API says 401. */
  readonly signedOut: () => void;
}

const Context = createContext<Page | null>(null);

export const PageProvider = Context.Provider;

export function usePage(): Page {
  const page = useContext(Context);
  if (!page) throw new Error("a screen is shown outside of the page");
  return page;
}

interface LinkProps {
  readonly to: PageAddress;
  readonly children: ComponentChildren;
  readonly isCurrent?: boolean;
}

/** A link within the page. A click with a modifier opens it as any link. */
export function Link({ to, children, isCurrent = false }: LinkProps) {
  const { go } = usePage();
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={urlOf(to)} onClick={follow} aria-current={isCurrent ? "page" : undefined}>
      {children}
    </a>
  );
}

/** Whether a URL is one of this page. */
export function isOurs(pathname: string): boolean {
  return `${pathname}/`.startsWith(BASE);
}
