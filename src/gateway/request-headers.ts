/**
 * The headers of a forwarded request: the client's, without those that only this Worker may set, and with the caller's identity.
 *
 * An upstream trusts what its gateway says of the caller, so no header that could be read as such a claim passes, in any spelling that
 * a server may fold into the same name (src/header-names.ts).
 */
import { looksLikeApiKey } from "../identity/api-key.ts";
import type { Caller } from "../identity/authenticate.ts";
import { originOf } from "../edge/url-parts.ts";
import {
  foldedName,
  HOP_BY_HOP,
  HOPS_HEADER,
  isClaim,
  isOverride,
  USER_ID_HEADER,
  USER_TIER_HEADER,
} from "../header-names.ts";
import { hopsOf } from "./hops.ts";

/**
 * Where cookies of several `Cookie` lines meet: the runtime joins lines by a comma, which no cookie's value may contain (RFC 6265). Some do,
 * so quoted strings are matched too, and kept, as is a comma without a cookie behind it. Empty lines leave several commas. Linear: no lookahead.
 */
const COOKIE_LINES = /"[^"]*"|(?:, )+([^\s"\\,;={}]+=)?/g;

export interface Identity {
  readonly caller: Caller;
  readonly tier: string;
  readonly requestId: string;
  /** Whether the upstream gets the caller's API key. */
  readonly forwardKey: boolean;
  /** Whether the caller's credential was not read. */
  readonly ignoresCredential: boolean;
  /** Whether the upstream gets headers that override method or path. */
  readonly forwardOverrides: boolean;
}

/** The headers that the upstream gets. */
export function forwardedHeaders(request: Request, identity: Identity): Headers {
  const { caller, tier, requestId, forwardKey, ignoresCredential, forwardOverrides } = identity;
  const headers = new Headers(request.headers);
  // Read before hop-by-hop headers are dropped: `Connection: CF-Connecting-IP` must not hide the client from the upstream.
  const ip = headers.get("CF-Connecting-IP");
  const isWebSocket = headers.get("Upgrade")?.toLowerCase() === "websocket";
  dropHopByHop(headers);
  for (const name of [...headers.keys()].filter((header) => isDropped(header, forwardOverrides))) {
    headers.delete(name);
  }
  if (!forwardKey && (caller.kind === "key" || ignoresCredential)) {
    // Without X-API-Key, the key that was read is here, whatever its form.
    const isKey = caller.kind === "key" && !headers.has("X-API-Key");
    // A key that was not read may be one of the upstream's.
    if (caller.kind === "key" || looksLikeApiKey(headers.get("X-API-Key") ?? "")) headers.delete("X-API-Key");
    if (isKey || looksLikeApiKey((headers.get("Authorization") ?? "").replace(/^Bearer +/i, ""))) {
      headers.delete("Authorization");
    }
  }
  const cookies = headers.get("Cookie");
  if (cookies?.includes(", "))
    headers.set(
      "Cookie",
      cookies.replaceAll(COOKIE_LINES, (found, name?: string) => (name ? `; ${name}` : found)),
    );
  if (isWebSocket) headers.set("Upgrade", "websocket");
  const { scheme, host } = originOf(request.url);
  headers.set(USER_TIER_HEADER, tier);
  headers.set("X-Request-Id", requestId);
  headers.set("X-Forwarded-Host", host);
  headers.set("X-Forwarded-Proto", scheme);
  headers.set(HOPS_HEADER, String(hopsOf(request.headers) + 1));
  if (caller.user !== null) headers.set(USER_ID_HEADER, caller.user);
  if (ip !== null) {
    headers.set("CF-Connecting-IP", ip);
    headers.set("X-Forwarded-For", ip);
  }
  return headers;
}

/** Drops the headers that concern one connection only, and those that `Connection` names (RFC 9110, section 7.6.1). */
export function dropHopByHop(headers: Headers): void {
  const named = headers.get("Connection");
  for (const name of HOP_BY_HOP) headers.delete(name);
  for (const name of named?.split(",") ?? []) {
    try {
      headers.delete(name.trim());
    } catch {
      // Not a valid header name, so there is no such header.
    }
  }
}

/** Whether an upstream must not get this header of a client. `name` is in lower case. */
function isDropped(name: string, forwardOverrides: boolean): boolean {
  const folded = foldedName(name);
  return isClaim(folded) || (!forwardOverrides && isOverride(folded));
}
