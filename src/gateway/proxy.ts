/**
 * Forwards a request to its upstream, and the answer back, as streams: nothing is buffered, WebSocket upgrades pass through.
 *
 * The upstream gets the caller's identity from us alone: headers that claim it are dropped on the way in, as are
 * hop-by-hop headers (RFC 9110, section 7.6.1) and the API key.
 */
import type { Caller } from "../identity/authenticate.ts";
import { looksLikeApiKey } from "../identity/api-key.ts";
import { originOf, searchOf } from "../edge/url-parts.ts";

/** Meaningful for one connection only. `upgrade` and `connection` are restored for a WebSocket. Names are in lower case. */
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
 * What the upstream is told about the caller, and what a client therefore must not be able to write; `_` counts as `-`,
 * since CGI, WSGI and PHP make the two the same, and so does whatever else may stand in a name: some servers make it `_`.
 */
export const USER_ID_HEADER = "X-User-Id";
export const USER_TIER_HEADER = "X-User-Tier";
const IDENTITY = new Set([
  USER_ID_HEADER.toLowerCase(),
  USER_TIER_HEADER.toLowerCase(),
  "x-request-id",
  "x-real-ip",
  // Read before, and set again.
  "cf-connecting-ip",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

const ODD = /[^a-z0-9-]/;

/** Headers of our own answer that an upstream must not write. */
const OURS = new Set([
  "ratelimit",
  "ratelimit-policy",
  "x-ratelimit-limit",
  "x-ratelimit-remaining",
  "x-ratelimit-reset",
  "x-request-id",
]);

/** `service:BINDING` resolved, or a base URL. */
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

/** Sends the request on. The response's headers are mutable. Never rejects. */
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

/** `fetch` sends no content with these, not even none that is announced. */
function isRead({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

/** Whether a request has content that would not be sent on: better refused than forwarded without. */
export function hasLostContent(request: Request): boolean {
  return isRead(request) && request.body !== null && request.headers.get("Content-Length") !== "0";
}

/** The upstream's base, then the canonical path, then the query as it came. */
function targetOf({ url }: Request, { upstream, path }: Forwarding): string {
  const query = searchOf(url);
  if (upstream.kind === "url") {
    const { origin, pathname } = upstream.base;
    return `${origin}${pathname.replace(/\/$/, "")}${path}${query}`;
  }
  const { scheme, host } = originOf(url);
  return `${scheme}://${host}${path}${query}`;
}

/** What came, without what the upstream must not get, and with what it is to know. */
function requestHeaders(request: Request, forwarding: Forwarding): Headers {
  const { caller, tier, requestId, forwardKey } = forwarding;
  const headers = new Headers(request.headers);
  // As it came: `Connection: CF-Connecting-IP` must not hide the client from the upstream.
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

/** The upstream's answer with what is ours to say taken out, and `X-Request-Id` in. The headers are mutable. */
function passBack(upstream: Response, requestId: string): Response {
  const response = new Response(upstream.body, upstream);
  const { headers } = response;
  dropHopByHop(headers);
  for (const name of OURS) headers.delete(name);
  headers.set("X-Request-Id", requestId);
  return response;
}

/** What is listed, and what `Connection` names. */
function dropHopByHop(headers: Headers): void {
  const named = headers.get("Connection");
  for (const name of HOP_BY_HOP) headers.delete(name);
  for (const name of named?.split(",") ?? []) {
    try {
      headers.delete(name.trim());
    } catch {
      // No header has such a name.
    }
  }
}

/** Whether the upstream would take it for who the caller is. */
function isIdentity(name: string): boolean {
  return IDENTITY.has(name) || (ODD.test(name) && IDENTITY.has(name.split(ODD).join("-")));
}
