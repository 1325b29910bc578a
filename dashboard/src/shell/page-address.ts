/** The address of a page: a screen and its parameters, all in the URL, so that a link shows what its sender saw. Pure. */

/** Of the app that is built: the dashboard, or the portal, which shares this code. */
const BASE = import.meta.env.BASE_URL;

export interface PageAddress {
  /** "overview", "live", …; "" for none. */
  readonly screen: string;
  readonly params: Readonly<Record<string, string>>;
}

/** The page never writes longer parameters; longer ones are ignored. */
const MAX_PARAM_LENGTH = 2_048;

export function parseAddress(pathname: string, search: string): PageAddress {
  const screen = pathname.startsWith(BASE) ? pathname.slice(BASE.length).replace(/\/+$/, "") : "";
  const params: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(search)) {
    if (value !== "" && value.length <= MAX_PARAM_LENGTH) params[name] = value;
  }
  return { screen, params };
}

/** The URL of an address: without empty parameters, and sorted by name, so that equal addresses have equal URLs. */
export function urlOf({ screen, params }: PageAddress): string {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== ""));
  query.sort();
  const text = query.toString();
  return `${BASE}${screen}${text === "" ? "" : `?${text}`}`;
}

/** The same screen with some parameters changed; "" removes one. */
export function changed(address: PageAddress, change: Readonly<Record<string, string>>): PageAddress {
  return { ...address, params: { ...address.params, ...change } };
}
