/** The context of every screen: the current address, navigation, the role of the session, and how to report its end. */
import { createContext, type ComponentChildren } from "preact";
import { useContext } from "preact/hooks";
import { type PageAddress, urlOf } from "./page-address.ts";
import type { Role } from "./answers.ts";

export interface Page {
  readonly address: PageAddress;
  readonly role: Role;
  /** Goes to another address. `replace` adds no history entry, for example for a filter while it is typed. */
  readonly go: (address: PageAddress, replace?: boolean) => void;
  /** Call it when the API answers 401. */
  readonly signedOut: () => void;
}

const Context = createContext<Page | null>(null);

export const PageProvider = Context.Provider;

export function usePage(): Page {
  const page = useContext(Context);
  if (!page) throw new Error("usePage must be called within a PageProvider");
  return page;
}

interface LinkProps {
  readonly to: PageAddress;
  readonly children: ComponentChildren;
  readonly isCurrent?: boolean;
}

/** A link within the page. With a modifier key, the browser handles the click. */
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
