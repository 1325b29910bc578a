/**
 * Alert marks: the usage at which an account reaches a threshold, a percentage of what is included, of a cap or of prepaid credits.
 *
 * As a hard stop (cap.ts), a threshold of money becomes an amount of tokens: computed when the account, its credits, its segment or its
 * terms change, so that a decision compares one integer.
 *
 * Pure: no I/O and no clock.
 */
import { MILLI } from "../core/units.ts";
import { type Allowance, type AllowanceBasis, allowanceOf, CAPS, capsIn, NO_CAPS } from "./allowance.ts";
import { largestUsageMilli } from "./cap.ts";
import { ceilingsOf, overageOf } from "./ceiling.ts";
import { freeMilli } from "./included.ts";
import { minorToFemto, sumOf } from "./money.ts";
import { isMonotonic, type Price } from "./price.ts";
import { quantityMilli } from "./usage.ts";

/** What the percentage is of. */
export type AlertBase = "included" | "spend_cap" | "budget" | "credits";

export interface AlertMark {
  readonly of: AlertBase;
  readonly percent: number;
  /** Reached from this usage on: millitokens since the period began, as the ledger counts them. */
  readonly atMilli: number;
}

/**
 * The next threshold of each base that is not sent yet, at most one of each: those above it follow when it is.
 * @param percents increasing.
 */
export function nextMarks(
  basis: AllowanceBasis,
  percents: readonly number[],
  isSent: (of: AlertBase, percent: number) => boolean,
): AlertMark[] {
  const allowance = allowanceOf(basis);
  const { quota } = basis.segment.terms;
  if (allowance === null || quota === null) return [];
  const next = (of: AlertBase): number | null => percents.find((percent) => !isSent(of, percent)) ?? null;
  const marks: AlertMark[] = [];
  const add = (of: AlertBase, percent: number | null, atMilli: number | null): void => {
    if (percent === null || atMilli === null) return;
    marks.push({ of, percent, atMilli: stopsAt(of, percent, allowance, atMilli) });
  };

  const startMilli = quantityMilli(basis.segment.usageAtStart, null, quota.unit);
  const coveredMilli = allowance.includedMilli - startMilli;
  const percent = next("included");
  if (percent !== null && coveredMilli > 0) {
    add("included", percent, startMilli + Math.ceil((coveredMilli * percent) / 100));
  }
  const { price } = quota;
  if (price === null || !isMonotonic(price)) return marks;
  const caps = capsIn(quota.mode, basis.caps);
  for (const [cap, of] of CAPS) {
    const ofCap = next(of);
    // Usage beyond a cap is rejected.
    if (caps[cap] === null || ofCap === null || ofCap > 100) continue;
    add(of, ofCap, chargedAtMilli(basis, { ...NO_CAPS, [cap]: caps[cap] }, ofCap, price, startMilli));
  }
  return marks;
}

/** What stops the quota alerts with the last token at the latest, although the price of that may be less than what the cap leaves. */
function stopsAt(of: AlertBase, percent: number, { stop, amountMilli }: Allowance, atMilli: number): number {
  if (percent > 100 || of !== stop || amountMilli === null) return atMilli;
  return Math.min(atMilli, amountMilli - MILLI + 1);
}

/** The smallest usage that charges a percentage of a cap; null if the cap is 0. */
function chargedAtMilli(
  { segment, earlier, rates, exponent, fullMs, unpaidMilli = 0 }: AllowanceBasis,
  caps: AllowanceBasis["caps"],
  percent: number,
  price: Price,
  startMilli: number,
): number | null {
  const { overageMinor, subtotalMinor } = ceilingsOf(caps, rates, exponent);
  const capMinor = overageMinor ?? subtotalMinor ?? 0n;
  if (capMinor === 0n) return null;
  const wanted = (minorToFemto(capMinor, exponent) * BigInt(percent) + 99n) / 100n;
  const before = overageMinor === null ? sumOf(earlier) : overageOf(earlier);
  const left = wanted - minorToFemto(before, exponent);
  if (left <= 0n) return 0;
  // The largest usage that charges less, and a thousandth more.
  const below = largestUsageMilli(price, left - 1n);
  return startMilli + freeMilli(segment, fullMs, unpaidMilli) + below + 1;
}
