/**
 * What happens when the limiter itself fails, by the tier's choice (G6):
 * - `local`: the tier's limits are kept in this isolate's memory, from full. An isolate admits at most what the limits
 *   allow one user from scratch; several isolates each do.
 * - `open`: all pass. `closed`: none does, with 503.
 *
 * Nothing that was decided here is charged later: when the object is back, it goes on from what it knows.
 */
import { BoundedCache } from "../bounded-cache.ts";
import { type Decision, type DecisionRequest, limitView, type Outcome } from "../core/decision.ts";
import type { LimitState } from "../core/limit.ts";
import { decide, type PlanDecision, readings } from "../core/plan.ts";
import { MILLI, toTokens } from "../core/units.ts";
import { chargesFor, type Policy, tierOf } from "../policy/compile.ts";

/** Subjects whose local counters are kept, about 1 KB each; the one let in longest ago is forgotten first. */
const SUBJECTS = 10_000;
/** When to try again while the limiter is down and the tier fails closed: about the breaker's probe interval. */
const RETRY_MS = 1_000;

export class LocalFallback {
  readonly #states = new BoundedCache<ReadonlyMap<string, LimitState>>(SUBJECTS);

  decide(policy: Policy, subject: string, request: DecisionRequest, nowMs: number): Decision {
    const tier = tierOf(policy, request.tier);
    const route = request.route === null ? null : policy.routes.byId(request.route);
    const costMilli = request.costMilli ?? route?.costMilli ?? MILLI;
    const answer = (outcome: Outcome, plan: PlanDecision | null, retryAfterMs: number | null): Decision => ({
      outcome,
      allowed: outcome === "allowed",
      cost: toTokens(costMilli),
      limits: plan ? readings(plan, nowMs).map(limitView) : [],
      retryAfterMs,
      violated: plan?.violated ?? [],
      source: "fallback",
      tier: tier.name,
      revision: policy.revision,
      decisionId: crypto.randomUUID(),
      // Slots taken in memory free themselves: there is no object to give them back to.
      holds: [],
    });
    switch (tier.onLimiterFailure) {
      case "open":
        return answer("allowed", null, 0);
      case "closed":
        return answer("unavailable", null, RETRY_MS);
      case "local": {
        const charges = chargesFor(tier, route, request.keyId);
        const states = this.#states.getStale(subject) ?? new Map<string, LimitState>();
        const plan = decide(charges, states, costMilli, nowMs);
        if (!plan.allowed) {
          return answer("denied", plan, plan.retryAtMs === Infinity ? null : plan.retryAtMs - nowMs);
        }
        if (!request.peek) {
          const spent = new Map(states);
          charges.forEach(({ counter }, i) => {
            const after = plan.after[i];
            if (after) spent.set(counter, after.state);
          });
          this.#states.set(subject, spent, Infinity);
        }
        return answer("allowed", plan, 0);
      }
    }
  }
}
