/**
 * The limit headers of a response: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11, lists of
 * RFC 9651), and the older X-RateLimit-*.
 *
 * Integers all: what remains is rounded down, times are rounded up, so a client that trusts them is never refused.
 */
import { type Item, serializeList } from "structured-headers";
import type { Decision, LimitView } from "../core/decision.ts";

/** The headers as a client in a browser may read them, for CORS. */
export const EXPOSED_HEADERS = [
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "Server-Timing",
  "X-RateLimit-Limit",
  "X-RateLimit-Remaining",
  "X-RateLimit-Reset",
  "X-Request-Id",
];

/** Sets the headers of a decision. A tier without limits has none to tell. */
export function setRateLimitHeaders(
  headers: Headers,
  decision: Decision,
  xRateLimit: boolean,
  nowMs: number,
): void {
  const { limits } = decision;
  if (limits.length > 0) {
    headers.set("RateLimit-Policy", serializeList(limits.map(policyItem)));
    headers.set("RateLimit", serializeList(limits.map(limitItem)));
  }
  const tightest = xRateLimit ? nearestToExhaustion(limits) : undefined;
  if (tightest) {
    headers.set("X-RateLimit-Limit", String(Math.floor(tightest.limit)));
    headers.set("X-RateLimit-Remaining", String(Math.floor(tightest.remaining)));
    headers.set("X-RateLimit-Reset", String(Math.ceil((nowMs + tightest.resetMs) / 1000)));
  }
}

/** `"minute";q=150;w=90`, or `"parallel";q=5;qu="concurrent-requests"`: the draft's unit for what has no window. */
function policyItem({ name, kind, limit, windowMs }: LimitView): Item {
  const quota: [string, number | string] = ["q", Math.floor(limit)];
  const about: [string, number | string] =
    kind === "concurrency" ? ["qu", "concurrent-requests"] : ["w", seconds(windowMs)];
  return [name, new Map([quota, about])];
}

/** `"minute";r=149;t=1` */
function limitItem({ name, remaining, resetMs }: LimitView): Item {
  return [
    name,
    new Map([
      ["r", Math.floor(remaining)],
      ["t", seconds(resetMs)],
    ]),
  ];
}

/** The limit with the smallest share left; the first of several. */
function nearestToExhaustion(limits: readonly LimitView[]): LimitView | undefined {
  const [first, ...others] = limits;
  if (!first) return undefined;
  return others.reduce((least, other) => (share(other) < share(least) ? other : least), first);
}

function share({ limit, remaining }: LimitView): number {
  return remaining / limit;
}

function seconds(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1000));
}
