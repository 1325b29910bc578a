/**
 * Usage that the ended segments of a period neither include nor charge for.
 *
 * A segment's included amount is that of its time, but until it is cut it is that of the rest of the period. So a change of terms may leave
 * usage beyond it: in mode `stop`, or beyond a cap, nobody pays for that. If each segment began with a whole included amount of its own,
 * an account could use one again and again by changing back and forth. So unpaid usage takes the place of included usage later.
 *
 * Pure: no I/O and no clock.
 */
import { largestUsageMilli } from "./cap.ts";
import { includedMilli } from "./included.ts";
import type { Line } from "./line.ts";
import { minorToFemto, roundToMinor } from "./money.ts";
import { costFemto, isMonotonic } from "./price.ts";
import type { RatableSegment } from "./rate.ts";
import { quantityMilli } from "./usage.ts";

/**
 * What takes the place of the current segment's included amount, in millitokens. A segment that charges pays for its own time, so what an
 * earlier one in mode `stop` has used does not count there.
 * @param lines of the ended segments (`ratePeriod`).
 */
export function unpaidMilli(
  ended: readonly RatableSegment[],
  current: Pick<RatableSegment, "terms">,
  lines: readonly Line[],
  { fullMs, exponent }: { readonly fullMs: number; readonly exponent: number },
): number {
  const own = current.terms.quota;
  if (own === null) return 0;
  let milli = 0;
  ended.forEach((segment, index) => {
    const { quota } = segment.terms;
    if (quota?.unit !== own.unit || (quota.price === null && own.price !== null)) return;
    const overMilli = quantityMilli(segment.usage, null, quota.unit) - includedMilli(segment, fullMs);
    if (overMilli <= 0) return;
    const line = lines.find(({ kind, segment: of }) => kind === "overage" && of === index);
    milli += overMilli - paidMilli(quota.price, overMilli, line?.minor ?? 0n, exponent);
  });
  return milli;
}

/** How much of overage an amount pays for. */
function paidMilli(
  price: NonNullable<RatableSegment["terms"]["quota"]>["price"],
  overMilli: number,
  minor: bigint,
  exponent: number,
): number {
  if (price === null) return 0;
  if (roundToMinor(costFemto(price, overMilli), exponent) <= minor) return overMilli;
  // A price that may fall has no last token that an amount pays for.
  return isMonotonic(price) ? largestUsageMilli(price, minorToFemto(minor, exponent)) : 0;
}
