/**
 * Forwards a request to its upstream and the response back, as streams: nothing is buffered, WebSocket upgrades pass through.
 *
 * Only this Worker tells the upstream who the caller is: identity headers of the client are dropped, as are hop-by-hop headers
 * (RFC 9110, section 7.6.1) and the API key.
 */
import type { Caller } from "../identity/authenticate.ts";
import { looksLikeApiKey } from "../identity/api-key.ts";
import { originOf, searchOf } from "../edge/url-parts.ts";

/** Headers that concern one connection only, in lower case. `upgrade` and `connection` are restored for a WebSocket. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Headers that identify the caller to the upstream, which a client must not be able to set. `_` counts as `-`, since CGI, WSGI and PHP
 * treat them alike; so does every other special character that a name may have, since some servers map it to `_`.
 */
export const USER_ID_HEADER = "X-User-Id";
export const USER_TIER_HEADER = "X-User-Tier";
const IDENTITY = new Set([
  USER_ID_HEADER.toLowerCase(),
  USER_TIER_HEADER.toLowerCase(),
  "x-request-id",
  "x-real-ip",
  // Read first and then set again.
  "cf-connecting-ip",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

const SPECIAL = /[^a-z0-9-]/;

/** Headers that only this Worker may set on a response. */
const OURS = new Set([
  "ratelimit",
  "ratelimit-policy",
  "x-ratelimit-limit",
  "x-ratelimit-remaining",
  "x-ratelimit-reset",
  "x-request-id",
]);

/** A resolved `service:BINDING`, or a base URL. */
export type Upstream =
  | { readonly kind: "url"; readonly base: URL }
  | { readonly kind: "service"; readonly fetcher: Fetcher };

export interface Forwarding {
  readonly upstream: Upstream;
  readonly path: string;
  readonly caller: Caller;
  readonly tier: string;
  readonly requestId: string;
  readonly timeoutMs: number;
  readonly forwardKey: boolean;
}

export type Forwarded =
  | { readonly kind: "response"; readonly response: Response }
  | { readonly kind: "timeout" }
  | { readonly kind: "error"; readonly error: unknown };

/** Forwards the request. The headers of the response are mutable. Never rejects. */
export async function forward(request: Request, forwarding: Forwarding): Promise<Forwarded> {
  const { upstream, timeoutMs } = forwarding;
  const abort = new AbortController();
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    abort.abort();
  }, timeoutMs);
  try {
    const target = targetOf(request, forwarding);
    const init = {
      method: request.method,
      headers: requestHeaders(request, forwarding),
      body: isRead(request) ? null : request.body,
      redirect: "manual",
      signal: abort.signal,
    } as const;
    const response = await (upstream.kind === "service"
      ? upstream.fetcher.fetch(target, init)
      : fetch(target, init));
    return { kind: "response", response: passBack(response, forwarding.requestId) };
  } catch (error) {
    return timedOut ? { kind: "timeout" } : { kind: "error", error };
  } finally {
    clearTimeout(timer);
  }
}

/** Methods with which `fetch` sends no content. */
function isRead({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

/** Whether a request has content that cannot be forwarded: it is rejected rather than forwarded without. */
export function hasLostContent(request: Request): boolean {
  return isRead(request) && request.body !== null && request.headers.get("Content-Length") !== "0";
}

/** The upstream's base, the canonical path, and the unchanged query. */
function targetOf({ url }: Request, { upstream, path }: Forwarding): string {
  const query = searchOf(url);
  if (upstream.kind === "url") {
    const { origin, pathname } = upstream.base;
    return `${origin}${pathname.replace(/\/$/, "")}${path}${query}`;
  }
  const { scheme, host } = originOf(url);
  return `${scheme}://${host}${path}${query}`;
}

/** The client's headers without those that the upstream must not get, and with the caller's identity. */
function requestHeaders(request: Request, forwarding: Forwarding): Headers {
  const { caller, tier, requestId, forwardKey } = forwarding;
  const headers = new Headers(request.headers);
  // Read before hop-by-hop headers are dropped: `Connection: CF-Connecting-IP` must not hide the client from the upstream.
  const ip = headers.get("CF-Connecting-IP");
  const isWebSocket = headers.get("Upgrade")?.toLowerCase() === "websocket";
  dropHopByHop(headers);
  for (const name of [...headers.keys()].filter(isIdentity)) headers.delete(name);
  if (!forwardKey && caller.kind === "key") {
    headers.delete("X-API-Key");
    if (looksLikeApiKey((headers.get("Authorization") ?? "").replace(/^Bearer +/i, ""))) {
      headers.delete("Authorization");
    }
  }
  if (isWebSocket) headers.set("Upgrade", "websocket");
  const { scheme, host } = originOf(request.url);
  headers.set(USER_TIER_HEADER, tier);
  headers.set("X-Request-Id", requestId);
  headers.set("X-Forwarded-Host", host);
  headers.set("X-Forwarded-Proto", scheme);
  if (caller.user !== null) headers.set(USER_ID_HEADER, caller.user);
  if (ip !== null) {
    headers.set("CF-Connecting-IP", ip);
    headers.set("X-Forwarded-For", ip);
  }
  return headers;
}

/** The upstream's response without headers that only this Worker may set, and with `X-Request-Id`. Its headers are mutable. */
function passBack(upstream: Response, requestId: string): Response {
  const response = new Response(upstream.body, upstream);
  const { headers } = response;
  dropHopByHop(headers);
  for (const name of OURS) headers.delete(name);
  headers.set("X-Request-Id", requestId);
  return response;
}

/** Drops the listed headers and those that `Connection` names. */
function dropHopByHop(headers: Headers): void {
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

/** Whether an upstream could read this header as the caller's identity. */
function isIdentity(name: string): boolean {
  return IDENTITY.has(name) || (SPECIAL.test(name) && IDENTITY.has(name.split(SPECIAL).join("-")));
}
