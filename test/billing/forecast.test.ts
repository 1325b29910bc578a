/** Forecast and trend: what they must say of usage that anybody could foresee, and how often the band holds where nobody could. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backtest } from "../../bench/backtest.ts";
import { daysOf, randomOf, SEASONS } from "../../bench/seasons.ts";
import { forecast, type Horizon, MIN_DAYS, MIN_WEEKDAY_DAYS } from "../../src/billing/forecast.ts";
import { MIN_TREND_DAYS, trend } from "../../src/billing/trend.ts";

const amount = fc.integer({ min: 0, max: 1_000_000_000 });
const history = (minLength: number, maxLength = 120) => fc.array(amount, { minLength, maxLength });
const horizon = fc.record({
  restOfToday: fc.constantFrom(0.001, 0.25, 1),
  daysAfter: fc.integer({ min: 0, max: 30 }),
});
const RESULTS = SEASONS.map((season) => backtest(season, 20, 7));
const lengthOf = ({ restOfToday, daysAfter }: Horizon): number => restOfToday + daysAfter;

describe("a forecast", () => {
  it("needs three complete days", () => {
    expect(forecast([5, 5], { restOfToday: 1, daysAfter: 3 })).toBeNull();
    expect(forecast([5, 5, 5], { restOfToday: 0.5, daysAfter: 3 })).toEqual({
      expected: 17.5,
      low: 17.5,
      high: 17.5,
      byWeekday: false,
    });
  });

  it("of the same every day is certain", () => {
    fc.assert(
      fc.property(amount, fc.integer({ min: MIN_DAYS, max: 200 }), horizon, (daily, count, ahead) => {
        const found = forecast(
          Array.from({ length: count }, () => daily),
          ahead,
        );
        for (const value of [found?.expected, found?.low, found?.high]) {
          expect(value).toBeCloseTo(daily * lengthOf(ahead), -1);
        }
      }),
    );
  });

  it("of the same every week is exact from two weeks on", () => {
    fc.assert(
      fc.property(
        fc.array(amount, { minLength: 7, maxLength: 7 }),
        fc.integer({ min: MIN_WEEKDAY_DAYS, max: 100 }),
        horizon,
        (week, count, ahead) => {
          const at = (day: number): number => week[day % 7] ?? 0;
          const found = forecast(
            Array.from({ length: count }, (_none, day) => at(day)),
            ahead,
          );
          let actual = ahead.restOfToday * at(count);
          for (let day = 1; day <= ahead.daysAfter; day++) actual += at(count + day);
          expect(found?.byWeekday).toBe(true);
          expect(found?.expected).toBeCloseTo(actual, -1);
        },
      ),
    );
  });

  it("lies within its band, which is never below 0, and is in proportion to the usage", () => {
    fc.assert(
      fc.property(history(MIN_DAYS), horizon, fc.integer({ min: 2, max: 9 }), (days, ahead, times) => {
        const found = forecast(days, ahead);
        const scaled = forecast(
          days.map((value) => value * times),
          ahead,
        );
        if (!found || !scaled) throw new Error("there is enough data");
        const { low, expected, high } = found;
        expect(low).toBeGreaterThanOrEqual(0);
        expect(low).toBeLessThanOrEqual(expected * (1 + 1e-9));
        expect(high).toBeGreaterThanOrEqual(expected * (1 - 1e-9));
        for (const [one, other] of [
          [low, scaled.low],
          [expected, scaled.expected],
          [high, scaled.high],
        ] as const) {
          expect(Math.abs(one * times - other)).toBeLessThanOrEqual(1e-6 * (1 + Math.abs(other)));
        }
      }),
    );
  });

  it.each(RESULTS)("has a band that holds about as often as it says: $season", ({ coverage }) => {
    expect(coverage).toBeGreaterThan(0.65);
    expect(coverage).toBeLessThan(0.92);
  });

  it("is better than yesterday's usage always, and than last week's if days are noisy", () => {
    for (const { season, error, lastValue } of RESULTS) expect(error, season).toBeLessThan(lastValue);
    const noisy = RESULTS.filter(({ season }) => ["noisy weekly", "rare", "spikes"].includes(season));
    for (const { season, error, seasonalNaive } of noisy) expect(error, season).toBeLessThan(seasonalNaive);
    expect(noisy).toHaveLength(3);
  });
});

describe("a trend", () => {
  it("is the slope of a line, in either direction", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.constantFrom(1, -1),
        fc.integer({ min: MIN_TREND_DAYS, max: 91 }),
        (slope, sign, count) => {
          const days = Array.from({ length: count }, (_none, day) => 100_000 + sign * slope * day);
          expect(trend(days)?.perDay).toBeCloseTo(sign * slope);
          expect(Math.sign(trend(days)?.perWeekShare ?? 0)).toBe(sign);
        },
      ),
    );
  });

  it("is not clear with less than four weeks, nor for the rhythm of a week alone", () => {
    const line = Array.from({ length: 200 }, (_none, day) => day);
    expect(trend(line.slice(0, MIN_TREND_DAYS - 1))).toBeNull();
    const week = [10, 11, 12, 11, 10, 3, 2];
    expect(trend(line.map((day) => week[day % 7] ?? 0))).toBeNull();
    expect(trend(line.map(() => 0))).toBeNull();
  });

  it("is not changed by a week's rhythm, and hardly by a few spikes", () => {
    const week = [10_000, 11_000, 12_000, 11_000, 10_000, 3_000, 2_000];
    const days = Array.from({ length: 91 }, (_none, day) => (week[day % 7] ?? 0) + 50 * day);
    expect(trend(days)?.perDay).toBeCloseTo(50);
    const spiked = days.map((value, day) => (day % 30 === 17 ? value * 20 : value));
    expect(trend(spiked)?.perDay).toBeGreaterThan(40);
    expect(trend(spiked)?.perDay).toBeLessThan(60);
  });

  it("is found in noise about as rarely as its level says", () => {
    const [flat] = SEASONS;
    if (!flat) throw new Error("no season");
    const random = randomOf(11);
    let found = 0;
    for (let account = 0; account < 400; account++) if (trend(daysOf(flat, 91, random))) found += 1;
    expect(found).toBeLessThan(400 * 0.03);
  });
});
