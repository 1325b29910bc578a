/**
 * Replays one account's requests under one policy, from empty counters, through the core that decides (core/plan.ts).
 *
 * Ignores what the record lacks: the account's overrides and grants, what its billing period has used, and the path that matched a route's
 * pattern. Pure: no I/O and no clock.
 */
import { type Charge, decidePlan, type PlanDecision } from "../core/plan.ts";
import { type LimitState, meterAt } from "../core/limit.ts";
import { isSameUnits } from "../core/unit-costs.ts";
import { MAX_EXACT } from "../core/units.ts";
import { chargesFor, shadowChargesFor } from "../policy/charges.ts";
import { type Policy, tierOf } from "../policy/compile.ts";
import type { Route, Tier } from "../policy/compiled.ts";
import type { Cost } from "../policy/costs.ts";
import type { Recorded } from "./recorded.ts";

/** Stands for the variable parts of a pattern. */
const ANY_SEGMENT = "_";
const ADDRESS = "ip:";

/** Requests that a policy admits. */
export interface Admitted {
  readonly requests: number;
  /** Of those, the ones that are billed in part at least: beyond what the tier includes. */
  readonly overage: number;
}

const NONE: Admitted = { requests: 0, overage: 0 };

/** Tiers as they apply to accounts under billing (overage-tiers.ts), which only policies with billing need. */
export type OverageTiers = (tier: Tier) => Tier;

export class AccountReplay {
  readonly #policy: Policy;
  /** The policy in force now, and when most of the record was made. */
  readonly #active: Policy;
  readonly #overage: OverageTiers | null;
  readonly #tiers = new Map<Tier, Tier>();
  readonly #states = new Map<string, LimitState>();
  /** How many of the admitted requests limits in shadow would have denied. */
  shadowed = 0;

  /** @param overage null: neither policy has billing. */
  constructor(policy: Policy, active: Policy, overage: OverageTiers | null = null) {
    this.#policy = policy;
    this.#active = active;
    this.#overage = overage;
  }

  /** How many of the requests are admitted. Call it in the order of time. */
  admit(recorded: Recorded): Admitted {
    const { requests, route: name } = recorded;
    const route = name === "" ? null : routeOf(this.#policy, recorded);
    // The route is gone, or it requires a credential that the request lacks.
    if (name !== "" && !route) return NONE;
    if (route?.requiresCredential && recorded.account.startsWith(ADDRESS)) return NONE;
    const cost = this.#costOf(recorded, route);
    const { costMilli } = cost;
    if (route && costMilli === 0 && cost.units === null) return { requests, overage: 0 };
    const tier = this.#tierOf(recorded);
    const keyId = recorded.keyId === "" ? null : recorded.keyId;
    const charges = chargesFor(tier, route, keyId);
    const freeMilli = this.#freeMilli(charges, recorded.atMs);
    const admitted = this.#passing(charges, cost, recorded);
    const shadow = shadowChargesFor(tier, route, keyId);
    if (shadow) {
      this.shadowed += admitted - this.#passing(shadow, cost, { ...recorded, requests: admitted });
    }
    const overMilli = admitted * costMilli - freeMilli;
    const overage = overMilli > 0 ? Math.min(admitted, Math.ceil(overMilli / costMilli)) : 0;
    return { requests: admitted, overage };
  }

  /** How many of the requests these limits hold. Charges them. */
  #passing(limits: readonly Charge[], cost: Cost, recorded: Recorded): number {
    const charges = limits.map((charge) => withSlotTime(charge, recorded.upstreamMs));
    const hasSlots = charges.some(({ limit }) => limit.kind === "concurrency");
    return hasSlots ? this.#oneByOne(charges, cost, recorded) : this.#together(charges, cost, recorded);
  }

  /** What is left of the included amount; Infinity if nothing is billed. */
  #freeMilli(charges: readonly Charge[], atMs: number): number {
    for (const { counter, limit } of charges) {
      if (limit.kind !== "quota" || limit.includedMilli === null) continue;
      const meter = meterAt(limit, this.#states.get(counter), atMs);
      const usedMilli = meter.kind === "quota" ? meter.state.usedMilli : 0;
      return Math.max(0, limit.includedMilli - usedMilli);
    }
    return Infinity;
  }

