/**
 * Usage that is expected until a period ends, by route and unit, so that it can be rated like usage that was metered.
 *
 * A forecast is one amount of one unit (forecast.ts). Routes and other units are assumed to keep their shares of it.
 *
 * Pure: no I/O and no clock.
 */
import { DAY_MS } from "../core/time.ts";
import { MAX_EXACT, MILLI } from "../core/units.ts";
import type { Horizon } from "./forecast.ts";
import { quantityMilli, type UsageRow } from "./usage.ts";

/** What is left of a period that ends at midnight UTC, as all periods do; null: nothing. */
export function horizonUntil(endMs: number, nowMs: number): Horizon | null {
  if (nowMs >= endMs) return null;
  const tomorrowMs = (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS;
  return {
    restOfToday: (Math.min(tomorrowMs, endMs) - nowMs) / DAY_MS,
    daysAfter: Math.max(0, Math.round((endMs - tomorrowMs) / DAY_MS)),
  };
}

/**
 * Usage so far with `milli` more of a unit: of each route as much of it, and as many requests and as much of other units with it, as in
 * `shares`. What rounding leaves is of no route.
 * @param shares usage of a time that is like the one to come.
 * @param milli thousandths, at least 0; at most 2^52 with what is used so far.
 */
export function withUsageAhead(
  soFar: readonly UsageRow[],
  shares: readonly UsageRow[],
  unit: string,
  milli: number,
): readonly UsageRow[] {
  if (milli === 0) return soFar;
  const total = quantityMilli(shares, null, unit);
  // A unit that hardly ever occurs must not make others inexact.
  const most = MAX_EXACT / Math.max(1, shares.length);
  const scaled = (value: number, max: number): number =>
    Math.floor(Math.min(max, Number((BigInt(value) * BigInt(milli)) / BigInt(total))));
  const ahead =
    total === 0
      ? []
      : shares.map((row) => ({
          ...row,
          count: scaled(row.count, most / MILLI),
          costMilli: scaled(row.costMilli, most),
        }));
  const left = { route: "", unit, count: 0, costMilli: milli - quantityMilli(ahead, null, unit) };
  return merged([...soFar, ...ahead, left]);
}

function merged(rows: readonly UsageRow[]): UsageRow[] {
  const sums = new Map<string, UsageRow>();
  for (const row of rows) {
    if (row.count === 0 && row.costMilli === 0) continue;
    const key = `${row.route}\n${row.unit}`;
    const { count, costMilli } = sums.get(key) ?? { count: 0, costMilli: 0 };
    sums.set(key, { ...row, count: row.count + count, costMilli: row.costMilli + costMilli });
  }
  return [...sums.values()];
}
