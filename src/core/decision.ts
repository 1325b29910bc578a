/**
 * What the limiter is asked and what it answers: plain data, the same at the edge, in the object and over RPC.
 *
 * Amounts are tokens (multiples of 0.001), times are milliseconds. Every decision is made by {@link decisionOf}, so all have the same
 * fields in the same order.
 */
import { type QuotaCap, UNCAPPED_MILLI } from "./calendar-quota.ts";
import type { Limit, LimitReading } from "./limit.ts";
import { type PlanDecision, readings } from "./plan.ts";
import { REQUESTS, type UnitCosts, unitAmounts } from "./unit-costs.ts";
import { MILLI, toTokens } from "./units.ts";

/** One question to a user's object. */
export interface DecisionRequest {
  /** The policy revision that the edge knows. An object never decides by an older one. */
  readonly revision: number;
  /** The tier of the credential. If there is an account, its tier applies instead. */
  readonly tier: string;
  /** The policy's id of the matched route; null if the caller named only a cost. */
  readonly route: string | null;
  /** Millitokens (of requests) to spend; null: the route's cost in the policy, in all its units. */
  readonly costMilli: number | null;
  /** What it spends in other units. Only with `costMilli`; left out: nothing. */
  readonly units?: UnitCosts;
  /**
   * Take the cost as a reservation, which is settled later. `slots`: only if it takes slots, for as long as they last. Left out: slots are
   * the caller's own to release (`Decision.holds`). Objects of an older version ignore it.
   */
  readonly reserve?: ReserveRequest;
  /** The API key of the request: it must exist and be valid, and key-scoped limits count by it. */
  readonly keyId: string | null;
  /** Decide and report, but charge nothing. */
  readonly peek: boolean;
  /** The same key within ten minutes gets the same allowed decision and is charged once. Unique to the user and the caller. */
  readonly idempotencyKey: string | null;
  /**
   * The parameters that the caller sent with the key, as written: the same key with another fingerprint is a mismatch. Edges of an
   * older version send none; then nothing is compared.
   */
  readonly fingerprint?: string;
  /** The id of the decision if it is remembered for the key, so that repeats have it too. Left out: the object makes one. */
  readonly decisionId?: string;
}

export type ReserveRequest = { readonly ttlMs: number } | "slots";

/** What an allowed request has reserved: it is charged until it is settled. Unsettled when it expires, it stays charged. */
export interface Reservation {
  readonly id: string;
  /** RFC 3339 in UTC, by the object's clock. */
  readonly expiresAt: string;
}

/** Whether a request is a reservation even if it takes no slots. Only the user's object can make one. */
export function isReserving({ reserve }: Pick<DecisionRequest, "reserve">): boolean {
  return reserve !== undefined && reserve !== "slots";
}

/** One limit as a client sees it. */
export interface LimitView {
  readonly name: string;
  readonly kind: Limit["kind"];
  /** What it counts. Absent: requests. */
  readonly unit?: string | undefined;
  /** Capacity of the bucket, amount of the quota, in tokens; or the number of slots. */
  readonly limit: number;
  /** Tokens that may be spent now, or slots that are free. */
  readonly remaining: number;
  /**
   * Bucket: until it is full, or, while it holds less than one token, until it holds one. Quota: until its period ends. Slots: at most
   * 1,000, since the requests that hold them may end at any moment.
   */
  readonly resetMs: number;
  /** The time in which an empty bucket fills, the length of the quota's period, or how long a slot may be held. */
  readonly windowMs: number;
  /** Of a quota whose usage is billed: tokens that the base fee covers. The limit is then where the quota stops. */
  readonly included?: number | undefined;
  /** Tokens used beyond `included`. */
  readonly over?: number | undefined;
}

/** A slot of a concurrency limit that a decision took: released when the request ends, or when it expires. */
export interface Slot {
  readonly counter: string;
  readonly untilMs: number;
}

/**
 * - `allowed`, `denied`: by the limits.
 * - `blocked`: the account is blocked. `overdue`: an invoice is past due, and the policy blocks for that.
 * - `revoked`: the key is unknown to the account, revoked or expired.
 * - `denied_by_rule`: a rule of the policy rejects the request, whatever the limits; `violated` has `rule:<name>`.
 * - `unavailable`: the limiter could not decide, and the tier fails closed.
 * - `overloaded`: the user sends more than the object can take: this request did not reach it in time, or no more idempotency keys
 *   can be remembered.
 * - `mismatch`: the idempotency key was used with other parameters. Nothing was decided.
 * - `too_many_reservations`: the limits hold the request, but the user has as many open reservations as there may be. Nothing was charged.
 */
export const DECISION_OUTCOMES = [
  "allowed",
  "denied",
  "blocked",
  "overdue",
  "revoked",
  "denied_by_rule",
  "unavailable",
  "overloaded",
  "mismatch",
  "too_many_reservations",
] as const;
export type DecisionOutcome = (typeof DECISION_OUTCOMES)[number];

/** Where decisions are made; `none`: nowhere, the request was rejected before. */
export const DECISION_SOURCES = ["strict", "lease", "deny-cache", "fallback", "none"] as const;
export type DecisionSource = (typeof DECISION_SOURCES)[number];