  /** Each request takes a slot, whatever its cost. Ends at the latest when all slots are taken. */
  #oneByOne(charges: readonly Charge[], cost: Cost, { requests, atMs }: Recorded): number {
    let admitted = 0;
    while (admitted < requests && this.#spend(charges, cost, atMs)) admitted += 1;
    return admitted;
  }

  /** The most that are admitted at once: no time passes in which a bucket could refill. */
  #together(charges: readonly Charge[], cost: Cost, { requests, atMs }: Recorded): number {
    const largestMilli = Math.max(cost.costMilli, ...(cost.units ?? []).map(([, milli]) => milli));
    const countable =
      largestMilli === 0 ? requests : Math.min(requests, Math.floor(MAX_EXACT / largestMilli));
    if (this.#spend(charges, times(countable, cost), atMs)) return countable;
    let [passes, fails] = [0, countable];
    while (fails - passes > 1) {
      const middle = Math.floor((passes + fails) / 2);
      if (this.#decide(charges, times(middle, cost), atMs).allowed) passes = middle;
      else fails = middle;
    }
    if (passes > 0) this.#spend(charges, times(passes, cost), atMs);
    return passes;
  }

  #decide(charges: readonly Charge[], { costMilli, units }: Cost, atMs: number): PlanDecision {
    return decidePlan(charges, this.#states, costMilli, atMs, undefined, units);
  }

  #spend(charges: readonly Charge[], cost: Cost, atMs: number): boolean {
    const decision = this.#decide(charges, cost, atMs);
    if (!decision.allowed) return false;
    decision.after.forEach(({ state }, i) => {
      const charge = charges[i];
      if (charge) this.#states.set(charge.counter, state);
    });
    return true;
  }

  /** A cost that the caller named stays; a route's cost is replaced. The active revision shows which of the two it was. */
  #costOf(recorded: Recorded, route: Route | null): Cost {
    if (!route) return recorded;
    const usual =
      recorded.revision === this.#active.revision ? this.#active.routes.byId(recorded.route) : null;
    return !usual || isSameCost(usual, recorded) ? route : recorded;
  }

  #tierOf(recorded: Recorded): Tier {
    const tier = tierOf(this.#policy, this.#tierNameOf(recorded));
    if (this.#overage === null || recorded.account.startsWith(ADDRESS)) return tier;
    const known = this.#tiers.get(tier) ?? this.#overage(tier);
    this.#tiers.set(tier, known);
    return known;
  }

  #tierNameOf({ account, tier }: Recorded): string {
    const isAnonymous = account.startsWith(ADDRESS) && tier === this.#active.anonymousTier;
    return isAnonymous ? this.#policy.anonymousTier : tier;
  }
}

function isSameCost(a: Cost, b: Cost): boolean {
  return a.costMilli === b.costMilli && isSameUnits(a.units, b.units);
}

/** The cost of so many requests. */
function times(requests: number, { costMilli, units }: Cost): Cost {
  return {
    costMilli: requests * costMilli,
    units: units && units.map(([unit, milli]) => [unit, requests * milli] as const),
  };
}

/** The route with that id, or the one that matches its pattern now. */
function routeOf(policy: Policy, { route, method }: Recorded): Route | null {
  const known = policy.routes.byId(route);
  if (known) return known;
  const pattern = route.slice(route.indexOf("/"));
  const path = pattern.replaceAll(/:[^/]+/g, ANY_SEGMENT).replace(/\*$/, ANY_SEGMENT);
  const match = policy.routes.match(method, path);
  return match.kind === "route" ? match.route : null;
}

/** A request holds its slot while the upstream works. */
function withSlotTime(charge: Charge, upstreamMs: number): Charge {
  const { counter, limit } = charge;
  if (limit.kind !== "concurrency") return charge;
  return { counter, limit: { ...limit, ttlMs: Math.min(limit.ttlMs, Math.max(1, Math.ceil(upstreamMs))) } };
}
