/** Applies a decision to a response: limit headers if it was allowed, the whole response if it was rejected. */
import type { QuotaCap } from "../core/calendar-quota.ts";
import type { Decision } from "../core/decision.ts";
import { denial } from "./denial.ts";
import {
  MISMATCH,
  problem,
  type ProblemKind,
  RETRY_MS,
  secondsOf,
  TOO_MANY_RESERVATIONS,
  unauthorized,
  unavailable,
} from "./problem.ts";
import { setRateLimitHeaders, setXRateLimit } from "./rate-limit-headers.ts";

/** A decision, and what else its response reports. */
export interface ReportedDecision {
  readonly decision: Decision;
  readonly requestId: string;
  /** Whether to send X-RateLimit-* as well. */
  readonly xRateLimit: boolean;
  /** Whether to send Server-Timing as well. */
  readonly serverTiming: boolean;
  /** How long the decision took. */
  readonly limiterMs: number;
}

/** The response with the headers of a decision: the same object, or a copy if its headers are immutable. */
export function withLimits(response: Response, reported: ReportedDecision): Response {
  try {
    writeHeaders(response.headers, reported);
    return response;
  } catch {
    // The headers of a response that a handler fetched are immutable.
    const copy = new Response(response.body, response);
    writeHeaders(copy.headers, reported);
    return copy;
  }
}

/** @throws TypeError at the first header if headers are immutable, or if the id is not a valid header value. */
function writeHeaders(headers: Headers, reported: ReportedDecision): void {
  headers.set("X-Request-Id", reported.requestId);
  setHeaders(headers, reported);
}

/** The response to a rejected request. @throws Error if the decision allows it. */
export function rejection(reported: ReportedDecision): Response {
  const { decision, requestId, xRateLimit } = reported;
  if (decision.outcome !== "denied" || decision.cap !== undefined) {
    const response = problemOf(decision, requestId);
    setHeaders(response.headers, reported);
    return response;
  }
  const response = denial(decision, requestId);
  if (reported.serverTiming) addTiming(response.headers, reported);
  if (xRateLimit) setXRateLimit(response.headers, decision.limits, Date.now());
  return response;
}

function setHeaders(headers: Headers, reported: ReportedDecision): void {
  if (reported.serverTiming) addTiming(headers, reported);
  setRateLimitHeaders(headers, reported.decision, reported.xRateLimit, Date.now());
}

/** Appends, since a handler may have set its own timings. */
function addTiming(headers: Headers, { decision, limiterMs }: ReportedDecision): void {
  headers.append("Server-Timing", `limiter;dur=${limiterMs.toFixed(1)};desc="${decision.source}"`);
}

/** The response to a request that a rule of the policy rejects. It does not say which. */
export function deniedByRule(requestId: string): Response {
  return problem("denied_by_rule", "A rule of this API rejects this request.", requestId);
}

/** The response to a user who sends more requests than their object can decide. */
export function overloaded(requestId: string): Response {
  const detail =
    "This user sends more requests at once than can be decided. Send fewer, and retry after 1 s.";
  return problem("overloaded", detail, requestId, { retryAfterMs: RETRY_MS });
}

/** The response to a user who has as many reservations open as there may be: one is free again when it is settled. */
export function tooManyReservations(requestId: string): Response {
  return problem("too_many_reservations", TOO_MANY_RESERVATIONS, requestId, { retryAfterMs: RETRY_MS });
}

function problemOf(decision: Decision, requestId: string): Response {
  const { outcome, cap, retryAfterMs } = decision;
  switch (outcome) {
    case "allowed":
      throw new Error("an allowed request has no rejection");
    case "denied":
      if (cap === undefined) throw new Error("denials by a limit are made from a template");
      return capProblem(decision, cap, requestId);
    case "blocked":
      return problem("blocked", "This account is blocked.", requestId);
    case "denied_by_rule":
      return deniedByRule(requestId);
    case "overdue": {
      const detail = "An invoice of this account is past due. Requests are admitted again once it is paid.";
      return problem("payment_overdue", detail, requestId);
    }
    case "revoked":
      return unauthorized("The API key has been revoked or has expired.", requestId);
    case "overloaded":
      return overloaded(requestId);
    case "mismatch":
      return problem("idempotency_mismatch", MISMATCH, requestId);
    case "too_many_reservations":
      return tooManyReservations(requestId);
    case "unavailable":
      return unavailable("The limiter is not responding.", requestId, retryAfterMs ?? RETRY_MS);
  }
}

const CAPS: Readonly<Record<QuotaCap, readonly [kind: ProblemKind, reached: string]>> = {
  spend_cap: ["spend_cap_reached", "The spend cap of this account is reached"],
  budget: ["budget_reached", "The budget of this account is reached"],
  credits: ["credits_exhausted", "The credits of this account are used up"],
};

/** A cap leaves too little for the request. Only credits help before the period's end, and only if they are what is missing. */
function capProblem({ cost, violated, retryAfterMs }: Decision, cap: QuotaCap, requestId: string): Response {
  const [kind, reached] = CAPS[cap];
  const advice = retryAfterMs === null ? "Add credits." : `Retry after ${secondsOf(retryAfterMs)} s.`;
  const detail = `${reached}: this request (cost ${cost}) would exceed it. ${advice} A denied request costs nothing.`;
  return problem(kind, detail, requestId, { "violated-policies": violated, retryAfterMs });
}
