/**
 * The burn-down of a quota: what was left of it over time, and a forecast if there is enough to make one from. Pure: no clock, no I/O.
 *
 * Method. The past is computed backwards from what is left now, with the ledger's cost of each hour. The forecast assumes that each
 * hour costs the mean m of the observed hours (from the first hour with usage, at most a week: whole days and nights). The sum of
 * H future hours then has the variance v·(H + H²/n): from chance in the future, and because m is estimated from only n hours. v is the
 * variance of an hour, times (1+r)/(1-r), where r is the lag-1 autocorrelation (0 to 0.9). v is shrunk towards m², as if one more
 * hour had been observed that far off, so that few hours never look certain. The band is 1.28 standard deviations to both sides:
 * 8 of 10 outcomes, if future hours are like the observed ones. It knows nothing of plans, weekends or growth. There is no forecast
 * before a whole day was observed: nights differ from days.
 *
 * If the API has a forecast for the end of the period, that one is drawn: it knows weekdays and earlier periods. On the way there, its
 * expectation grows with time, and its band with the root of time.
 */
import { HOUR_MS } from "../shell/durations.ts";

/** A week has each hour of each weekday once. */
export const OBSERVED_MS = 7 * 24 * HOUR_MS;
/** Usage must have been observed for this long. A day has each hour once. */
export const MIN_OBSERVED_MS = 24 * HOUR_MS;
const BAND = 1.28;
const MAX_AUTOCORRELATION = 0.9;
/** The part of the current hour from which on it counts: less says nothing yet. */
const MIN_PART = 1 / 12;
const STEPS_AHEAD = 48;