/** One answer. */
export interface Decision {
  readonly outcome: DecisionOutcome;
  readonly allowed: boolean;
  /** Tokens (of requests) that the request costs; charged only if it is allowed and not a peek. */
  readonly cost: number;
  /** What it costs in other units, by unit. Absent: nothing. */
  readonly units?: Readonly<Record<string, number>>;
  readonly limits: readonly LimitView[];
  /**
   * When the same request passes if nothing else spends. 0 if allowed, null if it never passes. At most 1,000 if only slots reject it,
   * since a slot may be freed at any time.
   */
  readonly retryAfterMs: number | null;
  /** Names of the limits that rejected the request. */
  readonly violated: readonly string[];
  /** The cap that rejected the request. Absent: none did. */
  readonly cap?: QuotaCap;
  /** Names of the limits in shadow that would have rejected the request, which passed. Absent: none would have. */
  readonly shadowed?: readonly string[];
  readonly source: DecisionSource;
  /** The tier and the policy revision that the decision was made by. */
  readonly tier: string;
  readonly revision: number;
  readonly decisionId: string;
  /** Set if this repeats an earlier decision for its idempotency key: nothing was charged or counted this time. */
  readonly replayed?: true;
  /** Slots taken. The caller releases them when the request ends; otherwise they expire. None if a reservation has them. */
  readonly holds: readonly Slot[];
  /** Absent: nothing is reserved. */
  readonly reservation?: Reservation;
}

/**
 * Whether an object has decided nothing yet, only that limits in shadow would deny the request if all that is lent were spent: the isolate
 * gives up its leases and asks again (src/limiter/after-denial.ts). No caller ever gets such a decision.
 */
export function isTentative({ outcome, shadowed }: Decision): boolean {
  return outcome === "denied" && shadowed !== undefined;
}

/** How long an isolate may repeat a denial at most, and so how long a change that admits more may take to hold everywhere (G4). */
export const MAX_REPEAT_MS = 1_000;

const NO_LIMITS: readonly LimitView[] = [];
const NO_NAMES: readonly string[] = [];
const NO_SLOTS: readonly Slot[] = [];

/** Makes a decision. The defaults are those of an allowed request without limits. @param by what it was made by. */
export function decisionOf(
  by: Pick<Decision, "tier" | "revision">,
  source: DecisionSource,
  decisionId: string,
  costMilli: number,
  outcome: DecisionOutcome,
  limits = NO_LIMITS,
  retryAfterMs: number | null = 0,
  violated = NO_NAMES,
  holds = NO_SLOTS,
  cap: QuotaCap | null = null,
  shadowed: readonly string[] | null = null,
): Decision {
  const decision: Decision = {
    outcome,
    allowed: outcome === "allowed",
    cost: toTokens(costMilli),
    limits,
    retryAfterMs,
    violated,
    source,
    tier: by.tier,
    revision: by.revision,
    decisionId,
    holds,
  };
  if (cap !== null) return { ...decision, cap };
  return shadowed === null ? decision : { ...decision, shadowed };
}

/** The decision about a request that costs something in other units, too. */
export function withUnits(decision: Decision, units: UnitCosts | null): Decision {
  return units === null ? decision : { ...decision, units: unitAmounts(units) };
}

/** Each limit after a plan's decision, as a client sees it. */
export function limitViews(plan: PlanDecision, nowMs: number): LimitView[] {
  // A loop: V8 gives arrays made by `map` a kind with holes, which the runtime copies index by index over RPC.
  const views: LimitView[] = [];
  for (const reading of readings(plan, nowMs)) views.push(limitView(reading));
  return views;
}

/** 0 if the plan allows the request, null if the same request never passes, or does not by waiting: credits must be bought. */
export function planRetryAfterMs({ allowed, retryAtMs, cap }: PlanDecision, nowMs: number): number | null {
  if (allowed) return 0;
  if (cap === "credits") return null;
  return retryAtMs === Infinity ? null : retryAtMs - nowMs;
}

/** A reading of the core as a client sees it. */
export function limitView(reading: LimitReading): LimitView {
  const { name, kind, unit, limitMilli, remainingMilli, includedMilli, resetMs, windowMs } = reading;
  const [limit, remaining] = [toTokens(limitMilli), toTokens(remainingMilli)];
  return viewOf(
    name,
    kind,
    limit,
    remaining,
    resetMs,
    windowMs,
    includedMilli === null ? undefined : toTokens(includedMilli),
    unit === REQUESTS ? undefined : unit,
  );
}

/** The same limit with other numbers. */
export function changedView(
  { name, kind, unit, limit, windowMs, included }: LimitView,
  remaining: number,
  resetMs: number,
): LimitView {
  return viewOf(name, kind, limit, remaining, resetMs, windowMs, included, unit);
}

/** Field by field: a spread costs several times as much, and this runs for each request. */
function viewOf(
  name: string,
  kind: Limit["kind"],
  limit: number,
  remaining: number,
  resetMs: number,
  windowMs: number,
  included: number | undefined,
  unit: string | undefined,
): LimitView {
  if (unit !== undefined) {
    return { ...viewOf(name, kind, limit, remaining, resetMs, windowMs, included, undefined), unit };
  }
  if (included === undefined) return { name, kind, limit, remaining, resetMs, windowMs };
  // Amounts are multiples of 0.001, and a double of each is nearest to one (UNCAPPED_MILLI).
  const over = Math.max(0, Math.round((limit - remaining - included) * MILLI) / MILLI);
  return { name, kind, limit, remaining, resetMs, windowMs, included, over };
}

/** Whether nothing limits the quota: its usage is billed, whatever it is. */
export function isUncapped({ limit, included }: LimitView): boolean {
  return included !== undefined && limit >= toTokens(UNCAPPED_MILLI);
}

/** The limit `elapsedMs` later, with `remaining` left. */
export function laterView(view: LimitView, elapsedMs: number, remaining = view.remaining): LimitView {
  return changedView(view, remaining, Math.max(0, view.resetMs - elapsedMs));
}
