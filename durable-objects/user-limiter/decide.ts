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
  type LimitView,
  limitView,
  type Outcome,
} from "../../src/core/decision.ts";
import { decide as decidePlan, type PlanDecision, readings, slotsTaken } from "../../src/core/plan.ts";
import { reservedMilli } from "../../src/core/headroom.ts";
import { MILLI, toTokens } from "../../src/core/units.ts";
import { nextDecisionId } from "../../src/limiter/decision-id.ts";
import { type Policy, tierOf } from "../../src/policy/compile.ts";
import type { Memory } from "./memory.ts";

export interface Decided {
  readonly decision: Decision;
  /** Floors moved, or too much of the ledger is unwritten: write before answering. */
  readonly mustWrite: boolean;
}

/** Decides at `nowMs` by `policy` and, unless it is a peek, charges memory. */
export function decide(memory: Memory, policy: Policy, request: DecisionRequest, nowMs: number): Decided {
  const { accounts, keys, counters, ledger, leases } = memory;
  const { account } = accounts;
  const { keyId } = request;
  const tier = accounts.adjust(tierOf(policy, account?.tier ?? request.tier), nowMs);
  const route = request.route === null ? null : policy.routes.byId(request.route);
  const costMilli = request.costMilli ?? route?.costMilli ?? MILLI;
  const by: Basis = { costMilli, tier: tier.name, revision: policy.revision, nowMs };

  if (accounts.status === "blocked") return { decision: answer(by, "blocked", null), mustWrite: false };
  if (keyId !== null && !keys.isValid(keyId, nowMs)) {
    return { decision: answer(by, "revoked", null), mustWrite: false };
  }

  const charges = memory.chargesFor(tier, route, keyId);
  counters.prepare(charges, policy, leases, nowMs);
  const plan = decidePlan(charges, counters.live, costMilli, nowMs, leases);
  const { allowed } = plan;
  if (request.peek) {
    const { before } = plan;
    return {
      decision: answer(by, allowed ? "allowed" : "denied", { ...plan, after: before }),
      mustWrite: false,
    };
  }
  memory.unsettled = true;
  if (allowed) counters.follow(policy, tier);
  ledger.add(nowMs, {
    route: request.route ?? "",
    keyId: keyId ?? "",
    requests: allowed ? 1 : 0,
    costMilli: allowed ? costMilli : 0,
    denied: allowed ? 0 : 1,
  });
  if (!allowed) return { decision: answer(by, "denied", plan), mustWrite: false };
  const exact = tier.durability === "exact";
  const moved = counters.spend(charges, plan, costMilli, exact, nowMs);
  const mustWrite = moved || ledger.isLong || ledger.unwrittenMilli > (exact ? 0 : reservedMilli(charges));
  return { decision: answer(by, "allowed", plan, slotsTaken(charges, plan)), mustWrite };
}

/** Repeats an earlier decision. Only the first caller gives its slots back. */
export function replay(decision: Decision): Decided {
  return { decision: { ...decision, holds: [], replayed: true }, mustWrite: false };
}

/** The answer to an idempotency key that was used for something else. */
export function mismatch(before: Decision): Decided {
  return undecided(before, "mismatch", null);
}

/** The answer if no more idempotency keys can be remembered for `forMs`. */
export function unremembered(peeked: Decision, forMs: number): Decided {
  return undecided(peeked, "overloaded", forMs);
}

function undecided(like: Decision, outcome: Outcome, waitMs: number | null): Decided {
  const decisionId = nextDecisionId();
  return {
    decision: { ...like, outcome, allowed: false, limits: [], retryAfterMs: waitMs, decisionId, holds: [] },
    mustWrite: false,
  };
}

/** What a decision says of itself, whatever its outcome. */
interface Basis {
  readonly costMilli: number;
  readonly tier: string;
  readonly revision: number;
  readonly nowMs: number;
}

function answer(
  { costMilli, tier, revision, nowMs }: Basis,
  outcome: Outcome,
  plan: PlanDecision | null,
  holds: readonly Hold[] = [],
): Decision {
  return {
    outcome,
    allowed: outcome === "allowed",
    cost: toTokens(costMilli),
    limits: plan ? limitViews(plan, nowMs) : [],
    retryAfterMs: retryAfterMs(plan, nowMs),
    violated: plan?.violated ?? [],
    source: "strict",
    tier,
    revision,
    decisionId: nextDecisionId(),
    holds,
  };
}

/** One by one: an array that `map` made counts as one with holes, and the runtime copies such a one index by index. */
function limitViews(plan: PlanDecision, nowMs: number): LimitView[] {
  const views: LimitView[] = [];
  for (const reading of readings(plan, nowMs)) views.push(limitView(reading));
  return views;
}

/** 0 where allowed, null where the same request can never pass. */
function retryAfterMs(plan: PlanDecision | null, nowMs: number): number | null {
  if (!plan || plan.allowed) return 0;
  return plan.retryAtMs === Infinity ? null : plan.retryAtMs - nowMs;
}
