/** A decision as a point. Cheap: every request makes one. */
import type { Decision } from "../core/decision.ts";
import type { Place } from "./place.ts";
import type { Point, PointOutcome, StatusClass } from "./point.ts";

/** What a point says besides the decision. */
export interface About {
  readonly atMs: number;
  readonly account: string;
  readonly route: string;
  readonly tier: string;
  readonly method: string;
  readonly place: Place;
  readonly revision: number;
  readonly keyId: string | null;
  readonly upstreamStatus: StatusClass;
  readonly requestId: string;
  readonly limiterMs: number;
  readonly upstreamMs: number;
}

/** Longest method that is told; HTTP's own are shorter. */
const LONGEST_METHOD = 20;

/** @param decision null where none was made: then `outcome` and `reason` say what became of the request. */
export function pointOf(
  about: About,
  decision: Decision | null,
  outcome: PointOutcome,
  reason: string,
): Point {
  return {
    atMs: about.atMs,
    account: about.account,
    route: about.route,
    tier: decision?.tier ?? about.tier,
    outcome,
    reason,
    source: decision?.source ?? "none",
    method: about.method.slice(0, LONGEST_METHOD),
    colo: about.place.colo,
    country: about.place.country,
    revision: decision?.revision ?? about.revision,
    keyId: about.keyId ?? "",
    upstreamStatus: about.upstreamStatus,
    requestId: about.requestId,
    cost: decision?.cost ?? 0,
    limiterMs: about.limiterMs,
    upstreamMs: about.upstreamMs,
    remainingFraction: decision ? remainingFraction(decision) : 1,
    retryAfterMs: decision?.retryAfterMs ?? 0,
    requests: 1,
  };
}

/** What became of a decision, and why, where nothing else went wrong. */
export function resultOf({ outcome, violated }: Decision): readonly [PointOutcome, reason: string] {
  switch (outcome) {
    case "allowed":
      return ["allowed", "ok"];
    case "denied":
      return ["denied", violated[0] ?? "denied"];
    case "blocked":
    case "revoked":
    case "overloaded":
      return ["denied", outcome];
    case "unavailable":
      return ["error", "limiter_unavailable"];
    case "mismatch":
      // The caller's mistake, not a failure of the limiter.
      return ["denied", "idempotency_mismatch"];
  }
}

/** `2xx` of 204. */
export function statusClass(status: number): StatusClass {
  if (status < 200) return "1xx";
  if (status < 300) return "2xx";
  if (status < 400) return "3xx";
  return status < 500 ? "4xx" : "5xx";
}

/** Of the limit nearest to exhaustion. */
function remainingFraction({ limits }: Decision): number {
  let least = 1;
  for (const { kind, limit, remaining } of limits) {
    // Slots become free as requests end: when all are taken, no budget is used up.
    if (kind !== "concurrency") least = Math.min(least, remaining / limit);
  }
  return least;
}
