/** What the command palette offers for a text: screens and commands, the decision of a request id, and users who exist. Pure. */
import type { IconName } from "../kit/icon.tsx";
import type { PageAddress } from "./page-address.ts";
import type { FoundUser } from "./search-users.ts";

/** Something that the palette can do in itself. */
export interface Command {
  readonly title: string;
  readonly icon?: IconName;
  readonly run: () => void;
}

export interface PaletteItem {
  /** Unique among the items. */
  readonly key: string;
  readonly title: string;
  readonly icon: IconName | null;
  /** What the item is, beside its title. */
  readonly detail: string;
  readonly action: PageAddress | (() => void);
}

/** As the Worker makes request ids; anywhere in a pasted line of a log. */
const REQUEST_ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

/** The request id in a text; null without one. */
export function requestIdIn(text: string): string | null {
  return REQUEST_ID.exec(text)?.[0].toLowerCase() ?? null;
}

/** @param users who were found for the text. */
export function paletteItems(
  text: string,
  commands: readonly Command[],
  users: readonly FoundUser[],
): readonly PaletteItem[] {
  const requestId = requestIdIn(text);
  if (requestId !== null) {
    const action = { screen: "decision", params: { id: requestId } };
    return [{ key: "decision", title: requestId, icon: "list", detail: "decision of this request", action }];
  }
  const wanted = text.trim().toLowerCase();
  const found = commands.filter(({ title }) => title.toLowerCase().includes(wanted));
  return [
    ...found
      .toSorted((a, b) => rank(a, wanted) - rank(b, wanted))
      .map(({ title, icon = null, run }) => ({ key: `do ${title}`, title, icon, detail: "", action: run })),
    ...users.map(({ id, name, tier }) => ({
      key: `user ${id}`,
      title: id,
      icon: "user" as const,
      detail: name === "" ? tier : `${name} · ${tier}`,
      action: { screen: "user", params: { id } },
    })),
  ];
}

/** Titles that begin with the text come first. */
function rank({ title }: Command, wanted: string): number {
  return title.toLowerCase().startsWith(wanted) ? 0 : 1;
}
