/**
 * What the upstream gets of a request to a cached route, and the key under which its response is stored.
 *
 * The rule that makes sharing safe: what is not in the key is not sent upstream. Both are made here from the same values, so a response
 * cannot depend on anything that is not in its key: neither leak to another caller nor be poisoned by one.
 */
import { searchOf, originOf } from "../../edge/url-parts.ts";
import type { Caller } from "../../identity/authenticate.ts";
import type { RouteCache } from "../../policy/compiled.ts";
import { HOPS_HEADER, USER_ID_HEADER, USER_TIER_HEADER } from "../../header-names.ts";
import { hopsOf } from "../hops.ts";

/** Changes when the form of stored responses does: older ones are then never found. */
const FORMAT = 1;

export interface SharedRequest {
  /** What the upstream gets, except that its own origin and the path are put in front of the query. */
  readonly url: string;
  readonly headers: Headers;
  /** A URL that stands for everything above and for who shares the response. */
  readonly key: string;
}

/** What a key is made of besides the request. */
export interface KeyContext {
  /** The canonical path, as the upstream gets it. */
  readonly path: string;
  readonly cache: RouteCache;
  /** Raised by a purge. */
  readonly generation: number;
  /** The name of the upstream. */
  readonly upstream: string | null;
  readonly caller: Caller;
  readonly tier: string;
}

export async function sharedRequest(request: Request, context: KeyContext): Promise<SharedRequest> {
  const { path, cache, generation, upstream, caller, tier } = context;
  const { scheme, host } = originOf(request.url);
  const query = keptQuery(searchOf(request.url), cache.query);
  const headers = sharedHeaders(request.headers, context);
  const sharer = { all: "", tier, user: caller.subject }[cache.share];
  // Without a valid Host there is no URL to write it in.
  const origin = `${scheme}://${host || "host.invalid"}`;
  const parts = [
    FORMAT,
    cache.edition,
    generation,
    upstream,
    scheme,
    host,
    path,
    query,
    [...headers],
    sharer,
  ];
  return {
    url: `${origin}/${query}`,
    headers,
    key: `${origin}/.edge-limiter/${await digestOf(JSON.stringify(parts))}`,
  };
}

function sharedHeaders(given: Headers, { cache, caller, tier }: KeyContext): Headers {
  const headers = new Headers();
  for (const name of cache.headers) {
    const value = given.get(name);
    if (value !== null) headers.set(name, value);
  }
  headers.set("Accept-Encoding", acceptedEncodings(given.get("Accept-Encoding")));
  // A loop must end here too.
  headers.set(HOPS_HEADER, String(hopsOf(given) + 1));
  if (cache.share === "all") return headers;
  headers.set(USER_TIER_HEADER, tier);
  if (cache.share === "user" && caller.user !== null) headers.set(USER_ID_HEADER, caller.user);
  return headers;
}

/** One of four values, so that the spelling of browsers does not multiply what is stored. */
export function acceptedEncodings(header: string | null): string {
  const accepted = new Set<string>();
  for (const part of (header ?? "").toLowerCase().split(",")) {
    const [name = "", ...parameters] = part.split(";").map((text) => text.trim());
    if (!parameters.some((text) => /^q=0(\.0*)?$/.test(text))) accepted.add(name);
  }
  return ["br", "gzip"].filter((name) => accepted.has(name)).join(", ") || "identity";
}

/** The query with the parameters of these names only, each as it was sent; null: all. */
export function keptQuery(search: string, names: readonly string[] | null): string {
  if (names === null || search === "") return search;
  const kept = search
    .slice(1)
    .split("&")
    .filter((pair) => names.includes(nameOf(pair)));
  return kept.length === 0 ? "" : `?${kept.join("&")}`;
}

function nameOf(pair: string): string {
  const name = pair.split("=", 1)[0]?.replaceAll("+", " ") ?? "";
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

async function digestOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
