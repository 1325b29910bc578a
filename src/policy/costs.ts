/** Costs and units of a policy document. Pure: no I/O and no clock. */
import { MAX_UNITS, REQUESTS, type UnitCosts, unitCosts } from "../core/unit-costs.ts";
import type { DecisionRequest } from "../core/decision.ts";
import { toMilli } from "../core/units.ts";
import { COUNT } from "../billing/usage.ts";
import type { PolicyDocument } from "./schema.ts";
import type { CostDocument } from "./scalars.ts";
import type { Route } from "./compiled.ts";
import type { Fault } from "./fault.ts";

/** A cost as decisions use it. */
export interface Cost {
  /** Of requests. */
  readonly costMilli: number;
  /** null: it costs nothing in other units. */
  readonly units: UnitCosts | null;
}

/** Reads a cost that the schema has parsed. */
export function costOf(cost: CostDocument): Cost {
  if (typeof cost === "number") return { costMilli: toMilli(cost) ?? 0, units: null };
  const amounts = Object.entries(cost).map(([unit, amount]) => [unit, toMilli(amount) ?? 0] as const);
  const requests = amounts.find(([unit]) => unit === REQUESTS);
  return { costMilli: requests?.[1] ?? 0, units: unitCosts(amounts) };
}

/** What a request costs in other units than requests: as it says itself, or as its route does. */
export function unitsOfRequest(
  { costMilli, units }: Pick<DecisionRequest, "costMilli" | "units">,
  route: Pick<Route, "units"> | null,
): UnitCosts | null {
  return (costMilli === null ? route?.units : units) ?? null;
}

/** All units that a document's limits, costs and prices name, and requests. */
export function unitsOf(document: PolicyDocument): Set<string> {
  const units = countedUnits(document);
  for (const { plan } of Object.values(document.tiers)) {
    for (const { of } of plan?.prices ?? []) if (of !== COUNT) units.add(of);
  }
  return units;
}

/** As {@link unitsOf}, without prices: a price of a unit that nothing else names is probably misspelt. */
export function countedUnits({ tiers, routes }: PolicyDocument): Set<string> {
  const units = new Set([REQUESTS]);
  for (const { limits } of Object.values(tiers)) for (const limit of limits) addUnit(units, limit);
  for (const { limits = [], cost = 1 } of routes) {
    for (const limit of limits) addUnit(units, limit);
    if (typeof cost === "object") for (const unit of Object.keys(cost)) units.add(unit);
  }
  return units;
}

/** More units than a cell of the ledger may have. */
export function unitFaults(document: PolicyDocument): Fault[] {
  const units = [...unitsOf(document)].filter((unit) => unit !== REQUESTS);
  if (units.length <= MAX_UNITS) return [];
  const message = `has ${units.length} units (${units.join(", ")}): at most ${MAX_UNITS} beside ${REQUESTS}`;
  return [{ path: "", message: `the policy ${message}` }];
}

function addUnit(units: Set<string>, limit: PolicyDocument["tiers"][string]["limits"][number]): void {
  if (limit.kind !== "concurrency" && limit.unit !== undefined) units.add(limit.unit);
}
