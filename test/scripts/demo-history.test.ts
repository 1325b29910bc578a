/** The demo's history can be made at each moment of a month: its usage never exceeds the account's limits. */
import { expect, it } from "vitest";
import { HISTORY_BURST, monthsUntil } from "../../scripts/demo-history.ts";
import * as bucket from "../../src/core/token-bucket.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../src/core/time.ts";
import { MILLI } from "../../src/core/units.ts";

const NEW_YEAR_MS = Date.UTC(2027, 0, 1);
const LEAP_DAY_MS = Date.UTC(2028, 1, 29);
/** The monthly cap of pro: the million that is included, and what 200 USD of overage pay for. */
const QUOTA = 1_600_000;

const MOMENTS = [
  0,
  1,
  1_000,
  MINUTE_MS,
  5 * MINUTE_MS,
  HOUR_MS,
  7 * HOUR_MS,
  3 * DAY_MS,
  15 * DAY_MS,
].flatMap((ms) => [NEW_YEAR_MS + ms, NEW_YEAR_MS - 1 - ms, LEAP_DAY_MS + ms]);

it.each(MOMENTS.map((ms) => new Date(ms).toISOString()))("stays within the account's limits at %s", (now) => {
  const nowMs = Date.parse(now);
  const months = monthsUntil(nowMs);
  expect(months.map(({ endMs }) => endMs)).toEqual([...months.slice(1).map(({ startMs }) => startMs), nowMs]);
  const limit = bucket.tokenBucket("minute", HISTORY_BURST * MILLI, "minute", HISTORY_BURST * MILLI);
  if (limit === null) throw new Error("not exact");
  let state = bucket.fresh(limit, months[0]?.startMs ?? 0);
  for (const { startMs, endMs, calls } of months) {
    expect(calls.reduce((sum, { cost }) => sum + cost, 0)).toBeLessThan(QUOTA);
    for (const { atMs, cost } of calls) {
      expect(atMs).toBeGreaterThanOrEqual(startMs);
      expect(atMs).toBeLessThanOrEqual(endMs);
      state = bucket.at(limit, state, atMs);
      expect(bucket.remainingMilli(limit, state)).toBeGreaterThanOrEqual(cost * MILLI);
      state = bucket.spend(limit, state, cost * MILLI);
    }
  }
});
