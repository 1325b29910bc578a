/**
 * Health figures over time, read from the metrics while the page is open: the product keeps no history of them. Bounded. Pure: the
 * clock is an argument.
 */
import { MINUTE_MS } from "../shell/durations.ts";
import { greatest, samplesOf, type Metrics } from "./exposition.ts";

/** The figures of one moment. Null: no isolate has reported it. */
export interface HealthReading {
  /** Unix ms. */
  readonly atMs: number;
  readonly openCircuits: number | null;
  readonly policyStaleSeconds: number | null;
  readonly outboxLagSeconds: number | null;
  readonly activeUsers: number | null;
  readonly usersNearLimit: number | null;
  /** Counters: totals so far. */
  readonly requests: number;
  readonly failures: number;
  readonly failedReads: number;
  readonly pointsDropped: number;
  readonly lookups: ReadonlyMap<string, number>;
  readonly hits: ReadonlyMap<string, number>;
}

export type Gauge =
  | "openCircuits"
  | "policyStaleSeconds"
  | "outboxLagSeconds"
  | "activeUsers"
  | "usersNearLimit";
const COUNTERS = ["requests", "failures", "failedReads", "pointsDropped"] as const;
export type Counter = (typeof COUNTERS)[number];

/** An hour of polls, every five seconds. */
export const MAX_READINGS = 720;
/** Readings further apart were not taken in a row: the page was hidden, or showed another screen. */
const MAX_GAP_MS = MINUTE_MS;

export function readingOf(metrics: Metrics, atMs: number): HealthReading {
  const circuits = samplesOf(metrics, "circuit_state");
  const reads = samplesOf(metrics, "policy_reload_total");
  return {
    atMs,
    openCircuits: circuits.length === 0 ? null : circuits.filter(({ value }) => value > 0).length,
    policyStaleSeconds: greatest(metrics, "policy_stale_seconds"),
    outboxLagSeconds: greatest(metrics, "outbox_lag_seconds"),
    activeUsers: greatest(metrics, "active_users"),
    usersNearLimit: greatest(metrics, "users_near_limit"),
    requests: sum(samplesOf(metrics, "requests_total")),
    failures: sum(samplesOf(metrics, "limiter_failures_total")),
    failedReads: sum(reads.filter(({ labels }) => ["refused", "failed"].includes(labels["result"] ?? ""))),
    pointsDropped: sum(samplesOf(metrics, "points_dropped_total")),
    lookups: byCache(metrics),
    hits: byCache(metrics, "hit"),
  };
}

/** The readings with one more; the oldest is dropped if there are too many, and a repeated one is ignored. */
export function withReading(
  readings: readonly HealthReading[],
  reading: HealthReading,
): readonly HealthReading[] {
  const last = readings.at(-1);
  return last && reading.atMs <= last.atMs ? readings : [...readings, reading].slice(-MAX_READINGS);
}

/** A gauge at each reading; a counter's growth per minute between two readings, null after a gap and if it restarted. */
export function figureOver(readings: readonly HealthReading[], figure: Gauge | Counter): (number | null)[] {
  if (!isCounter(figure)) return readings.map((reading) => reading[figure]);
  return between(readings, (now, before) => {
    const grown = now[figure] - before[figure];
    return grown < 0 ? null : (grown * MINUTE_MS) / (now.atMs - before.atMs);
  });
}

function isCounter(figure: Gauge | Counter): figure is Counter {
  return COUNTERS.some((counter) => counter === figure);
}

/** The share of a cache's lookups that were hits, from 0 to 1. Null without lookups. */
export function hitsOver(readings: readonly HealthReading[], cache: string): (number | null)[] {
  return between(readings, (now, before) => {
    const lookups = (now.lookups.get(cache) ?? 0) - (before.lookups.get(cache) ?? 0);
    const hits = (now.hits.get(cache) ?? 0) - (before.hits.get(cache) ?? 0);
    return lookups <= 0 || hits < 0 ? null : hits / lookups;
  });
}

function between(
  readings: readonly HealthReading[],
  of: (now: HealthReading, before: HealthReading) => number | null,
): (number | null)[] {
  return readings.slice(1).map((now, i) => {
    const before = readings[i];
    return before && now.atMs - before.atMs <= MAX_GAP_MS ? of(now, before) : null;
  });
}

function byCache(metrics: Metrics, result?: string): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { labels, value } of samplesOf(metrics, "cache_total")) {
    const { cache = "" } = labels;
    if (result === undefined || labels["result"] === result) sums.set(cache, (sums.get(cache) ?? 0) + value);
  }
  return sums;
}

function sum(samples: readonly { readonly value: number }[]): number {
  return samples.reduce((total, { value }) => total + value, 0);
}
