/**
 * Proration: the share of a period that a segment covers.
 *
 * The denominator is the whole month, also in a stub. Base and minimum are rounded to the minor unit, once; the included amount is
 * rounded up to a millitoken. Price thresholds are not scaled: a segment's usage is priced as if it were a period's.
 */
import { roundToMinor } from "./money.ts";

/** A part of a period: partMs / fullMs, 0 to 1. Milliseconds; `fullMs` is positive. */
export interface Share {
  readonly partMs: number;
  readonly fullMs: number;
}

/** The share that [startMs, endMs) has in a month of `fullMs`. */
export function shareOf({ startMs, endMs }: { startMs: number; endMs: number }, fullMs: number): Share {
  return { partMs: endMs - startMs, fullMs };
}

/** The share of a fee, in minor units. */
export function prorateMinor(femto: bigint, { partMs, fullMs }: Share, exponent: number): bigint {
  return roundToMinor(femto * BigInt(partMs), exponent, BigInt(fullMs));
}

/** The share of an included amount, rounded up to a millitoken. BigInt, because the product exceeds 2^53. */
export function prorateIncludedMilli(includedMilli: number, { partMs, fullMs }: Share): number {
  const full = BigInt(fullMs);
  return Number((BigInt(includedMilli) * BigInt(partMs) + full - 1n) / full);
}
