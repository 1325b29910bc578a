/**
 * What a request costs in other units than requests, as the text of the field `units`: `rows=2;tokens=4000`, in the order of the names.
 *
 * Analytics Engine's SQL cannot read numbers in a text. There, the field is the names with their places, `1:rows;2:tokens;`, and the
 * amounts are in the columns of those places ({@link UNIT_COLUMNS}). Pure.
 */
import type { UnitCosts } from "../core/unit-costs.ts";
import { MILLI } from "../core/units.ts";
import { UNIT_COLUMNS } from "./point-fields.ts";

export type UnitAmounts = readonly (readonly [unit: string, amount: number])[];

export function unitsText(amounts: UnitAmounts): string {
  return amounts.map(([unit, amount]) => `${unit}=${amount}`).join(";");
}

/** The amounts of a text. Leaves out what {@link unitsText} did not write: an isolate may send any text. */
export function amountsOf(text: string): UnitAmounts {
  if (text === "") return [];
  return text.split(";").flatMap((part) => {
    const [unit = "", digits = ""] = part.split("=");
    const amount = Number(digits);
    return unit !== "" && digits !== "" && Number.isFinite(amount) ? [[unit, amount] as const] : [];
  });
}

/** The same amounts as costs. @param requests those that the text stands for: the costs are those of one. */
export function unitCostsOf(text: string, requests: number): UnitCosts | null {
  const costs = amountsOf(text).map(
    ([unit, amount]) => [unit, Math.max(0, Math.round((amount * MILLI) / requests))] as const,
  );
  return costs.length === 0 ? null : costs;
}

/** The text of both costs together. */
export function addUnitTexts(a: string, b: string): string {
  if (a === "" || b === "") return a || b;
  const sums = new Map(amountsOf(a));
  for (const [unit, amount] of amountsOf(b)) {
    sums.set(unit, Math.round(((sums.get(unit) ?? 0) + amount) * MILLI) / MILLI);
  }
  return unitsText([...sums].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** What Analytics Engine stores of a text: the names with their places, and the amounts in their order. */
export function placedUnits(text: string): { readonly names: string; readonly amounts: readonly number[] } {
  const placed = amountsOf(text).slice(0, UNIT_COLUMNS.length);
  return {
    names: placed.map(([unit], i) => placeOf(i, unit)).join(""),
    amounts: placed.map(([, amount]) => amount),
  };
}

/** What the names of {@link placedUnits} contain if the unit has this place, counted from 0. No name has `:` or `;`. */
export function placeOf(i: number, unit: string): string {
  return `${i + 1}:${unit};`;
}

/** The text that was placed. */
export function textOfPlaces(names: string, amounts: readonly number[]): string {
  const units = names.split(";").flatMap((part) => part.split(":")[1] ?? []);
  return unitsText(units.map((unit, i) => [unit, amounts[i] ?? 0] as const));
}
