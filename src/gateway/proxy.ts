/**
 * Forwards a request to its upstream, and the answer back, as streams: nothing is buffered, WebSocket upgrades pass through.
 *
 * The upstream gets the caller's identity from us alone: headers that claim it are dropped on the way in, as are
 * hop-by-hop headers (RFC 9110, section 7.6.1) and the API key.
 */
import type { Caller } from "../identity/authenticate.ts";
import { looksLikeApiKey } from "../identity/api-key.ts";
import { originOf, searchOf } from "./url-parts.ts";

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
    const outbound = new Request(targetOf(request, forwarding), {
      method: request.method,
      headers: requestHeaders(request, forwarding),
      body: request.body,
      redirect: "manual",
      signal: abort.signal,
    });
    const response = await (upstream.kind === "service" ? upstream.fetcher.fetch(outbound) : fetch(outbound));
    return { kind: "response", response: passBack(response, forwarding.requestId) };
  } catch (error) {
    return timedOut ? { kind: "timeout" } : { kind: "error", error };
  } finally {
    clearTimeout(timer);
  }
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

/** One pass over what came: each header is read, and written, once. */
function requestHeaders(request: Request, forwarding: Forwarding): [string, string][] {
  const { caller, tier, requestId, forwardKey } = forwarding;
  const dropsKey = !forwardKey && caller.kind === "key";
  const named = connectionNames(request.headers);
  const headers: [string, string][] = [];
  let ip: string | null = null;
  for (const [name, value] of request.headers) {
    // As it came: `Connection: CF-Connecting-IP` must not hide the client from the upstream.
    if (name === "cf-connecting-ip") ip = value;
    else if (name === "upgrade" && value.toLowerCase() === "websocket") headers.push([name, "websocket"]);
    else if (isOfHop(name, named) || isIdentity(name)) continue;
    else if (dropsKey && (name === "x-api-key" || isBearerKey(name, value))) continue;
    else headers.push([name, value]);
  }
  const { scheme, host } = originOf(request.url);
  headers.push([USER_TIER_HEADER, tier], ["X-Request-Id", requestId]);
  headers.push(["X-Forwarded-Host", host], ["X-Forwarded-Proto", scheme]);
  if (caller.user !== null) headers.push([USER_ID_HEADER, caller.user]);
  if (ip !== null) headers.push(["CF-Connecting-IP", ip], ["X-Forwarded-For", ip]);
  return headers;
}

/** The upstream's answer with what is ours to say taken out, and `X-Request-Id` in. The headers are mutable. */
function passBack(upstream: Response, requestId: string): Response {
  const named = connectionNames(upstream.headers);
  const headers: [string, string][] = [["X-Request-Id", requestId]];
  for (const [name, value] of upstream.headers) {
    if (!OURS.has(name) && !isOfHop(name, named)) headers.push([name, value]);
  }
  const { status, statusText, webSocket } = upstream;
  if (webSocket) return new Response(null, { status, headers, webSocket });
  return new Response(upstream.body, { status, statusText, headers });
}

/** Whether the upstream would take it for who the caller is. */
function isIdentity(name: string): boolean {
  return IDENTITY.has(name) || (name.includes("_") && IDENTITY.has(name.replaceAll("_", "-")));
}

function isBearerKey(name: string, value: string): boolean {
  return name === "authorization" && looksLikeApiKey(value.replace(/^Bearer +/i, ""));
}

/** The headers that `Connection` names, in lower case; null where it names none. */
function connectionNames(headers: Headers): ReadonlySet<string> | null {
  const connection = headers.get("Connection");
  if (connection === null) return null;
  return new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
}

/** What is listed and what `Connection` names, but never our own: those are written after. */
function isOfHop(name: string, named: ReadonlySet<string> | null): boolean {
  return HOP_BY_HOP.has(name) || named?.has(name) === true;
}
