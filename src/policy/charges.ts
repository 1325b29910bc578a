/**
 * The counters that a request is charged to: one for each limit of its tier and route, named by the limit and its scope.
 *
 * The only place that builds and parses the names of counters. Pure: no I/O and no clock.
 */
import type { Limit } from "../core/limit.ts";
import { REQUESTS } from "../core/unit-costs.ts";
import { KEY_MODES, type KeyMode, modeOf } from "../identity/key-mode.ts";
import type { Charge } from "../core/plan.ts";
import type { Policy } from "./compile.ts";
import type { Route, ScopedLimit, Tier } from "./compiled.ts";
import { countedOnly } from "./unlimited.ts";

/**
 * What the counter of a limit in shadow begins with: it counts beside the one that the limit has when it is enforced, so that neither mode
 * changes the other's. No limit's name contains it.
 */
const SHADOW = "~";

/** Before the unit in a counter's name, if it is not requests: what was counted in another unit never counts in it. */
const UNIT = "%";

/** The limits that a request must pass, of its tier and its route, each with its counter. */
export function chargesFor(tier: Tier, route: Route | null, keyId: string | null): Charge[] {
  return chargesOf(false, tier, route, keyId);
}

/** The limits in shadow that apply to a request: a plan beside that of {@link chargesFor}. Null: there are none, as usual. */
export function shadowChargesFor(tier: Tier, route: Route | null, keyId: string | null): Charge[] | null {
  const charges = chargesOf(true, tier, route, keyId);
  return charges.length === 0 ? null : charges;
}

function chargesOf(isShadow: boolean, tier: Tier, route: Route | null, keyId: string | null): Charge[] {
  const charges: Charge[] = [];
  for (const scoped of tier.limits) {
    const charge = scoped.isShadow === isShadow ? chargeOf(scoped, route, keyId) : null;
    if (charge) charges.push(charge);
  }
  for (const limited of route?.limits ?? []) {
    const scoped = tier.isUnlimited ? countedOnly(limited) : limited;
    const charge = scoped?.isShadow === isShadow ? chargeOf(scoped, route, keyId) : null;
    // A route's own limit counts only that route's requests, whatever its scope.
    if (charge && route) {
      const counter = limited.scope === "key" ? `${charge.counter}@${route.id}` : charge.counter;
      charges.push({ ...charge, counter });
    }
  }
  return charges;
}

/** Null: a limit per key does not apply to requests without a key, nor a limit per route to those without a route. */
function chargeOf(scoped: ScopedLimit, route: Route | null, keyId: string | null): Charge | null {
  const { limit, scope, isShadow } = scoped;
  const own = limit.unit === REQUESTS ? limit.name : `${limit.name}${UNIT}${limit.unit}`;
  const name = isShadow ? `${SHADOW}${own}` : own;
  switch (scope) {
    case "user":
      return scoped.testLimit ? chargeOfMode(scoped, modeOf(keyId)) : { counter: name, limit };
    case "key":
      return keyId === null ? null : { counter: `${name}#${keyId}`, limit };
    case "route":
      return route === null ? null : { counter: `${name}@${route.id}`, limit };
  }
}

/** Stands for all keys of a mode in a counter's name. No key has such an id. */
const ALL_OF: Record<KeyMode, string> = { live: "live_", test: "test_" };

/** A charge that live and test keys do not share. */
function chargeOfMode({ limit, testLimit = limit }: ScopedLimit, mode: KeyMode): Charge {
  return { counter: counterOf(limit.name, mode), limit: mode === "test" ? testLimit : limit };
}

/** The counter of a limit that live and test keys do not share: of requests, as what is billed beyond a quota is. */
export function counterOf(limit: string, mode: KeyMode): string {
  return `${limit}#${ALL_OF[mode]}`;
}

/** Whether a counter is one of a limit in shadow. */
export function isShadowCounter(counter: string): boolean {
  return counter.startsWith(SHADOW);
}

/** The parts of a counter's name. Null: it counts every key, keys of both modes, or every route. */
export interface CounterScope {
  readonly name: string;
  readonly unit: string;
  readonly keyId: string | null;
  readonly mode: KeyMode | null;
  readonly route: string | null;
}

/** Parses a counter's name, as {@link chargesFor} or {@link shadowChargesFor} builds it. */
export function scopeOf(counter: string): CounterScope {
  const [, name = counter, unit = REQUESTS, key = null, route = null] =
    /^~?([^%#@]*)(?:%([^#@]*))?(?:#([^@]*))?(?:@(.*))?$/s.exec(counter) ?? [];
  for (const mode of KEY_MODES) if (key === ALL_OF[mode]) return { name, unit, keyId: null, mode, route };
  return { name, unit, keyId: key, mode: null, route };
}

/** The limit that a counter belongs to, for a user of this tier; null if there is none. */
export function limitOf(policy: Policy, tier: Tier, counter: string): Limit | null {
  const { name, keyId, mode, route } = scopeOf(counter);
  if (mode !== null) {
    const split = tier.limits.find(({ limit, testLimit }) => limit.name === name && testLimit !== undefined);
    return split ? chargeOfMode(split, mode).limit : null;
  }
  const charges = chargesOf(
    isShadowCounter(counter),
    tier,
    route === null ? null : policy.routes.byId(route),
    keyId,
  );
  return charges.find((charge) => charge.counter === counter)?.limit ?? null;
}
