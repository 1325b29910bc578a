/**
 * The limit headers of a response: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11, lists of
 * RFC 9651), and the older X-RateLimit-*.
 *
 * Integers all: what remains is rounded down, times are rounded up, so a client that trusts them is never refused. Written by
 * hand, since every response has them: names are plain (policy/schema.ts), so nothing needs quoting. The tests read them back
 * with a library.
 */
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

/** The headers of a decision, by name. A tier without limits has none to tell. */
export function rateLimitHeaders(
  { limits }: Decision,
  xRateLimit: boolean,
  nowMs: number,
): Record<string, string> {
  const [first, ...others] = limits;
  if (!first) return {};
  let policy = policyItem(first);
  let left = limitItem(first);
  let tightest = first;
  for (const limit of others) {
    policy += `, ${policyItem(limit)}`;
    left += `, ${limitItem(limit)}`;
    if (share(limit) < share(tightest)) tightest = limit;
  }
  if (!xRateLimit) return { "RateLimit-Policy": policy, RateLimit: left };
  return {
    "RateLimit-Policy": policy,
    RateLimit: left,
    // The limit with the smallest share left; the first of several.
    "X-RateLimit-Limit": String(Math.floor(tightest.limit)),
    "X-RateLimit-Remaining": String(Math.floor(tightest.remaining)),
    "X-RateLimit-Reset": String(Math.ceil((nowMs + tightest.resetMs) / 1000)),
  };
}

/** `"minute";q=150;w=90`, or `"parallel";q=5;qu="concurrent-requests"`: the draft's unit for what has no window. */
function policyItem({ name, kind, limit, windowMs }: LimitView): string {
  const about = kind === "concurrency" ? 'qu="concurrent-requests"' : `w=${seconds(windowMs)}`;
  return `"${name}";q=${Math.floor(limit)};${about}`;
}

/** `"minute";r=149;t=1` */
function limitItem({ name, remaining, resetMs }: LimitView): string {
  return `"${name}";r=${Math.floor(remaining)};t=${seconds(resetMs)}`;
}

function share({ limit, remaining }: LimitView): number {
  return remaining / limit;
}

function seconds(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1000));
}
