/**
 * Ceilings: the most that a period's overage may come to, in minor units. From a policy's spend cap, the customer's own budget, or a
 * prepaid balance.
 *
 * The hard stop of the quota follows from the same ceilings (cap.ts), so a line exceeds them only if the ledger does: after a settlement
 * above its reservation, or if a cut made the included amount smaller. Then the line is cut to the ceiling (rate.ts).
 */
import type { Line } from "./line.ts";
import { floorToMinor, parsePrice, sumOf } from "./money.ts";
import type { OverageMode } from "./terms.ts";
import { type TaxRate, taxesOn } from "./tax.ts";

/** null: none. */
export interface Ceilings {
  /** The most that the period's overage lines may come to, before tax: the lower of spend cap and budget. */
  readonly overageMinor: bigint | null;
  /** In mode `prepaid`: the most that all lines of the period may come to, so that the balance pays them and their tax. */
  readonly subtotalMinor: bigint | null;
}

export const NO_CEILINGS: Ceilings = { overageMinor: null, subtotalMinor: null };

/** What limits an account's overage now. null: nothing does. */
export interface Caps {
  /** The policy's, and the customer's own: decimal strings, not negative. */
  readonly spendCap: string | null;
  readonly budget: string | null;
  /** In mode `prepaid`, what its credits can pay (`balanceMinor`). */
  readonly balanceMinor: bigint | null;
}

/**
 * The ceilings that follow from caps, in whole minor units: a cap of 0.005 allows nothing in cents.
 * @param rates those that apply to the customer.
 * @throws RangeError if an amount is not one.
 */
export function ceilingsOf(
  { spendCap, budget, balanceMinor }: Caps,
  rates: readonly TaxRate[],
  exponent: number,
): Ceilings {
  return {
    overageMinor: capMinorOf([spendCap, budget], exponent),
    subtotalMinor: balanceMinor === null ? null : largestSubtotalMinor(balanceMinor, rates),
  };
}

/** The lowest of these caps in whole minor units; null: there is none. @throws RangeError if an amount is not one. */
export function capMinorOf(caps: readonly (string | null)[], exponent: number): bigint | null {
  return least(caps.flatMap((cap) => (cap === null ? [] : [minorOf(cap, exponent)])));
}

/** What is left for overage after `earlier` lines of the period, at least 0; null if nothing limits it. */
export function roomMinor(
  mode: OverageMode,
  { overageMinor, subtotalMinor }: Ceilings,
  earlier: readonly Line[],
): bigint | null {
  const rooms: bigint[] = [];
  if (overageMinor !== null) rooms.push(overageMinor - overageOf(earlier));
  if (mode === "prepaid" && subtotalMinor !== null) rooms.push(subtotalMinor - sumOf(earlier));
  const room = least(rooms);
  return room !== null && room < 0n ? 0n : room;
}

/** What the overage lines charge, before tax: what has accrued towards a cap. */
export function overageOf(lines: readonly Pick<Line, "kind" | "minor">[]): bigint {
  return sumOf(lines.filter(({ kind }) => kind === "overage"));
}

/**
 * The ceiling that a bill is cut to after a cap became `capMinor`. A cap below what has accrued stops usage, but gives nothing back:
 * otherwise a customer could lower their budget after use, and not pay. Store the result with the period.
 * @param capMinor null: no cap.
 */
export function keptCeilingMinor(capMinor: bigint | null, accruedMinor: bigint): bigint | null {
  return capMinor !== null && capMinor < accruedMinor ? accruedMinor : capMinor;
}

/** The largest subtotal whose total with tax a balance pays, at least 0. Found by binary search: each rate is rounded by itself. */
export function largestSubtotalMinor(balanceMinor: bigint, rates: readonly TaxRate[]): bigint {
  let paid = 0n;
  let unpaid = (balanceMinor < 0n ? 0n : balanceMinor) + 1n; // Tax is never negative.
  while (unpaid - paid > 1n) {
    const middle = (paid + unpaid) / 2n;
    if (middle + sumOf(taxesOn(middle, rates)) <= balanceMinor) paid = middle;
    else unpaid = middle;
  }
  return paid;
}

function minorOf(cap: string, exponent: number): bigint {
  const femto = parsePrice(cap);
  if (femto === null) throw new RangeError(`a wrong cap: ${cap}`);
  return floorToMinor(femto, exponent);
}

function least(amounts: readonly bigint[]): bigint | null {
  return amounts.reduce<bigint | null>((a, b) => (a === null || b < a ? b : a), null);
}
