/**
 * What is left of a quota: how it came down, and where it is likely to go. Pure: no clock, no I/O.
 *
 * Method. The past is counted back from what is left now by the ledger's costs of each hour. Ahead, an hour is taken to cost the
 * mean m of the hours seen (since the first one in use, at most a week: whole days and nights). The sum of H hours ahead then
 * has the variance v·(H + H²/n): chance ahead, and that m itself is known from n hours only. v is the variance of an hour,
 * times (1+r)/(1-r) where r is how much an hour is like the one before (lag-1 autocorrelation, 0 to 0.9), and it is drawn to m²
 * as if one more hour had been seen that far off, so that few hours never look certain. The band is 1.28 deviations to both
 * sides: 8 of 10 outcomes, if hours to come are like those seen. It knows nothing of plans, weekends or growth.
 */

export const HOUR_MS = 3_600_000;
/** A week has every hour of the day and day of the week once. */
export const SEEN_MS = 7 * 24 * HOUR_MS;
const BAND = 1.28;
const MOST_LIKE = 0.9;
/** Of the hour that runs: less says nothing yet. */
const LEAST_PART = 1 / 12;
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

/** What an hour cost; hours without usage may be left out. `atMs` is its beginning. */
export interface HourCost {
  readonly atMs: number;
  readonly cost: number;
}

export interface Ahead {
  readonly atMs: number;
  /** Left, tokens; below 0: so much more would be wanted. */
  readonly low: number;
  readonly likely: number;
  readonly high: number;
}

export interface BurnDown {
  /** From the period's beginning to now. */
  readonly past: readonly { readonly atMs: number; readonly remaining: number }[];
  /** From now to the period's end; empty where nothing was used in the last week. */
  readonly ahead: readonly Ahead[];
  /** When nothing is left: by the lower bound, the likely one and the upper one; null where not in this period. */
  readonly runsOutMs: Readonly<Record<"earliest" | "likely" | "latest", number | null>>;
  /** Tokens per hour, as seen; null where there was none. */
  readonly perHour: number | null;
}

interface Pace {
  /** Tokens per hour, its variance, and the hours it was seen in. */
  readonly mean: number;
  readonly variance: number;
  readonly hours: number;
}

export function burnDown(quota: QuotaNow, hours: readonly HourCost[]): BurnDown {
  const seen = seenHours(hours, quota.nowMs);
  const pace = seen.length > 0 ? paceOf(seen) : null;
  const ahead = pace && quota.endMs > quota.nowMs ? aheadOf(quota, pace) : [];
  return {
    past: pastOf(quota, hours),
    ahead,
    runsOutMs: {
      earliest: crossing(ahead, "low"),
      likely: crossing(ahead, "likely"),
      latest: crossing(ahead, "high"),
    },
    perHour: pace && pace.mean,
  };
}

function aheadOf({ nowMs, endMs, remaining }: QuotaNow, { mean, variance, hours }: Pace): Ahead[] {
  return Array.from({ length: STEPS_AHEAD + 1 }, (_, step) => {
    const atMs = nowMs + ((endMs - nowMs) * step) / STEPS_AHEAD;
    const h = (atMs - nowMs) / HOUR_MS;
    const spread = BAND * Math.sqrt(variance * (h + h ** 2 / hours));
    const likely = remaining - mean * h;
    // What is used never comes back within a period.
    return { atMs, low: likely - spread, likely, high: Math.min(remaining, likely + spread) };
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
    // An idle time before it is a level line.
    if (until < (points.at(-1)?.atMs ?? nowMs)) points.push({ atMs: until, remaining: left });
    // A reset or a grant gave back what the ledger still has: never above the quota.
    left = Math.min(limit, left + cost);
    points.push({ atMs, remaining: left });
  }
  if ((points.at(-1)?.atMs ?? nowMs) > startMs) points.push({ atMs: startMs, remaining: left });
  return points.toReversed();
}

/** Costs per hour from the first hour in use to now, idle hours as 0; the hour that runs as if it went on so. */
function seenHours(hours: readonly HourCost[], nowMs: number): number[] {
  const used = new Map(hours.filter(({ cost }) => cost > 0).map(({ atMs, cost }) => [atMs, cost]));
  const runningMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
  const firstMs = Math.min(...[...used.keys()].filter((atMs) => atMs > nowMs - SEEN_MS && atMs <= nowMs));
  const seen: number[] = [];
  for (let atMs = firstMs; atMs < runningMs; atMs += HOUR_MS) seen.push(used.get(atMs) ?? 0);
  const part = (nowMs - runningMs) / HOUR_MS;
  const running = used.get(runningMs) ?? 0;
  if (firstMs <= runningMs && (part >= LEAST_PART || (seen.length === 0 && part > 0))) {
    seen.push(running / part);
  }
  return seen;
}

function paceOf(seen: readonly number[]): Pace {
  const n = seen.length;
  const mean = seen.reduce((sum, cost) => sum + cost, 0) / n;
  const off = seen.map((cost) => cost - mean);
  const squares = off.reduce((sum, d) => sum + d * d, 0);
  const products = off.slice(1).reduce((sum, d, i) => sum + d * (off[i] ?? 0), 0);
  const like = squares > 0 ? Math.min(MOST_LIKE, Math.max(0, products / squares)) : 0;
  return { mean, variance: ((squares + mean ** 2) / n) * ((1 + like) / (1 - like)), hours: n };
}

/** When a bound comes to nothing, between two steps by a straight line. */
function crossing(ahead: readonly Ahead[], bound: "low" | "likely" | "high"): number | null {
  const at = ahead.findIndex((step) => step[bound] <= 0);
  const after = ahead[at];
  if (!after) return null;
  const before = ahead[at - 1];
  if (!before) return after.atMs;
  const part = before[bound] / (before[bound] - after[bound]);
  return before.atMs + (after.atMs - before.atMs) * part;
}
