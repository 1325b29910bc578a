/**
 * Whether daily usage grows or falls, and how fast: the Theil-Sen slope, if a Mann-Kendall test confirms it. Both compare pairs of days, so a
 * few spikes and holidays do not matter. Only days of the same weekday are compared: a week's rhythm is no trend (seasonal Kendall test; Hirsch,
 * Slack and Smith 1982). Pure: no I/O, no clock.
 */

const WEEK = 7;
/** Four of each weekday: with fewer, hardly any trend can be confirmed. */
export const MIN_TREND_DAYS = 4 * WEEK;
/** Older days are ignored: a trend is about now. Bounds the pairs, too. */
export const MAX_TREND_DAYS = 13 * WEEK;
/** Two-sided 1 %, since days are not independent of each other: usage of today is like that of yesterday. */
const CRITICAL_Z = 2.576;

export interface Trend {
  /** The change from a day to the next, in the unit of the days. Never 0. */
  readonly perDay: number;
  /** The change in a week as a share of the median day; null if that is 0. */
  readonly perWeekShare: number | null;
}

/**
 * @param days usage on complete days, oldest first, without gaps.
 * @returns null: no clear trend, or fewer than {@link MIN_TREND_DAYS} days.
 */
export function trend(days: readonly number[]): Trend | null {
  const known = days.slice(-MAX_TREND_DAYS);
  if (known.length < MIN_TREND_DAYS) return null;
  const slopes: number[] = [];
  let [rises, variance] = [0, 0];
  for (let weekday = 0; weekday < WEEK; weekday++) {
    const own = known.filter((_amount, i) => i % WEEK === weekday);
    for (const [i, earlier] of own.entries()) {
      for (const [n, later] of own.slice(i + 1).entries()) {
        rises += Math.sign(later - earlier);
        slopes.push((later - earlier) / (WEEK * (n + 1)));
      }
    }
    variance += kendallVariance(own);
  }
  // Corrected for continuity.
  const z = variance === 0 ? 0 : (rises - Math.sign(rises)) / Math.sqrt(variance);
  const perDay = median(slopes);
  if (Math.abs(z) < CRITICAL_Z || perDay === 0) return null;
  const typical = median(known);
  return { perDay, perWeekShare: typical === 0 ? null : (perDay * WEEK) / typical };
}

/** Of the number of rises less falls, if the order is random. Equal values rise and fall less (Kendall 1975). */
function kendallVariance(values: readonly number[]): number {
  const term = (n: number): number => n * (n - 1) * (2 * n + 5);
  const ties = [...Map.groupBy(values, (value) => value).values()];
  return (term(values.length) - ties.reduce((sum, tied) => sum + term(tied.length), 0)) / 18;
}

/** @param values at least one. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [below = 0, above = 0] = sorted.slice(sorted.length % 2 === 1 ? middle : middle - 1, middle + 1);
  return sorted.length % 2 === 1 ? below : (below + above) / 2;
}
