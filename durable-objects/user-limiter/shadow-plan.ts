/**
 * The second plan: the limits in shadow of a request that no other limit denies. Charged all or none, as if it decided, so that it foretells
 * the denials of enforcement. Synchronous and in memory, like decide.ts.
 */
import type { DecisionRequest } from "../../src/core/decision.ts";
import { type Charge, decidePlan, type PlanDecision } from "../../src/core/plan.ts";
import type { Policy } from "../../src/policy/compile.ts";
import type { Cost } from "../../src/policy/costs.ts";
import type { Memory } from "./memory.ts";

/** Decides by the limits in shadow. Charges nothing. */
export function decideShadow(
  { counters, leases }: Memory,
  policy: Policy,
  charges: readonly Charge[],
  { costMilli, units }: Cost,
  nowMs: number,
): PlanDecision {
  counters.prepare(charges, policy, leases, nowMs);
  return decidePlan(charges, counters.live, costMilli, nowMs, leases, units);
}

/**
 * Whether the isolate may still find out that a denial by this plan is none: what it was lent counts as spent here. The same cases as for a
 * denial by other limits (src/limiter/after-denial.ts).
 */
export function mayPassAgain({ leases }: Memory, plan: PlanDecision): boolean {
  return leases.hasOpen && plan.retryAtMs !== Infinity && !isBySlots(plan);
}

/** A slot may be free at any moment. */
function isBySlots({ before, violated }: PlanDecision): boolean {
  return before.some(({ kind, limit }) => kind === "concurrency" && violated.includes(limit.name));
}

/** The request passes, whatever the shadow plan says: charges the plan's limits, or notes that they would have denied it. */
export function chargeShadow(
  memory: Memory,
  request: DecisionRequest,
  charges: readonly Charge[],
  plan: PlanDecision,
  { costMilli, units }: Cost,
  exact: boolean,
  nowMs: number,
): void {
  if (plan.allowed) {
    memory.counters.spend(charges, plan, costMilli, exact, units);
    memory.shadowDenials.passed(request);
  } else {
    memory.counters.deny(charges, plan);
    memory.counters.exceed(charges, costMilli, units, nowMs);
    const isRepeated = plan.retryAtMs !== Infinity && !isBySlots(plan);
    const untilMs = isRepeated ? plan.retryAtMs : nowMs;
    // Lending pauses as after a denial. No isolate repeats it, so no change waits for it.
    if (memory.shadowDenials.denied(request, { costMilli, units }, untilMs, nowMs)) memory.deniedAtMs = nowMs;
  }
}
