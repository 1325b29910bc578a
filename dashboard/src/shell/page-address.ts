/** Where the page is: a screen and its parameters, all of it in the URL, so that a link shows what its sender saw. Pure. */

export const BASE = "/dashboard/";

export interface PageAddress {
  /** "overview", "live", …; "" for none. */
  readonly screen: string;
  readonly params: Readonly<Record<string, string>>;
}

/** Longer parameters are not ours. */
const LONGEST = 2_048;

export function parseAddress(pathname: string, search: string): PageAddress {
  const screen = pathname.startsWith(BASE) ? pathname.slice(BASE.length).replace(/\/+$/, "") : "";
  const params: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(search)) {
    if (value !== "" && value.length <= LONGEST) params[name] = value;
  }
  return { screen, params };
}

/** The URL of an address. Parameters without a value are left out; the rest is in the order of names, so that like is like. */
export function urlOf({ screen, params }: PageAddress): string {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== ""));
  query.sort();
  const text = query.toString();
  return `${BASE}${screen}${text === "" ? "" : `?${text}`}`;
}

/** The same screen with some parameters changed; "" takes one away. */
export function changed(address: PageAddress, change: Readonly<Record<string, string>>): PageAddress {
  return { ...address, params: { ...address.params, ...change } };
}
