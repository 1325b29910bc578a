/** What every scenario measures, and what it may be at most. Names are the same in all of them, so that reports compare. */
import http from "k6/http";
import { Counter, Rate, Trend } from "k6/metrics";
import { byProfile, p95Ms } from "./environment.ts";

// A denial is an answer, not a failure.
http.setResponseCallback(http.expectedStatuses(200, 429));

/** Tokens admitted beyond what an exact limiter admits. */
export const overAdmitted = new Counter("over_admitted");
/** Tokens of strict tiers denied that an exact limiter admits. */
export const underAdmitted = new Counter("under_admitted");
/** Of all decisions asked for: no answer, or not one that the wire format promises. */
export const errors = new Rate("errors");
export const admitted = new Counter("admitted");
export const denied = new Counter("denied");
/** From the sending of a request to its whole answer. */
export const answerTime = new Trend("answer_duration", true);
/** Who decided: the user's object, a lease, the deny cache, or the tier's failure policy. */
const sources: Readonly<Record<string, Counter>> = {
  strict: new Counter("decided_strict"),
  lease: new Counter("decided_by_lease"),
  "deny-cache": new Counter("decided_by_deny_cache"),
  fallback: new Counter("decided_by_fallback"),
};

export function countSource(source: string): void {
  sources[source]?.add(1);
}

/** Counters that stay at 0 are in the report, too, and their thresholds hold. */
export function beginCounts(): void {
  for (const counter of [overAdmitted, underAdmitted, admitted, denied, ...Object.values(sources)])
    counter.add(0);
}

/**
 * Of the short profile, which shows that all is exact and answers, often on a machine that is busy with something else: it only
 * notices what hangs. In milliseconds.
 */
const SHORT_P95_MS = 10_000;

/** Bounds of every scenario, and those of its own. `fullP95Ms` is for the full profile on a machine with nothing else to do. */
export function thresholds(
  fullP95Ms: number,
  own: Readonly<Record<string, string[]>> = {},
): Record<string, string[]> {
  return {
    over_admitted: ["count==0"],
    under_admitted: ["count==0"],
    errors: ["rate<0.001"],
    answer_duration: [`p(95)<${p95Ms(byProfile({ short: SHORT_P95_MS, full: fullP95Ms }))}`],
    admitted: ["count>0"],
    ...own,
  };
}

/** Options of every scenario: connections are kept, so that as many clients have as many of them. */
export const COMMON = {
  batch: 256,
  batchPerHost: 256,
  setupTimeout: "10m",
  teardownTimeout: "10m",
  summaryTrendStats: ["avg", "med", "p(95)", "p(99)", "max"],
};

/** One scenario of virtual users that each run once, and see to their time themselves. */
export function onceEach(vus: number, durationMs: number) {
  return {
    executor: "per-vu-iterations",
    vus,
    iterations: 1,
    maxDuration: `${Math.ceil(durationMs / 1_000) + 120}s`,
  } as const;
}
