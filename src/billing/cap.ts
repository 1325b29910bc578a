/**
 * Caps: from an amount of money to an amount of usage.
 *
 * A quota counts tokens, so a spend cap, a budget and a prepaid balance become a hard stop in tokens: the largest usage whose price is
 * within what is left. It is computed when the account, its credits, its segment or its terms change, never per decision.
 *
 * Pure: no I/O and no clock.
 */
import { MAX_EXACT } from "../core/units.ts";
import { type Ceilings, roomMinor } from "./ceiling.ts";
import { freeMilli, type SegmentAllowance } from "./included.ts";
import type { Line } from "./line.ts";
import { minorToFemto } from "./money.ts";
import { costFemto, type Price } from "./price.ts";
import { quantityMilli, type UsageRow } from "./usage.ts";

/**
 * The largest u from 0 to 2^52 millitokens with costFemto(price, u) <= roomFemto; 0 if there is none above it. By binary search, so the
 * price must be monotonic (`isMonotonic`), which the policy's validation ensures wherever there is a cap.
 */
export function largestUsageMilli(price: Price, roomFemto: bigint): number {
  if (costFemto(price, MAX_EXACT) <= roomFemto) return MAX_EXACT;
  let within = 0;
  let beyond = MAX_EXACT;
  while (beyond - within > 1) {
    const middle = within + Math.floor((beyond - within) / 2);
    if (costFemto(price, middle) <= roomFemto) within = middle;
    else beyond = middle;
  }
  return within;
}

/** The current segment, as far as the hard stop depends on it. */
export interface CurrentSegment extends SegmentAllowance {
  /** `Segment.usageAtStart`. */
  readonly usageAtStart: readonly UsageRow[];
}

/**
 * The amount at which the quota stops, in millitokens since the period began: what the ledger counted before the segment, the segment's
 * included amount (without `unpaidMilli`), and what a cap leaves of overage. At most 2^52; null if the terms have no overage quota.
 *
 * Counted from the ledger, not from the counter: the counter may be ahead, by what is lent or was lost, and then stops early.
 * @param earlier the lines of the period's earlier segments (`ratePeriod`).
 */
export function hardStopMilli(
  segment: CurrentSegment,
  earlier: readonly Line[],
  {
    fullMs,
    exponent,
    ceilings,
    unpaidMilli = 0,
  }: { fullMs: number; exponent: number; ceilings: Ceilings; unpaidMilli?: number },
): number | null {
  const { quota } = segment.terms;
  if (quota === null) return null;
  const startMilli = quantityMilli(segment.usageAtStart, null, quota.unit);
  const freeUntilMilli = startMilli + freeMilli(segment, fullMs, unpaidMilli);
  if (quota.price === null) return Math.min(MAX_EXACT, freeUntilMilli);
  const room = roomMinor(quota.mode, ceilings, earlier);
  if (room === null) return MAX_EXACT;
  const overMilli = largestUsageMilli(quota.price, minorToFemto(room, exponent));
  return Math.min(MAX_EXACT, freeUntilMilli + overMilli);
}
