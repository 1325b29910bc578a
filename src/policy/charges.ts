/**
 * Which counters a request is charged to: a counter for each limit of its tier and route, named by the limit and what it is scoped to.
 *
 * The one place that makes and reads a counter's name. Pure: no I/O and no clock.
 */
import type { Limit } from "../core/limit.ts";
import type { Charge } from "../core/plan.ts";
import type { Policy } from "./compile.ts";
import type { Route, ScopedLimit, Tier } from "./compiled.ts";

/** All limits that a request must pass: the tier's and the route's, each with the counter it counts in. */
export function chargesFor(tier: Tier, route: Route | null, keyId: string | null): Charge[] {
  const charges: Charge[] = [];
  for (const scoped of tier.limits) {
    const charge = chargeOf(scoped, route, keyId);
    if (charge) charges.push(charge);
  }
  for (const scoped of route?.limits ?? []) {
    const charge = chargeOf(scoped, route, keyId);
    // A route's own limit counts that route's requests only, whatever else it is scoped to.
    if (charge && route) {
      const counter = scoped.scope === "key" ? `${charge.counter}@${route.id}` : charge.counter;
      charges.push({ ...charge, counter });
    }
  }
  return charges;
}

/** A key's limit does not apply to a request without a key, nor a route's to one without a route. */
function chargeOf({ limit, scope }: ScopedLimit, route: Route | null, keyId: string | null): Charge | null {
  switch (scope) {
    case "user":
      return { counter: limit.name, limit };
    case "key":
      return keyId === null ? null : { counter: `${limit.name}#${keyId}`, limit };
    case "route":
      return route === null ? null : { counter: `${limit.name}@${route.id}`, limit };
  }
}

/** Whose use a counter counts: the parts of its name. Null: of every key, of every route. */
export interface CounterScope {
  readonly name: string;
  readonly keyId: string | null;
  readonly route: string | null;
}

/** Reads a counter's name, as {@link chargesFor} makes it. */
export function scopeOf(counter: string): CounterScope {
  const [, name = counter, keyId = null, route = null] =
    /^([^#@]*)(?:#([^@]*))?(?:@(.*))?$/s.exec(counter) ?? [];
  return { name, keyId, route };
}

/** The limit that counts in a counter, for a user of this tier; null if none does. */
export function limitOf(policy: Policy, tier: Tier, counter: string): Limit | null {
  const { keyId, route } = scopeOf(counter);
  const charges = chargesFor(tier, route === null ? null : policy.routes.byId(route), keyId);
  return charges.find((charge) => charge.counter === counter)?.limit ?? null;
}
