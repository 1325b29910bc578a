/**
 * The response to a rejected request, and the limit headers of an admitted one: the same as the gateway's own
 * (test/client/limit-response.test.ts compares them).
 */
import { isUncapped, tightestOf } from "./tightest.ts";
import type { Decision, LimitView } from "./types.ts";

type Rejection = readonly [status: number, code: string, detail: string];

const REGISTRY = "https://iana.org/assignments/http-problem-types#";
const QUOTA = ["quota-exceeded", "Request cannot be satisfied as assigned quota has been exceeded"] as const;
const CAPACITY = [
  "temporary-reduced-capacity",
  "Request cannot be satisfied due to temporary server capacity constraints",
] as const;
/** Problems that have a type of their own. */
const TYPES: Readonly<Record<string, readonly [type: string, title: string]>> = {
  quota_exceeded: QUOTA,
  spend_cap_reached: QUOTA,
  budget_reached: QUOTA,
  temporary_reduced_capacity: CAPACITY,
};
const TITLES: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  422: "Unprocessable Content",
  429: "Too Many Requests",
};
/** `too_many_reservations` as the limiter has it. */
const MAX_RESERVATIONS = 256;
const RETRY_MS = 1_000;

/** The response to a request that a decision rejects, without the limits' headers. */
export function rejection(decision: Rejected, requestId: string): Response {
  const [status, code, detail] = rejectionOf(decision);
  const isDenied = decision.outcome === "denied";
  const waitMs = isDenied ? decision.retryAfterMs : waitOf(decision, status);
  return problem(status, code, detail, requestId, waitMs, isDenied ? decision.violated : undefined);
}

/** A decision as far as it says why. */
export type Rejected = Decision | { readonly outcome: "unavailable"; readonly retryAfterMs: null };

/** @param waitMs Retry-After; null: none. */
export function problem(
  status: number,
  code: string,
  detail: string,
  requestId: string,
  waitMs: number | null = null,
  violated?: readonly string[],
): Response {
  const [type, title] = TYPES[code] ?? [null, TITLES[status]];
  const headers = new Headers({
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Request-Id": requestId,
  });
  if (waitMs !== null) headers.set("Retry-After", String(seconds(waitMs)));
  if (status === 401) headers.set("WWW-Authenticate", 'Bearer realm="edge-limiter"');
  const body = {
    type: type === null ? "about:blank" : REGISTRY + type,
    title,
    status,
    detail,
    code,
    requestId,
    "violated-policies": violated,
  };
  return new Response(JSON.stringify(body), { status, headers });
}

/** Only these outcomes end by themselves. */
function waitOf({ retryAfterMs }: Rejected, status: number): number | null {
  if (status === 503) return retryAfterMs ?? RETRY_MS;
  return status === 429 ? RETRY_MS : null;
}

function rejectionOf(decision: Rejected): Rejection {
  switch (decision.outcome) {
    case "denied":
      return denial(decision);
    case "blocked":
      return [403, "blocked", "This account is blocked."];
    case "denied_by_rule":
      return [403, "denied_by_rule", "A rule of this API rejects this request."];
    case "overdue":
      return [
        402,
        "payment_overdue",
        "An invoice of this account is past due. Requests are admitted again once it is paid.",
      ];
    case "revoked":
      return [401, "invalid_credentials", "The API key has been revoked or has expired."];
    case "overloaded":
      return [
        429,
        "overloaded",
        "This user sends more requests at once than can be decided. Send fewer, and retry after 1 s.",
      ];
    case "too_many_reservations":
      return [
        429,
        "too_many_reservations",
        `This user has ${MAX_RESERVATIONS} open reservations. Settle one, or retry after 1 s.`,
      ];
    case "mismatch":
      return [422, "idempotency_mismatch", MISMATCH];
    // Also an outcome of a newer limiter that this version does not know: never admitted.
    default:
      return [
        503,
        "temporary_reduced_capacity",
        `The limiter is not responding. Retry after ${seconds(decision.retryAfterMs ?? RETRY_MS)} s.`,
      ];
  }
}

export const MISMATCH = "This idempotency key was used with other parameters in the last ten minutes.";

function denial({ cost, violated, retryAfterMs, cap }: Decision): Rejection {
  const wait = retryAfterMs === null ? null : `Retry after ${seconds(retryAfterMs)} s`;
  if (cap !== undefined) {
    const [status, code, reached] = CAPS[cap];
    const advice = wait === null ? "Add credits" : wait;
    const detail = `${reached} of this account ${cap === "credits" ? "are used up" : "is reached"}: this request (cost ${cost}) would exceed it. ${advice}. A denied request costs nothing.`;
    return [status, code, detail];
  }
  const names = violated.map((name) => `"${name}"`).join(", ");
  const detail =
    wait === null
      ? `This request (cost ${cost}) is larger than ${names} can ever hold. Split it, or ask for a larger limit.`
      : `This request (cost ${cost}) would exceed the ${violated.length > 1 ? "limits" : "limit"} ${names}. ${wait}; a denied request costs nothing.`;
  return [429, "quota_exceeded", detail];
}

const CAPS: Readonly<Record<NonNullable<Decision["cap"]>, Rejection>> = {
  spend_cap: [429, "spend_cap_reached", "The spend cap"],
  budget: [429, "budget_reached", "The budget"],
  credits: [402, "credits_exhausted", "The credits"],
};

/** Writes `RateLimit-Policy`, `RateLimit` and `X-Quota-Overage`; with `xRateLimit`, the older headers too. */
export function setLimits(headers: Headers, { limits }: Decision, xRateLimit: boolean): void {
  const counted = limits.filter((view) => !isUncapped(view));
  const over = limits.findLast((view) => (view.over ?? 0) > 0);
  if (over) headers.set("X-Quota-Overage", overageOf(over));
  if (counted.length > 0) {
    headers.set("RateLimit-Policy", counted.map(policyOf).join(", "));
    headers.set("RateLimit", counted.map(leftOf).join(", "));
  }
  const tightest = xRateLimit ? tightestOf(limits) : undefined;
  if (!tightest) return;
  headers.set("X-RateLimit-Limit", String(Math.floor(tightest.limit)));
  headers.set("X-RateLimit-Remaining", String(Math.floor(tightest.remaining)));
  headers.set("X-RateLimit-Reset", String(Math.ceil((Date.now() + tightest.resetMs) / 1_000)));
}

/** `"minute";q=150;w=90`, or `"parallel";q=5;qu="concurrent-requests"` */
function policyOf({ name, kind, limit, windowMs }: LimitView): string {
  const about = kind === "concurrency" ? 'qu="concurrent-requests"' : `w=${ceil(windowMs)}`;
  return `"${name}";q=${Math.floor(limit)};${about}`;
}

function leftOf({ name, remaining, resetMs }: LimitView): string {
  return `"${name}";r=${Math.floor(remaining)};t=${ceil(resetMs)}`;
}

function overageOf(view: LimitView): string {
  const { name, limit, included = 0, over = 0 } = view;
  const cap = isUncapped(view) ? "" : `;cap=${Math.floor(limit - included)}`;
  return `"${name}";included=${Math.floor(included)};over=${Math.ceil(over)}${cap}`;
}

function ceil(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1_000));
}

function seconds(ms: number): number {
  return Math.max(1, ceil(ms));
}
