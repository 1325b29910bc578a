/** What forecasts of synthetic seasons would have been wrong by, beside two simple methods. Pure. */
import { forecast, type Horizon } from "../src/billing/forecast.ts";
import { trend } from "../src/billing/trend.ts";
import { daysOf, randomOf, type Season } from "./seasons.ts";

/** Days of history, and days of the period that are left. */
const ORIGINS = [5, 10, 20, 45, 80, 110, 140, 170];
const LEFT = [1, 7, 15, 25];

export interface Backtest {
  readonly season: string;
  readonly forecasts: number;
  /** The share of sums within the band. */
  readonly coverage: number;
  /** The band's mean width, as a share of the mean sum. */
  readonly width: number;
  /** Mean absolute errors, as shares of the mean sum. */
  readonly error: number;
  readonly seasonalNaive: number;
  readonly lastValue: number;
  /** The share of 13-week histories with a trend up, and down. */
  readonly up: number;
  readonly down: number;
}

export function backtest(season: Season, accounts: number, seed: number): Backtest {
  const random = randomOf(seed);
  let [forecasts, inside, width, actuals] = [0, 0, 0, 0];
  const errors = { own: 0, seasonalNaive: 0, lastValue: 0 };
  const trends = { up: 0, down: 0 };
  for (let account = 0; account < accounts; account++) {
    const days = daysOf(season, Math.max(...ORIGINS) + Math.max(...LEFT), random);
    for (const origin of ORIGINS) {
      for (const left of LEFT) {
        const horizon: Horizon = { restOfToday: 1, daysAfter: left - 1 };
        const known = days.slice(0, origin);
        const found = forecast(known, horizon);
        if (found === null) continue;
        const actual = sum(days.slice(origin, origin + left));
        forecasts += 1;
        actuals += actual;
        if (actual >= found.low && actual <= found.high) inside += 1;
        width += found.high - found.low;
        errors.own += Math.abs(actual - found.expected);
        errors.seasonalNaive += Math.abs(actual - lastWeek(known, left));
        errors.lastValue += Math.abs(actual - left * (known.at(-1) ?? 0));
      }
    }
    const found = trend(days.slice(0, 91));
    if (found) trends[found.perDay > 0 ? "up" : "down"] += 1;
  }
  return {
    season: season.name,
    forecasts,
    coverage: inside / forecasts,
    width: width / actuals,
    error: errors.own / actuals,
    seasonalNaive: errors.seasonalNaive / actuals,
    lastValue: errors.lastValue / actuals,
    up: trends.up / accounts,
    down: trends.down / accounts,
  };
}

/** The last week, over and over; before there is one, the last day. */
function lastWeek(known: readonly number[], left: number): number {
  const week = known.length < 7 ? known.slice(-1) : known.slice(-7);
  return sum(Array.from({ length: left }, (_none, day) => week[day % week.length] ?? 0));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
