/** What a decision makes of a response: the limit headers where it was "yes", the whole answer where it was "no". */
import type { Decision } from "../core/decision.ts";
import { MISMATCH, problem, unauthorized } from "./problem.ts";
import { setRateLimitHeaders } from "./rate-limit-headers.ts";

/** A decision, and what is told beside it. */
export interface Decided {
  readonly decision: Decision;
  readonly requestId: string;
  /** Whether to send X-RateLimit-* as well. */
  readonly xRateLimit: boolean;
  /** How long the decision took. */
  readonly limiterMs: number;
}

/** Unavailable for a moment: what a client is told where nothing better is known. */
export const RETRY_MS = 1_000;

/** The response with the headers of a decision: the same one, or a copy where its headers cannot be changed. */
export function withLimits(response: Response, decided: Decided): Response {
  try {
    tell(response.headers, decided);
    return response;
  } catch {
    // What a handler fetched elsewhere has headers that cannot be changed.
    const copy = new Response(response.body, response);
    tell(copy.headers, decided);
    return copy;
  }
}

/** @throws TypeError at the first header where headers are immutable, or where the id is no header's value. */
function tell(headers: Headers, decided: Decided): void {
  headers.set("X-Request-Id", decided.requestId);
  setHeaders(headers, decided);
}

/** The answer to a request that may not pass. */
export function refusal(decided: Decided): Response {
  const response = problemOf(decided.decision, decided.requestId);
  setHeaders(response.headers, decided);
  return response;
}

function setHeaders(headers: Headers, { decision, xRateLimit, limiterMs }: Decided): void {
  // A handler may have timings of its own.
  headers.append("Server-Timing", `limiter;dur=${limiterMs.toFixed(1)};desc="${decision.source}"`);
  setRateLimitHeaders(headers, decision, xRateLimit, Date.now());
}

/** The answer to more requests of one user than the user's object can take. */
export function overloaded(requestId: string): Response {
  const detail =
    "This user sends more requests at once than can be decided. Send fewer, and retry after 1 s.";
  return problem("overloaded", detail, requestId, { retryAfterMs: RETRY_MS });
}

function problemOf({ outcome, violated, retryAfterMs, cost }: Decision, requestId: string): Response {
  switch (outcome) {
    case "allowed":
      throw new Error("an allowed request is not refused");
    case "blocked":
      return problem("blocked", "This account is suspended.", requestId);
    case "revoked":
      return unauthorized("The API key has been revoked or has expired.", requestId);
    case "overloaded":
      return overloaded(requestId);
    case "mismatch":
      return problem("idempotency_mismatch", MISMATCH, requestId);
    case "unavailable":
      return problem("temporary_reduced_capacity", "The limiter does not answer at the moment.", requestId, {
        retryAfterMs: retryAfterMs ?? RETRY_MS,
      });
    case "denied": {
      const names = violated.map((name) => `"${name}"`).join(", ");
      const detail =
        retryAfterMs === null
          ? `A request of cost ${cost} is more than ${names} ever holds.`
          : `${violated.length > 1 ? "The limits" : "The limit"} ${names} would be exceeded by this request (cost ${cost}). Wait as Retry-After says; a denied request costs nothing.`;
      return problem("quota_exceeded", detail, requestId, { "violated-policies": violated, retryAfterMs });
    }
  }
}
