/**
 * One decision of a user's object, in memory: by the user's account, the limits that the policy charges, and the counters.
 *
 * Synchronous and without I/O. The end of the turn finds out whether the decision may leave before storage is written (floors.ts).
 */
import {
  type Decision,
  decisionOf,
  type DecisionOutcome,
  type DecisionRequest,
  limitViews,
  planRetryAfterMs,
  withUnits,
} from "../../src/core/decision.ts";
import { decidePlan, type PlanDecision, slotsTaken } from "../../src/core/plan.ts";
import { SECOND_MS } from "../../src/core/time.ts";
import { MILLI } from "../../src/core/units.ts";
import { nextDecisionId } from "../../src/limiter/decision-id.ts";
import { type Policy, tierOf } from "../../src/policy/compile.ts";
import { type Cost, unitsOfRequest } from "../../src/policy/costs.ts";
import { tierAsked } from "../../src/policy/unlimited.ts";
import { objectMetrics } from "../object-metrics.ts";
import type { Memory } from "./memory.ts";
import { isReserved, reserve } from "./reserve.ts";
import { chargeShadow, decideShadow, mayPassAgain } from "./shadow-plan.ts";

/**
 * Decides at `nowMs` by `policy` and, unless it is a peek, charges memory.
 * @param mayAskAgain the isolate holds leases of the user: if a limit in shadow would deny the request, decide nothing yet
 * ({@link isTentative}), so that it gives them up and asks again.
 */
export function decide(
  memory: Memory,
  policy: Policy,
  request: DecisionRequest,
  nowMs: number,
  mayAskAgain = false,
): Decision {
  const { accounts, keys, counters, ledger, leases } = memory;
  const { account } = accounts;
  const { keyId } = request;
  const own = accounts.adjust(tierOf(policy, account?.tier ?? request.tier), nowMs);
  const tier = tierAsked(own, request.tier);
  const route = request.route === null ? null : policy.routes.byId(request.route);
  const costMilli = request.costMilli ?? route?.costMilli ?? MILLI;
  const units = unitsOfRequest(request, route);
  const { isUnlimited = false } = tier;
  const basis: Basis = { costMilli, units, tier: tier.name, revision: policy.revision, isUnlimited };

  if (accounts.status === "blocked") return withoutPlan(basis, "blocked");
  if (keyId !== null && !keys.isValid(keyId, nowMs)) return withoutPlan(basis, "revoked");
  if (memory.isOverdue(policy)) return withoutPlan(basis, "overdue");

  const { charges, shadow } = memory.chargesFor(tier, route, keyId);
  counters.prepare(charges, policy, leases, nowMs);
  const states = request.peek ? memory.forecast(charges, policy, nowMs) : counters.live;
  const plan = decidePlan(charges, states, costMilli, nowMs, leases, units);
  const { allowed, before } = plan;
  const shadowPlan = shadow && allowed ? decideShadow(memory, policy, shadow, basis, nowMs) : null;
  const shadowed = shadowPlan && !shadowPlan.allowed ? shadowPlan.violated : null;
  if (shadowPlan && shadowed && mayAskAgain && mayPassAgain(memory, shadowPlan)) {
    if (!request.peek) memory.deniedAtMs = nowMs;
    return tentative(basis, shadowed);
  }
  if (request.peek) return byPlan(basis, { ...plan, after: before }, nowMs, undefined, shadowed);
  const plans = [{ charges, plan }, ...(shadow && shadowPlan ? [{ charges: shadow, plan: shadowPlan }] : [])];
  const isReserving = allowed && request.reserve !== undefined && isReserved(request, plans);
  if (isReserving && !memory.reservations.hasRoom(nowMs)) {
    objectMetrics.add("reservations", ["rejected"]);
    return rejected(byPlan(basis, { ...plan, after: before }, nowMs), "too_many_reservations", SECOND_MS);
  }

  memory.needsCheckpoint = true;
  if (allowed) counters.follow(policy, tier, leases);
  const cell = {
    route: request.route ?? "",
    keyId: keyId ?? "",
    requests: allowed ? 1 : 0,
    costMilli: allowed ? costMilli : 0,
    denied: allowed ? 0 : 1,
  };
  ledger.add(nowMs, cell, allowed ? units : null);
  if (!allowed) {
    counters.deny(charges, plan);
    memory.denied(nowMs);
    if (policy.events !== null && account !== null) memory.events?.denied(plan.violated, tier.name, nowMs);
    return byPlan(basis, plan, nowMs);
  }
  const exact = tier.durability === "exact";
  counters.spend(charges, plan, costMilli, exact, units);
  memory.relyOn(charges, exact);
  if (shadow && shadowPlan) chargeShadow(memory, request, shadow, shadowPlan, basis, exact, nowMs);
  const taken = slotsTaken(charges, plan);
  const slots = shadow && shadowPlan ? [...taken, ...slotsTaken(shadow, shadowPlan)] : taken;
  if (!isReserving) return byPlan(basis, plan, nowMs, slots, shadowed);
  const reservation = reserve(memory, request, basis, plans, slots, nowMs);
  return { ...byPlan(basis, plan, nowMs, undefined, shadowed), reservation };
}

/** Repeats an earlier decision. Only the first caller releases its slots. */
export function replay(decision: Decision): Decision {
  return { ...decision, holds: [], replayed: true };
}

/** The answer to an idempotency key that was used with other parameters. */
export function mismatch(before: Decision): Decision {
  return rejected(before, "mismatch", null);
}

/** The answer if no more idempotency keys can be remembered for `forMs`. */
export function unremembered(peeked: Decision, forMs: number): Decision {
  return rejected(peeked, "overloaded", forMs);
}

/** A rejection in place of an allowed decision. */
function rejected(allowed: Decision, outcome: DecisionOutcome, waitMs: number | null): Decision {
  const decisionId = nextDecisionId();
  return { ...allowed, outcome, allowed: false, limits: [], retryAfterMs: waitMs, decisionId, holds: [] };
}

/** The fields of a decision that do not depend on its outcome. */
interface Basis extends Cost {
  readonly tier: string;
  readonly revision: number;
  /** Clients see no limit of a tier without limits. */
  readonly isUnlimited: boolean;
}

function withoutPlan(basis: Basis, outcome: DecisionOutcome): Decision {
  return withUnits(decisionOf(basis, "strict", nextDecisionId(), basis.costMilli, outcome), basis.units);
}

function tentative(basis: Basis, shadowed: readonly string[]): Decision {
  const id = nextDecisionId();
  return decisionOf(basis, "strict", id, basis.costMilli, "denied", [], 0, [], [], null, shadowed);
}

function byPlan(
  basis: Basis,
  plan: PlanDecision,
  nowMs: number,
  holds?: Decision["holds"],
  shadowed: readonly string[] | null = null,
): Decision {
  const decision = decisionOf(
    basis,
    "strict",
    nextDecisionId(),
    basis.costMilli,
    plan.allowed ? "allowed" : "denied",
    basis.isUnlimited ? [] : limitViews(plan, nowMs),
    planRetryAfterMs(plan, nowMs),
    plan.violated,
    holds,
    plan.cap,
    shadowed,
  );
  return withUnits(decision, basis.units);
}
