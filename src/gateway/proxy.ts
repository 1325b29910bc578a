/**
 * Forwards a request to its upstream, and the answer back, as streams: nothing is buffered, WebSocket upgrades pass through.
 *
 * The upstream gets the caller's identity from us alone: headers that claim it are dropped on the way in, as are
 * hop-by-hop headers (RFC 9110, section 7.6.1) and the API key.
 */
import type { Caller } from "../identity/authenticate.ts";
import { looksLikeApiKey } from "../identity/api-key.ts";

/** Meaningful for one connection only. `upgrade` and `connection` are restored for a WebSocket. */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/**
 * What the upstream is told about the caller, and what a client therefore must not be able to write; `_` counts as `-`,
 * since CGI, WSGI and PHP make the two the same.
 */
export const USER_ID_HEADER = "X-User-Id";
export const USER_TIER_HEADER = "X-User-Tier";
const IDENTITY = new Set([
  USER_ID_HEADER.toLowerCase(),
  USER_TIER_HEADER.toLowerCase(),
  "x-request-id",
  "x-real-ip",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

/** Headers of our own answer that an upstream must not write. */
const OURS = [
  "RateLimit",
  "RateLimit-Policy",
  "X-RateLimit-Limit",
  "X-RateLimit-Remaining",
  "X-RateLimit-Reset",
];

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
    const outbound = new Request(targetOf(request, forwarding), {
      method: request.method,
      headers: requestHeaders(request, forwarding),
      body: request.body,
      redirect: "manual",
      signal: abort.signal,
    });
    const response = await (upstream.kind === "service" ? upstream.fetcher.fetch(outbound) : fetch(outbound));
    return { kind: "response", response: passBack(response) };
  } catch (error) {
    return timedOut ? { kind: "timeout" } : { kind: "error", error };
  } finally {
    clearTimeout(timer);
  }
}

/** The upstream's base, then the canonical path, then the query as it came. */
function targetOf(request: Request, { upstream, path }: Forwarding): string {
  const source = new URL(request.url);
  const base = upstream.kind === "url" ? upstream.base : source;
  const prefix = upstream.kind === "url" ? base.pathname.replace(/\/$/, "") : "";
  return `${base.origin}${prefix}${path}${source.search}`;
}

function requestHeaders(request: Request, { caller, tier, requestId, forwardKey }: Forwarding): Headers {
  const headers = new Headers(request.headers);
  const isWebSocket = headers.get("Upgrade")?.toLowerCase() === "websocket";
  removeHopByHop(headers);
  for (const name of new Headers(headers).keys()) {
    if (IDENTITY.has(name.replaceAll("_", "-"))) headers.delete(name);
  }
  if (isWebSocket) headers.set("Upgrade", "websocket");
  if (!forwardKey && caller.kind === "key") {
    headers.delete("X-API-Key");
    const token = headers.get("Authorization")?.replace(/^Bearer +/i, "");
    if (token !== undefined && looksLikeApiKey(token)) headers.delete("Authorization");
  }
  if (caller.user !== null) headers.set(USER_ID_HEADER, caller.user);
  headers.set(USER_TIER_HEADER, tier);
  headers.set("X-Request-Id", requestId);
  const source = new URL(request.url);
  headers.set("X-Forwarded-Host", source.host);
  headers.set("X-Forwarded-Proto", source.protocol.slice(0, -1));
  // As it came: `Connection: CF-Connecting-IP` must not hide the client from the upstream.
  const ip = request.headers.get("CF-Connecting-IP");
  if (ip !== null) {
    headers.set("CF-Connecting-IP", ip);
    headers.set("X-Forwarded-For", ip);
  }
  return headers;
}

function passBack(upstream: Response): Response {
  const headers = new Headers(upstream.headers);
  removeHopByHop(headers);
  for (const name of OURS) headers.delete(name);
  if (upstream.webSocket) {
    return new Response(null, { status: upstream.status, headers, webSocket: upstream.webSocket });
  }
  return new Response(upstream.body, { status: upstream.status, statusText: upstream.statusText, headers });
}

/** Removes the listed ones and those that `Connection` names, but never more than a header of the hop: not our own. */
function removeHopByHop(headers: Headers): void {
  for (const name of headers.get("Connection")?.split(",") ?? []) {
    const trimmed = name.trim();
    // `Connection: X-API-Key` must not strip what decides who the caller is; it is gone from what we forward anyway.
    if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(trimmed)) headers.delete(trimmed);
  }
  for (const name of HOP_BY_HOP) headers.delete(name);
}
