/** Compiles `usage` of a route. Pure: no I/O and no clock. */
import { milliOf, REQUESTS } from "../core/unit-costs.ts";
import { toMilli } from "../core/units.ts";
import type { RouteUsage, ScopedLimit } from "./compiled.ts";
import { costOf } from "./costs.ts";
import { type Fault, pointer } from "./fault.ts";
import type { RouteDocument } from "./schema.ts";

/**
 * Null: what the route's requests cost is known before.
 * @param limits of all tiers, and of the route.
 * @param path of the route in the document.
 */
export function routeUsage(
  { usage, cost = 0 }: RouteDocument,
  limits: Iterable<ScopedLimit>,
  path: readonly PropertyKey[],
  faults: Fault[],
): RouteUsage | null {
  if (usage === undefined) return null;
  const { unit, reserve, from, onError, onUnknown, reserveFrom } = usage;
  const units = new Set<string>();
  for (const { limit } of limits) units.add(limit.kind === "concurrency" ? REQUESTS : limit.unit);
  const place = pointer([...path, "usage", "unit"]);
  if (!units.has(unit)) {
    const message = `no limit counts "${unit}" (counted: ${[...units].join(", ") || "nothing"})`;
    faults.push({ path: place, message });
  }
  const { costMilli, units: others } = costOf(cost);
  if (milliOf(unit, costMilli, others) > 0) {
    const message = `is in the route's cost too: leave it out there, since usage reserves it`;
    faults.push({ path: place, message });
  }
  return {
    unit,
    reserveMilli: toMilli(reserve) ?? 0,
    from,
    onError: onError ?? "refund",
    onUnknown: onUnknown ?? "keep",
    reserveFrom: reserveFrom ?? null,
  };
}

/** Whether one route charges as much in advance as another, of the same unit. */
export function isAsMetered(usage: RouteUsage | null, other: RouteUsage | null): boolean {
  if (other === null) return true;
  return usage !== null && usage.unit === other.unit && usage.reserveMilli >= other.reserveMilli;
}
