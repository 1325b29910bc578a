/**
 * Puts points that differ in nothing but their request into one: where an isolate answers thousands of requests by itself, a
 * point each would cost more than the requests do.
 *
 * Only what needed no call is put together: leases and repeated denials. Sums stay exact, and so do
 * percentiles of what decisions took: only like latencies are put together. The upstream's become the mean of the run.
 */
import type { Point } from "./point.ts";
import { scaledMs } from "./reports/latency-scale.ts";

/** Fewer points than this are worth telling one by one. */
const FEW = 50;

/** The points with runs put together, in the order of their first. */
export function withRuns(points: readonly Point[]): Point[] {
  if (points.length < FEW) return [...points];
  const runs = new Map<string, Point>();
  const all: string[] = [];
  points.forEach((point, i) => {
    const name = point.source === "lease" || point.source === "deny-cache" ? nameOf(point) : String(i);
    const run = runs.get(name);
    if (!run) all.push(name);
    runs.set(name, run ? together(run, point) : point);
  });
  return all.flatMap((name) => runs.get(name) ?? []);
}

function nameOf({ account, route, tier, outcome, reason, source, ...rest }: Point): string {
  const { method, colo, country, revision, keyId, upstreamStatus, limiterMs } = rest;
  const about = [account, route, tier, outcome, reason, source, method, colo, country];
  return [...about, revision, keyId, upstreamStatus, scaledMs(limiterMs)].join("\u0000");
}

function together(run: Point, point: Point): Point {
  const requests = run.requests + point.requests;
  const mean = (a: number, b: number): number => (a * run.requests + b * point.requests) / requests;
  return {
    ...run,
    requests,
    cost: run.cost + point.cost,
    upstreamMs: mean(run.upstreamMs, point.upstreamMs),
    remainingFraction: Math.min(run.remainingFraction, point.remainingFraction),
    retryAfterMs: Math.max(run.retryAfterMs, point.retryAfterMs),
  };
}
