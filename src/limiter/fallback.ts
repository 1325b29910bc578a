/**
 * Decides when the limiter itself fails, as the tier chooses (G6):
 * - `local`: by the tier's limits in this isolate's memory, from full. One isolate admits at most what the limits allow a user from
 *   scratch; several isolates each do.
 * - `open`: every request is allowed. `closed`: none is, with 503.
 *
 * The account's own tier, overrides and billing allowance apply if this isolate has heard of them. Nothing decided here is charged later:
 * when the object is back, it continues from its own state.
 */
import { BoundedCache } from "../bounded-cache.ts";
import {
  type Decision,
  decisionOf,
  type DecisionOutcome,
  type DecisionRequest,
  type DecisionSource,
  limitViews,
  planRetryAfterMs,
  withUnits,
} from "../core/decision.ts";
import { type LimitState, restsAtMs } from "../core/limit.ts";
import { type Charge, decidePlan } from "../core/plan.ts";
import { SECOND_MS } from "../core/time.ts";
import { MILLI } from "../core/units.ts";
import type { AccountStanding } from "../objects/object-call.ts";
import { adjustTier } from "../policy/adjust.ts";
import { chargesFor } from "../policy/charges.ts";
import { type Policy, tierOf } from "../policy/compile.ts";
import { unitsOfRequest } from "../policy/costs.ts";
import { withOwnAllowance } from "../policy/own-allowance.ts";
import type { Tier } from "../policy/compiled.ts";
import { tierAsked } from "../policy/unlimited.ts";
import { nextDecisionId } from "./decision-id.ts";

/**
 * Subjects with local counters, about 1 KB each. Beyond that, new subjects are rejected until the counters of others are at rest:
 * dropping a counter would admit its spending again.
 */
const MAX_SUBJECTS = 10_000;
/** When to retry while the limiter is down and the tier fails closed: about the breaker's probe interval. */
const RETRY_MS = SECOND_MS;

type States = ReadonlyMap<string, LimitState>;

export class LocalFallback {
  readonly #states = new BoundedCache<States>(MAX_SUBJECTS);
  /** Tiers with an account's overrides. */
  readonly #adjusted = new WeakMap<AccountStanding, { readonly base: Tier; readonly tier: Tier }>();

  /** Decides by the failure policy of the tier. @param standing the account as far as this isolate has heard of it. */
  decide(
    policy: Policy,
    subject: string,
    request: DecisionRequest,
    standing: AccountStanding,
    nowMs: number,
  ): Decision {
    const tier = this.#tierOf(policy, request, standing);
    switch (tier.onLimiterFailure) {
      case "open":
        return withoutPlan(policy, request, tier, "allowed", "fallback", 0);
      case "closed":
        return withoutPlan(policy, request, tier, "unavailable", "fallback", RETRY_MS);
      case "local":
        return this.#decideLocally(policy, subject, request, tier, nowMs);
    }
  }

  #decideLocally(
    policy: Policy,
    subject: string,
    request: DecisionRequest,
    tier: Tier,
    nowMs: number,
  ): Decision {
    const known = this.#states.getStale(subject);
    if (!known && this.#states.isFull(nowMs)) {
      return withoutPlan(policy, request, tier, "unavailable", "fallback", RETRY_MS);
    }
    const states = known ?? new Map<string, LimitState>();
    const charges = chargesFor(tier, routeOf(policy, request), request.keyId).map(byDefinition);
    const costMilli = costMilliOf(policy, request);
    const units = unitsOfRequest(request, routeOf(policy, request));
    const plan = decidePlan(charges, states, costMilli, nowMs, undefined, units);
    if (plan.allowed && !request.peek) {
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
    const decision = decisionOf(
      { tier: tier.name, revision: policy.revision },
      "fallback",
      nextDecisionId(),
      costMilli,
      plan.allowed ? "allowed" : "denied",
      tier.isUnlimited ? [] : limitViews(plan, nowMs),
      planRetryAfterMs(plan, nowMs),
      plan.violated,
      undefined,
      plan.cap,
    );
    return withUnits(decision, units);
  }

  /** The tier as the object would choose it: the account's with its overrides, else the tier that the request names. */
  #tierOf(policy: Policy, request: DecisionRequest, standing: AccountStanding): Tier {
    if (!standing.account) return tierAsked(tierOf(policy, request.tier), request.tier);
    const { tier: name, overrides, allowance = null } = standing.account;
    const base = tierOf(policy, name);
    const known = this.#adjusted.get(standing);
    const isKnown = known?.base === base;
    const tier = isKnown ? known.tier : withOwnAllowance(adjustTier(base, overrides, []), allowance);
    if (!isKnown) this.#adjusted.set(standing, { base, tier });
    return tierAsked(tier, request.tier);
  }
}

/** A decision that this isolate makes by itself, without limits and slots. */
export function undecided(
  policy: Policy,
  request: DecisionRequest,
  outcome: DecisionOutcome,
  source: DecisionSource,
): Decision {
  const waitMs = outcome === "overloaded" ? RETRY_MS : 0;
  return withoutPlan(policy, request, tierOf(policy, request.tier), outcome, source, waitMs);
}

function withoutPlan(
  policy: Policy,
  request: DecisionRequest,
  tier: Tier,
  outcome: DecisionOutcome,
  source: DecisionSource,
  waitMs: number,
): Decision {
  const by = { tier: tier.name, revision: policy.revision };
  const decision = decisionOf(
    by,
    source,
    nextDecisionId(),
    costMilliOf(policy, request),
    outcome,
    [],
    waitMs,
  );
  return withUnits(decision, unitsOfRequest(request, routeOf(policy, request)));
}

/**
 * Gives each definition of a limit its own counter. There is no ledger to make a quota from, so converting its state would hand it out
 * again whenever the tier changes and changes back.
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
