/**
 * Costs in other units than requests: tokens of a language model, rows, jobs.
 *
 * Requests have a number of their own everywhere (`costMilli`), so that a request without other units costs no more than a number. The other
 * units are a short list of pairs, ordered by name: two equal costs are the same text, and no name can clash with a property of objects.
 *
 * Pure: no I/O and no clock.
 */
import { toTokens } from "./units.ts";

/** The unit of limits and costs that name none. */
export const REQUESTS = "requests";

/** Amounts of units other than {@link REQUESTS}, in thousandths, ordered by unit. Never empty: a cost without them has none. */
export type UnitCosts = readonly (readonly [unit: string, milli: number])[];

/** Units that a cost may name beside requests, and that a policy may have: bounds a cell of the ledger. */
export const MAX_UNITS = 8;

/** What a cost charges to a limit of this unit: 0 if it does not name the unit. */
export function milliOf(unit: string, costMilli: number, units: UnitCosts | null | undefined): number {
  if (unit === REQUESTS) return costMilli;
  if (units) for (const [name, milli] of units) if (name === unit) return milli;
  return 0;
}

/** Whether two costs are the same, apart from requests. */
export function isSameUnits(a: UnitCosts | null | undefined, b: UnitCosts | null | undefined): boolean {
  if (!a || !b) return !a && !b;
  return a.length === b.length && a.every(([unit, milli], i) => unit === b[i]?.[0] && milli === b[i][1]);
}

/** Amounts by unit, as a list in order; null if there is none but requests. Drops zeros. */
export function unitCosts(amounts: Iterable<readonly [unit: string, milli: number]>): UnitCosts | null {
  const units = [...amounts].filter(([unit, milli]) => unit !== REQUESTS && milli !== 0);
  return units.length === 0 ? null : units.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** The sum of two costs in other units, perhaps with amounts of 0. */
export function addUnits(a: UnitCosts | null, b: UnitCosts): UnitCosts {
  if (a === null) return b;
  const names = [...new Set([...a, ...b].map(([unit]) => unit))].toSorted();
  return names.map((unit) => [unit, milliOf(unit, 0, a) + milliOf(unit, 0, b)]);
}

/** The amounts for people and for the wire. */
export function unitAmounts(units: UnitCosts): Record<string, number> {
  return Object.fromEntries(units.map(([unit, milli]) => [unit, toTokens(milli)]));
}
