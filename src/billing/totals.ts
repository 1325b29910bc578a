/** From lines to what is due: the sum of the lines, tax per rate on that sum, credits after tax. All in minor units. */
import { applyCredits, type AppliedCredit, type Credit } from "./credit.ts";
import type { Line } from "./line.ts";
import { sumOf } from "./money.ts";
import type { Period } from "./period.ts";
import { type TaxAmount, type TaxRate, taxesOn } from "./tax.ts";

export interface Totals {
  readonly subtotalMinor: bigint;
  readonly taxes: readonly TaxAmount[];
  readonly totalMinor: bigint;
  readonly credits: readonly AppliedCredit[];
  /** At least 0. */
  readonly dueMinor: bigint;
}

/** A bill below zero does not exist: an adjustment gives too much. */
export type TotalsOrNegative =
  | ({ readonly kind: "totals" } & Totals)
  | { readonly kind: "negative"; readonly subtotalMinor: bigint };

/**
 * The totals of a period's bill.
 * @param rates those that apply to the customer (`ratesFor`).
 */
export function totalsOf(
  lines: readonly Pick<Line, "minor">[],
  rates: readonly TaxRate[],
  credits: readonly Credit[],
  period: Period,
): TotalsOrNegative {
  const subtotalMinor = sumOf(lines);
  if (subtotalMinor < 0n) return { kind: "negative", subtotalMinor };
  const taxes = taxesOn(subtotalMinor, rates);
  const totalMinor = subtotalMinor + sumOf(taxes);
  const applied = applyCredits(credits, totalMinor, period);
  const dueMinor = totalMinor - sumOf(applied);
  return { kind: "totals", subtotalMinor, taxes, totalMinor, credits: applied, dueMinor };
}
