/**
 * What happens when the limiter itself fails, by the tier's choice (G6):
 * - `local`: the tier's limits are kept in this isolate's memory, from full. An isolate admits at most what the limits
 *   allow one user from scratch; several isolates each do.
 * - `open`: all requests are allowed. `closed`: none is, with 503.
 *
 * The account's own tier and numbers apply as far as this isolate has heard of them. Nothing that is decided here is charged
 * later: when the object is back, it continues from what it knows.
 */
import { BoundedCache } from "../bounded-cache.ts";
import {
  type Decision,
  type DecisionRequest,
  limitView,
  type Outcome,
  type Source,
} from "../core/decision.ts";
import { type LimitState, restsAtMs } from "../core/limit.ts";
import { type Charge, decide, type PlanDecision, readings } from "../core/plan.ts";
import { MILLI, toTokens } from "../core/units.ts";
import { adjustTier } from "../policy/adjust.ts";
import { chargesFor } from "../policy/charges.ts";
import { type Policy, tierOf } from "../policy/compile.ts";
import type { Tier } from "../policy/compiled.ts";
import { nextDecisionId } from "./decision-id.ts";
import type { AccountStanding } from "../objects/object-call.ts";

/**
 * Subjects whose local counters are kept, about 1 KB each. Beyond it, new subjects are rejected until the counters of others are
 * at rest: to forget what was spent would admit it again.
 */
const MAX_SUBJECTS = 10_000;
/** When to retry while the limiter is down and the tier fails closed: about the breaker's probe interval. */
const RETRY_MS = 1_000;

type States = ReadonlyMap<string, LimitState>;

export class LocalFallback {
  readonly #states = new BoundedCache<States>(MAX_SUBJECTS);
  /** Tiers with an account's own numbers. */
  readonly #adjusted = new WeakMap<AccountStanding, { readonly base: Tier; readonly tier: Tier }>();

  /** Decides by the failure policy of the tier. @param standing what the account is, as far as is known. */
  decide(
    policy: Policy,
    subject: string,
    request: DecisionRequest,
    standing: AccountStanding,
    nowMs: number,
  ): Decision {
    const tier = this.#tierOf(policy, request, standing);
    const answer = (outcome: Outcome, plan: PlanDecision | null, retryAfterMs: number | null): Decision => ({
      ...undecided(policy, request, outcome, "fallback"),
      limits: plan ? readings(plan, nowMs).map(limitView) : [],
      retryAfterMs,
      violated: plan?.violated ?? [],
      tier: tier.name,
    });
    switch (tier.onLimiterFailure) {
      case "open":
        return answer("allowed", null, 0);
      case "closed":
        return answer("unavailable", null, RETRY_MS);
      case "local": {
        const known = this.#states.getStale(subject);
        if (!known && this.#states.isFull(nowMs)) return answer("unavailable", null, RETRY_MS);
        const states = known ?? new Map<string, LimitState>();
        const charges = chargesFor(tier, routeOf(policy, request), request.keyId).map(byDefinition);
        const plan = decide(charges, states, costMilliOf(policy, request), nowMs);
        if (!plan.allowed) {
          return answer("denied", plan, plan.retryAtMs === Infinity ? null : plan.retryAtMs - nowMs);
        }
        if (!request.peek) {
          const spent = new Map(states);
          let restMs = nowMs;
          charges.forEach(({ counter }, i) => {
            const after = plan.after[i];
            if (!after) return;
            spent.set(counter, after.state);
            restMs = Math.max(restMs, restsAtMs(after));
          });
          this.#states.set(subject, spent, restMs);
        }
        return answer("allowed", plan, 0);
      }
    }
  }

  /** As the object would choose it: the account's tier with its own numbers, else the tier that the request names. */
  #tierOf(policy: Policy, request: DecisionRequest, standing: AccountStanding): Tier {
    if (!standing.account) return tierOf(policy, request.tier);
    const { tier: name, overrides } = standing.account;
    const base = tierOf(policy, name);
    const known = this.#adjusted.get(standing);
    if (known?.base === base) return known.tier;
    const tier = adjustTier(base, overrides, []);
    this.#adjusted.set(standing, { base, tier });
    return tier;
  }
}

/** A decision that this isolate makes by itself, without a limit and without a slot to give back. */
export function undecided(
  policy: Policy,
  request: DecisionRequest,
  outcome: Outcome,
  source: Source,
): Decision {
  return {
    outcome,
    allowed: outcome === "allowed",
    cost: toTokens(costMilliOf(policy, request)),
    limits: [],
    retryAfterMs: outcome === "overloaded" ? RETRY_MS : 0,
    violated: [],
    source,
    tier: tierOf(policy, request.tier).name,
    revision: policy.revision,
    decisionId: nextDecisionId(),
    holds: [],
  };
}

/**
 * Counts each definition of a limit apart: there is no ledger to make a quota from, so to convert its state would hand it out again
 * whenever the tier changes and changes back.
 */
function byDefinition({ counter, limit }: Charge): Charge {
  const { kind } = limit;
  const definition = kind === "quota" ? `${limit.period}${limit.anchorDay}` : kind;
  return { counter: `${definition}~${counter}`, limit };
}

function routeOf(policy: Policy, { route }: DecisionRequest) {
  return route === null ? null : policy.routes.byId(route);
}

function costMilliOf(policy: Policy, request: DecisionRequest): number {
  return request.costMilli ?? routeOf(policy, request)?.costMilli ?? MILLI;
}
