/** Turns decisions into points. Cheap: every request makes one. */
import type { Decision } from "../core/decision.ts";
import type { Place } from "./place.ts";
import type { PointOutcome, StatusClass, WaitingPoint } from "./point.ts";
import { shadowedText, shadowReason } from "./shadowed.ts";
import { unitsText } from "./unit-text.ts";

/** What a point has besides the decision. */
export interface PointContext {
  readonly atMs: number;
  readonly account: string;
  readonly route: string;
  readonly tier: string;
  readonly method: string;
  readonly place: Place;
  readonly revision: number;
  readonly keyId: string | null;
  /** The upstream's status; 0 if it was not called. */
  readonly upstreamCode: number;
  readonly requestId: string;
  readonly limiterMs: number;
  readonly upstreamMs: number;
  /** How many requests of the API it stands for. Default: 1. */
  readonly requests?: 0 | 1;
  /** The rule that applied. Left out: none did. */
  readonly rule?: string;
  /** The rule in shadow that would have denied it. Left out: none would. */
  readonly shadowRule?: string | undefined;
}

/** Longest method that is recorded; standard ones are shorter. */
const MAX_METHOD = 20;

/** @param decision null if none was made; `outcome` and `reason` then give the result. */
export function pointOf(
  context: PointContext,
  decision: Decision | null,
  outcome: PointOutcome,
  reason: string,
): WaitingPoint {
  const { shadowRule } = context;
  const wouldDeny = shadowRule === undefined || outcome !== "allowed" ? null : `rule:${shadowRule}`;
  const shadowed = wouldDeny === null ? decision?.shadowed : [wouldDeny, ...(decision?.shadowed ?? [])];
  return {
    atMs: context.atMs,
    account: context.account,
    route: context.route,
    tier: decision?.tier ?? context.tier,
    outcome,
    reason: wouldDeny === null ? reason : shadowReason(wouldDeny),
    source: decision?.source ?? "none",
    method: context.method.slice(0, MAX_METHOD),
    colo: context.place.colo,
    country: context.place.country,
    revision: decision?.revision ?? context.revision,
    keyId: context.keyId ?? "",
    upstreamStatus: statusClass(context.upstreamCode),
    requestId: context.requestId,
    cost: decision?.cost ?? 0,
    limiterMs: context.limiterMs,
    upstreamMs: context.upstreamMs,
    remainingFraction: decision ? remainingFraction(decision) : 1,
    retryAfterMs: decision?.retryAfterMs ?? 0,
    requests: context.requests ?? 1,
    limits: decision?.limits ?? null,
    upstreamCode: context.upstreamCode,
    otherRequestIds: "",
    shadowed: shadowed === undefined ? "" : shadowedText(shadowed),
    rule: context.rule ?? "",
    units: decision?.units === undefined ? "" : unitsText(Object.entries(decision.units)),
  };
}

/** The outcome and reason of a decision, if nothing else went wrong. */
export function resultOf({ outcome, violated, shadowed }: Decision): readonly [PointOutcome, reason: string] {
  switch (outcome) {
    case "allowed":
      return ["allowed", shadowed?.[0] === undefined ? "ok" : shadowReason(shadowed[0])];
    case "denied":
    case "denied_by_rule":
      return ["denied", violated[0] ?? outcome];
    case "blocked":
    case "overdue":
    case "revoked":
    case "overloaded":
    case "too_many_reservations":
      return ["denied", outcome];
    case "unavailable":
      return ["error", "limiter_unavailable"];
    case "mismatch":
      // The caller's error, not a failure of the limiter.
      return ["denied", "idempotency_mismatch"];
  }
}

/** For example `2xx` for 204; `none` for 0. */
function statusClass(status: number): StatusClass {
  if (status === 0) return "none";
  if (status < 200) return "1xx";
  if (status < 300) return "2xx";
  if (status < 400) return "3xx";
  return status < 500 ? "4xx" : "5xx";
}

/** Share left of the tightest limit; 1 without limits. */
function remainingFraction({ limits }: Decision): number {
  let least = 1;
  for (const { kind, limit, remaining } of limits) {
    // Slots are freed as requests end, so taking them all exhausts nothing.
    if (kind !== "concurrency") least = Math.min(least, remaining / limit);
  }
  return least;
}
