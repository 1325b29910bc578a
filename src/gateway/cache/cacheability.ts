/**
 * Whether a response may be stored, and for how long it is fresh, by RFC 9111 and by what the route allows. Pure: the times are arguments.
 *
 * Stricter than the RFC in what it stores: nothing that an upstream restricts in any way (`private`, `no-cache`, even for one field).
 */
import type { RouteCache } from "../../policy/compiled.ts";
import {
  ageMsOf,
  argumentMs,
  cdnDirectivesOf,
  dateMsOf,
  type Directives,
  directivesOf,
} from "./cache-control.ts";

export type Cacheability =
  /** `reason`: one word for the Cache-Status header. */
  { readonly kind: "unstorable"; readonly reason: string } | ({ readonly kind: "storable" } & Freshness);

/** All in milliseconds. */
export interface Freshness {
  /** How old the response was when it arrived. */
  readonly ageMs: number;
  /** The age up to which it is fresh. */
  readonly lifetimeMs: number;
  /** For how long after that it may be sent while a new one is fetched. */
  readonly staleWhileRevalidateMs: number;
  /** For how long after that it may be sent if the upstream fails. */
  readonly staleIfErrorMs: number;
}

/** When the upstream was asked, and when its headers arrived. Unix milliseconds. */
export interface ResponseTimes {
  readonly sentMs: number;
  readonly receivedMs: number;
}

/** Statuses that are fresh without saying so (RFC 9110, section 15.1). Of others the upstream must name a lifetime. */
const FRESH_BY_DEFAULT: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501,
]);

/** Never stored, whatever a policy lists: parts of a response, and what is about one caller. */
const NEVER: ReadonlySet<number> = new Set([206, 304, 401, 407, 429]);

/** Statuses whose own rules for caches are followed. Of others, `must-understand` forbids storing. */
const UNDERSTOOD: ReadonlySet<number> = new Set([...FRESH_BY_DEFAULT, 302, 303, 307]);

const RESTRICTIONS = ["no-store", "private", "no-cache"] as const;

/** @param request the client's. */
export function cacheability(
  request: { readonly method: string; readonly headers: Headers },
  response: { readonly status: number; readonly headers: Headers },
  route: RouteCache,
  times: ResponseTimes,
): Cacheability {
  const { status, headers } = response;
  if (request.method !== "GET") return { kind: "unstorable", reason: "method" };
  if (directivesOf(request.headers.get("Cache-Control")).has("no-store")) {
    return { kind: "unstorable", reason: "request-no-store" };
  }
  if (NEVER.has(status) || !route.statuses.includes(status)) return { kind: "unstorable", reason: "status" };
  if (headers.has("Content-Range")) return { kind: "unstorable", reason: "range" };
  if (headers.has("Set-Cookie") || headers.has("Set-Cookie2")) {
    return { kind: "unstorable", reason: "set-cookie" };
  }
  if (!isKeyed(headers.get("Vary"), route)) return { kind: "unstorable", reason: "vary" };
  const ofCdns = cdnDirectivesOf(headers.get("CDN-Cache-Control"));
  const directives = ofCdns ?? directivesOf(headers.get("Cache-Control"));
  const restriction = RESTRICTIONS.find((name) => directives.has(name));
  if (restriction !== undefined) return { kind: "unstorable", reason: restriction };
  if (directives.has("must-understand") && !UNDERSTOOD.has(status)) {
    return { kind: "unstorable", reason: "must-understand" };
  }
  const explicitMs = explicitLifetimeMs(directives, ofCdns === null ? headers : null, headers, times);
  const defaultMs = FRESH_BY_DEFAULT.has(status) ? route.defaultTtlMs : 0;
  if (explicitMs === null && defaultMs === 0) return { kind: "unstorable", reason: "no-lifetime" };
  const lifetimeMs = Math.min(explicitMs ?? defaultMs, route.ttlMs);
  const ageMs = ageOnArrivalMs(headers, times);
  // Stale at once and nothing to revalidate it by: it would never be sent.
  if (lifetimeMs <= ageMs && !hasValidator(headers)) return { kind: "unstorable", reason: "stale" };
  const isStrict = ["must-revalidate", "proxy-revalidate", "s-maxage"].some((name) => directives.has(name));
  const allowed = (name: string, ms: number): number =>
    isStrict ? 0 : Math.min(ms, argumentMs(directives, name) ?? ms);
  return {
    kind: "storable",
    ageMs,
    lifetimeMs,
    staleWhileRevalidateMs: allowed("stale-while-revalidate", route.staleWhileRevalidateMs),
    staleIfErrorMs: allowed("stale-if-error", route.staleIfErrorMs),
  };
}

export function hasValidator(headers: Headers): boolean {
  return headers.has("ETag") || headers.has("Last-Modified");
}

/** Whether everything that a response says it depends on is part of its key. */
function isKeyed(vary: string | null, { headers }: RouteCache): boolean {
  return (vary ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .every((name) => name === "" || name === "accept-encoding" || headers.includes(name));
}

/** What the upstream says of the lifetime; null: nothing. @param withExpires null: `Expires` does not count. */
function explicitLifetimeMs(
  directives: Directives,
  withExpires: Headers | null,
  headers: Headers,
  { receivedMs }: ResponseTimes,
): number | null {
  const named = argumentMs(directives, "s-maxage") ?? argumentMs(directives, "max-age");
  if (named !== null) return named;
  const expires = withExpires?.get("Expires") ?? null;
  if (expires === null) return null;
  const untilMs = dateMsOf(expires, receivedMs);
  // A date that cannot be read is in the past (RFC 9111, section 5.3).
  if (untilMs === null) return 0;
  return Math.max(0, untilMs - (dateMsOf(headers.get("Date"), receivedMs) ?? receivedMs));
}

/** RFC 9111, section 4.2.3. */
function ageOnArrivalMs(headers: Headers, { sentMs, receivedMs }: ResponseTimes): number {
  const dateMs = dateMsOf(headers.get("Date"), receivedMs) ?? receivedMs;
  const apparentMs = Math.max(0, receivedMs - dateMs);
  // Dates have whole seconds: less than one is no age.
  const byDateMs = apparentMs < 1_000 ? 0 : apparentMs;
  const hasAge = headers.has("Age");
  return Math.max(byDateMs, hasAge ? ageMsOf(headers.get("Age")) + Math.max(0, receivedMs - sentMs) : 0);
}