export interface QuotaNow {
  /** Tokens. */
  readonly limit: number;
  readonly remaining: number;
  /** Unix ms. */
  readonly nowMs: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** How much more will be used until the period ends, in tokens. */
export interface Expected {
  readonly expected: number;
  /** The band: 80 %. */
  readonly low: number;
  readonly high: number;
}

/** The cost of an hour that begins at `atMs`. Hours without usage may be missing. */
export interface HourCost {
  readonly atMs: number;
  readonly cost: number;
}

export interface Forecast {
  readonly atMs: number;
  /** Tokens left; below 0, the tokens by which demand exceeds the quota. */
  readonly low: number;
  readonly likely: number;
  readonly high: number;
}

export interface BurnDown {
  /** From the period's beginning to now. */
  readonly past: readonly { readonly atMs: number; readonly remaining: number }[];
  /** From now to the end of the period; empty before {@link forecastFromMs}. */
  readonly ahead: readonly Forecast[];
  /** When nothing is left, by the lower, the likely and the upper line; null if not in this period. */
  readonly runsOutMs: Readonly<Record<"earliest" | "likely" | "latest", number | null>>;
  /** The tokens per hour that the forecast assumes; null without one. */
  readonly perHour: number | null;
  /** From when on there is a forecast, Unix ms; may be past. Null without usage in the last week. */
  readonly forecastFromMs: number | null;
}

interface Pace {
  /** Tokens per hour. */
  readonly mean: number;
  readonly variance: number;
  /** The number of observed hours. */
  readonly hours: number;
}

/** @param expected the API's forecast; null if it has too little data, undefined if it does not forecast this quota. */
export function burnDown(
  quota: QuotaNow,
  hours: readonly HourCost[],
  expected?: Expected | null | undefined,
): BurnDown {
  const { nowMs, endMs } = quota;
  const firstMs = firstHourMs(hours, nowMs);
  const forecastFromMs = firstMs === null ? null : firstMs + MIN_OBSERVED_MS;
  const isObserved = firstMs !== null && nowMs >= firstMs + MIN_OBSERVED_MS;
  const pace = isObserved ? paceOf(observedHours(hours, firstMs, nowMs)) : null;
  const ahead =
    endMs <= nowMs
      ? []
      : expected
        ? towards(quota, expected)
        : expected !== null && pace
          ? aheadOf(quota, pace)
          : [];
  return {
    past: pastOf(quota, hours),
    ahead,
    runsOutMs: {
      earliest: crossing(ahead, "low"),
      likely: crossing(ahead, "likely"),
      latest: crossing(ahead, "high"),
    },
    perHour:
      ahead.length === 0
        ? null
        : expected
          ? (expected.expected * HOUR_MS) / (endMs - nowMs)
          : (pace?.mean ?? null),
    forecastFromMs,
  };
}

function aheadOf(quota: QuotaNow, { mean, variance, hours }: Pace): Forecast[] {
  return steps(quota, (h) => {
    const spread = BAND * Math.sqrt(variance * (h + h ** 2 / hours));
    return [mean * h, spread, spread];
  });
}

/** To what the API expects at the end of the period. */
function towards(quota: QuotaNow, { expected, low, high }: Expected): Forecast[] {
  return steps(quota, (_h, part) => {
    const root = Math.sqrt(part);
    return [expected * part, (high - expected) * root, (expected - low) * root];
  });
}

/** @param of what is used after so many hours, which are this part of the rest; how much more, and how much less it may be. */
function steps(
  { nowMs, endMs, remaining }: QuotaNow,
  of: (hours: number, part: number) => readonly [used: number, more: number, less: number],
): Forecast[] {
  return Array.from({ length: STEPS_AHEAD + 1 }, (_, step) => {
    const part = step / STEPS_AHEAD;
    const aheadMs = (endMs - nowMs) * part;
    const [used, more, less] = of(aheadMs / HOUR_MS, part);
    const likely = remaining - used;
    // Used tokens never come back within a period.
    return { atMs: nowMs + aheadMs, low: likely - more, likely, high: Math.min(remaining, likely + less) };
  });
}

function pastOf(
  { limit, remaining, nowMs, startMs }: QuotaNow,
  hours: readonly HourCost[],
): BurnDown["past"] {
  const newestFirst = hours
    .filter(({ atMs }) => atMs >= startMs && atMs < nowMs)
    .toSorted((a, b) => b.atMs - a.atMs);
  const points = [{ atMs: nowMs, remaining }];
  let left = remaining;
  for (const { atMs, cost } of newestFirst) {
    const until = Math.min(nowMs, atMs + HOUR_MS);
    // Idle time is a horizontal line.
    if (until < (points.at(-1)?.atMs ?? nowMs)) points.push({ atMs: until, remaining: left });
    // Never above the quota: a reset or a grant gives back tokens that the ledger still counts.
    left = Math.min(limit, left + cost);
    points.push({ atMs, remaining: left });
  }
  if ((points.at(-1)?.atMs ?? nowMs) > startMs) points.push({ atMs: startMs, remaining: left });
  return points.toReversed();
}

/** The first hour with usage in the last week; null if there is none. */
function firstHourMs(hours: readonly HourCost[], nowMs: number): number | null {
  const used = hours.filter(({ atMs, cost }) => cost > 0 && atMs > nowMs - OBSERVED_MS && atMs <= nowMs);
  return used.length === 0 ? null : Math.min(...used.map(({ atMs }) => atMs));
}

/** The costs per hour from this hour to now, idle hours as 0; the current hour is extrapolated. */
function observedHours(hours: readonly HourCost[], firstMs: number, nowMs: number): number[] {
  const used = new Map(hours.map(({ atMs, cost }) => [atMs, cost]));
  const runningMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
  const observed: number[] = [];
  for (let atMs = firstMs; atMs < runningMs; atMs += HOUR_MS) observed.push(used.get(atMs) ?? 0);
  const part = (nowMs - runningMs) / HOUR_MS;
  if (part >= MIN_PART) observed.push((used.get(runningMs) ?? 0) / part);
  return observed;
}

function paceOf(observed: readonly number[]): Pace {
  const n = observed.length;
  const mean = observed.reduce((sum, cost) => sum + cost, 0) / n;
  const off = observed.map((cost) => cost - mean);
  const squares = off.reduce((sum, d) => sum + d * d, 0);
  const products = off.slice(1).reduce((sum, d, i) => sum + d * (off[i] ?? 0), 0);
  const r = squares > 0 ? Math.min(MAX_AUTOCORRELATION, Math.max(0, products / squares)) : 0;
  return { mean, variance: ((squares + mean ** 2) / n) * ((1 + r) / (1 - r)), hours: n };
}

/** When a line reaches 0, interpolated between two steps. */
function crossing(ahead: readonly Forecast[], bound: "low" | "likely" | "high"): number | null {
  const at = ahead.findIndex((step) => step[bound] <= 0);
  const after = ahead[at];
  if (!after) return null;
  const before = ahead[at - 1];
  if (!before) return after.atMs;
  const part = before[bound] / (before[bound] - after[bound]);
  return before.atMs + (after.atMs - before.atMs) * part;
}
