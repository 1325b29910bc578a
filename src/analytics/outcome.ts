/** Classifies points for reports, the live stream and metrics: the one place that names the outcome of a request. */
import type { PointOutcome } from "./point.ts";

/** Failures of the upstream: the limits had admitted the request. */
export const CHARGED_ERRORS = ["upstream_error", "upstream_timeout"] as const;

/** Whether the cost of a decision was charged. */
export function isCharged(outcome: string, reason: string): boolean {
  return (
    outcome === "allowed" || (outcome === "error" && CHARGED_ERRORS.some((charged) => charged === reason))
  );
}

/** Reasons of rejections by the user's object, not by a limit. Ledgers do not count them. */
export const STANDING_REASONS = [
  "blocked",
  "overdue",
  "revoked",
  "overloaded",
  "idempotency_mismatch",
  "too_many_reservations",
] as const;

/** `source` of a request that the limiter did not decide. */
export const UNDECIDED = "none";

/**
 * Whether the limiter decided the request: only these count in percentiles and shares. Undecided are requests of exempt routes, and those
 * rejected before the limiter is asked: no such route, bad credentials, a malformed request, more than one object can take.
 */
export function isDecided(source: string): boolean {
  return source !== UNDECIDED;
}

/**
 * The outcome of a request, in reports, the live stream and metrics. `denied`: by a limit, as in the user's ledger. `turned_away`:
 * rejected for any other reason, by the limiter ({@link STANDING_REASONS}) or before it was asked.
 */
export const OUTCOMES = ["allowed", "denied", "turned_away", "error"] as const;
export type ReportedOutcome = (typeof OUTCOMES)[number];

/** The outcome of a stored point: rows are stored with `denied` for both. */
export function outcomeOf(outcome: PointOutcome, reason: string, source: string): ReportedOutcome {
  if (outcome !== "denied") return outcome;
  const isStanding = STANDING_REASONS.some((standing) => standing === reason);
  return isDecided(source) && !isStanding ? "denied" : "turned_away";
}

/** Whether the user's ledger counts the request as admitted. Ledger and reports count the same requests as denied. */
export function isAdmitted(outcome: string, reason: string, source: string): boolean {
  return isDecided(source) && isCharged(outcome, reason);
}
