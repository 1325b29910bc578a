/**
 * One decision of a user's object, in memory: who the user is, what the policy charges, what the counters say.
 *
 * Synchronous and without I/O but for the remembered decision of an idempotency key. Says in its result whether storage must
 * be written before the answer may leave.
 */
import {
  type Decision,
  type DecisionRequest,
  type Hold,
  limitView,
  type Outcome,
} from "../../src/core/decision.ts";
import { decide as decidePlan, type PlanDecision, readings, slotsTaken } from "../../src/core/plan.ts";
import { reservedMilli } from "../../src/core/reservation.ts";
import { MILLI, toTokens } from "../../src/core/units.ts";
import { chargesFor, type Policy, tierOf } from "../../src/policy/compile.ts";
import type { Memory } from "./memory.ts";

export interface Decided {
  readonly decision: Decision;
  /** Floors moved, or too much of the ledger is unwritten: write before answering. */
  readonly mustWrite: boolean;
}

/** Decides at `nowMs` by `policy` and, unless it is a peek, charges memory. */
export function decide(memory: Memory, policy: Policy, request: DecisionRequest, nowMs: number): Decided {
  const { account } = memory.accounts;
  const tier = memory.accounts.adjust(tierOf(policy, account?.tier ?? request.tier), nowMs);
  const route = request.route === null ? null : policy.routes.byId(request.route);
  const costMilli = request.costMilli ?? route?.costMilli ?? MILLI;
  const answer = (outcome: Outcome, plan: PlanDecision | null, holds: readonly Hold[] = []): Decision => ({
    outcome,
    allowed: outcome === "allowed",
    cost: toTokens(costMilli),
    limits: plan ? readings(plan, nowMs).map(limitView) : [],
    retryAfterMs: retryAfterMs(plan, nowMs),
    violated: plan?.violated ?? [],
    source: "strict",
    tier: tier.name,
    revision: policy.revision,
    decisionId: crypto.randomUUID(),
    holds,
  });

  if (account?.status === "blocked") return { decision: answer("blocked", null), mustWrite: false };
  if (request.keyId !== null && !memory.keys.isValid(request.keyId, nowMs)) {
    return { decision: answer("revoked", null), mustWrite: false };
  }

  const charges = chargesFor(tier, route, request.keyId);
  const plan = decidePlan(charges, memory.counters.live, costMilli, nowMs, memory.leases);
  if (request.peek) {
    const { allowed, before } = plan;
    return { decision: answer(allowed ? "allowed" : "denied", { ...plan, after: before }), mustWrite: false };
  }
  memory.unsettled = true;
  const { allowed } = plan;
  const usage = { requests: Number(allowed), costMilli: allowed ? costMilli : 0, denied: Number(!allowed) };
  memory.ledger.add(nowMs, { route: request.route ?? "", keyId: request.keyId ?? "", ...usage });
  if (!plan.allowed) return { decision: answer("denied", plan), mustWrite: false };
  const exact = tier.durability === "exact";
  const moved = memory.counters.spend(charges, plan, costMilli, exact, nowMs);
  const { unwrittenMilli, isLong } = memory.ledger;
  const mustWrite = moved || isLong || unwrittenMilli > (exact ? 0 : reservedMilli(charges));
  return { decision: answer("allowed", plan, slotsTaken(charges, plan)), mustWrite };
}

/** 0 where allowed, null where the same request can never pass. */
function retryAfterMs(plan: PlanDecision | null, nowMs: number): number | null {
  if (!plan || plan.allowed) return 0;
  return plan.retryAtMs === Infinity ? null : plan.retryAtMs - nowMs;
}
