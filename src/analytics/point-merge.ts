/**
 * Puts points that differ in nothing but their request into one: where an isolate answers thousands of requests by itself, a
 * point each would cost more than the requests do.
 *
 * Only what is many and alike is put together: what was allowed, and denials that the edge repeats. Sums stay exact, and so do
 * percentiles of what decisions took: only like latencies are put together. The upstream's become the mean of the run.
 */
import type { Point } from "./point.ts";
import { scaledMs } from "./reports/latency-scale.ts";

/** Fewer points than this are worth telling one by one. */
const FEW = 50;

/** Runs of one account that a point is compared with; with more, points stay as they are. */
const MOST_RUNS = 16;

type Run = { -readonly [Field in keyof Point]: Point[Field] };

/** The points with runs put together, in the order of their first. */
export function withRuns(points: readonly Point[]): Point[] {
  if (points.length < FEW) return [...points];
  const runs = new Map<string, Run[]>();
  const all: Point[] = [];
  for (const point of points) {
    if (point.outcome !== "allowed" && point.source !== "deny-cache") {
      all.push(point);
      continue;
    }
    const ofAccount = runs.get(point.account);
    const run = ofAccount?.find((other) => isAlike(other, point));
    if (run) {
      join(run, point);
      continue;
    }
    const first: Run = { ...point };
    all.push(first);
    if (!ofAccount) runs.set(point.account, [first]);
    else if (ofAccount.length < MOST_RUNS) ofAccount.push(first);
  }
  return all;
}

/** Of the same account. */
function isAlike(a: Point, b: Point): boolean {
  return (
    a.route === b.route &&
    a.keyId === b.keyId &&
    a.outcome === b.outcome &&
    a.reason === b.reason &&
    a.source === b.source &&
    a.tier === b.tier &&
    a.method === b.method &&
    a.country === b.country &&
    a.colo === b.colo &&
    a.revision === b.revision &&
    a.upstreamStatus === b.upstreamStatus &&
    (a.limiterMs === b.limiterMs || scaledMs(a.limiterMs) === scaledMs(b.limiterMs))
  );
}

function join(run: Run, point: Point): void {
  const requests = run.requests + point.requests;
  run.upstreamMs = (run.upstreamMs * run.requests + point.upstreamMs * point.requests) / requests;
  run.requests = requests;
  run.cost += point.cost;
  run.remainingFraction = Math.min(run.remainingFraction, point.remainingFraction);
  run.retryAfterMs = Math.max(run.retryAfterMs, point.retryAfterMs);
}
