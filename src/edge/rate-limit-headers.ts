/**
 * The limit headers of a response: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11, lists of
 * RFC 9651), the older X-RateLimit-*, and `X-Quota-Overage`, a list too, while usage is billed beyond what is included.
 *
 * All integers: remaining amounts are rounded down and times up, so a client that trusts them is never rejected. Written by hand,
 * since every response has them: names are plain (src/policy/schema.ts), so nothing needs escaping. The tests parse them with a
 * library.
 */
import { type Decision, isUncapped, type LimitView } from "../core/decision.ts";

/** Headers that scripts in a browser may read, for CORS. */
export const EXPOSED_HEADERS = [
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "Server-Timing",
  "X-Quota-Overage",
  "X-RateLimit-Limit",
  "X-RateLimit-Remaining",
  "X-RateLimit-Reset",
  "X-Request-Id",
];

/**
 * Writes the headers of a decision; none for a tier without limits. A quota that nothing caps limits nothing, so it is left out.
 * @throws TypeError at the first header if `headers` is immutable.
 */
export function setRateLimitHeaders(
  headers: Headers,
  { limits }: Decision,
  xRateLimit: boolean,
  nowMs: number,
): void {
  if (limits.length === 0) return;
  setLimitTexts(headers, limitTexts(limits));
  if (xRateLimit) setXRateLimit(headers, limits, nowMs);
}

/** The values of `RateLimit-Policy`, `RateLimit` and `X-Quota-Overage`; "" if the header is not sent. */
export interface LimitTexts {
  readonly policy: string;
  readonly left: string;
  readonly overage: string;
}

export function limitTexts(limits: readonly LimitView[]): LimitTexts {
  let policy = "";
  let left = "";
  let overage = "";
  for (const limit of limits) {
    if (limit.over !== undefined && limit.over > 0) overage = overageItem(limit);
    if (isUncapped(limit)) continue;
    if (policy !== "") {
      policy += ", ";
      left += ", ";
    }
    policy += policyItem(limit);
    left += limitItem(limit);
  }
  return { policy, left, overage };
}

/** @throws TypeError as {@link setRateLimitHeaders} does. */
export function setLimitTexts(headers: Headers, { policy, left, overage }: LimitTexts): void {
  if (overage !== "") headers.set("X-Quota-Overage", overage);
  if (policy === "") return;
  headers.set("RateLimit-Policy", policy);
  headers.set("RateLimit", left);
}

/** Writes X-RateLimit-* of the first limit with the smallest remaining share. */
export function setXRateLimit(headers: Headers, limits: readonly LimitView[], nowMs: number): void {
  let tightest: LimitView | null = null;
  for (const limit of limits) {
    // Not concurrency limits: their slots return as requests end.
    if (limit.kind === "concurrency" || isUncapped(limit)) continue;
    if (tightest === null || share(limit) < share(tightest)) tightest = limit;
  }
  if (tightest === null) return;
  headers.set("X-RateLimit-Limit", String(Math.floor(tightest.limit)));
  headers.set("X-RateLimit-Remaining", String(Math.floor(tightest.remaining)));
  headers.set("X-RateLimit-Reset", String(Math.ceil((nowMs + tightest.resetMs) / 1000)));
}

/**
 * `"minute";q=150;w=90`, or `"parallel";q=5;qu="concurrent-requests"`: the draft's unit for limits without a window. A limit in another unit
 * than requests, which is the draft's default, names it.
 */
function policyItem({ name, kind, unit, limit, windowMs }: LimitView): string {
  const ofUnit = unit === undefined ? "" : `qu="${unit}";`;
  const about = kind === "concurrency" ? 'qu="concurrent-requests"' : `${ofUnit}w=${seconds(windowMs)}`;
  return `"${name}";q=${Math.floor(limit)};${about}`;
}

/** `"minute";r=149;t=1` */
function limitItem({ name, remaining, resetMs }: LimitView): string {
  return `"${name}";r=${Math.floor(remaining)};t=${seconds(resetMs)}`;
}

/** `"month";included=1000000;over=1234;cap=400000`: tokens; what is over is rounded up. There is one quota with overage. */
function overageItem(limit: LimitView): string {
  const { name, included = 0, over = 0 } = limit;
  const cap = isUncapped(limit) ? "" : `;cap=${Math.floor(limit.limit - included)}`;
  return `"${name}";included=${Math.floor(included)};over=${Math.ceil(over)}${cap}`;
}

function share({ limit, remaining }: LimitView): number {
  return remaining / limit;
}

function seconds(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1000));
}
