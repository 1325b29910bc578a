/** The metrics and thresholds of all scenarios. All use the same names, so that reports are comparable. */
import http from "k6/http";
import { Counter, Rate, Trend } from "k6/metrics";
import { byProfile, p95Ms } from "./environment.ts";

// A denial is an answer, not a failure.
http.setResponseCallback(http.expectedStatuses(200, 429));

/** Tokens admitted in excess of an exact limiter. */
export const overAdmitted = new Counter("over_admitted");
/** Tokens denied that an exact limiter admits. */
export const underAdmitted = new Counter("under_admitted");
/** Share of decisions without an answer, or with one that violates the wire format. */
export const errors = new Rate("errors");
export const admitted = new Counter("admitted");
export const denied = new Counter("denied");
/** From sending a request to receiving its whole answer. */
export const answerTime = new Trend("answer_duration", true);
/** Decisions by source: the user's object, a lease, the deny cache, or the tier's failure policy. */
const sources: Readonly<Record<string, Counter>> = {
  strict: new Counter("decided_strict"),
  lease: new Counter("decided_by_lease"),
  "deny-cache": new Counter("decided_by_deny_cache"),
  fallback: new Counter("decided_by_fallback"),
};

export function countSource(source: string): void {
  sources[source]?.add(1);
}

/** Adds 0 to each counter, so that counters at 0 appear in the report and their thresholds are evaluated. */
export function beginCounts(): void {
  for (const counter of [overAdmitted, underAdmitted, admitted, denied, ...Object.values(sources)])
    counter.add(0);
}

/**
 * The bound of the short profile, which checks exactness, often on a busy machine. It only catches requests that hang.
 */
const SHORT_P95_MS = 10_000;

/**
 * The thresholds of every scenario, plus its own.
 * @param fullP95Ms bound of the 95th percentile in the full profile, on an otherwise idle machine.
 */
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

/** Options of every scenario. The batch limits let each concurrent request have its own connection. */
export const COMMON = {
  batch: 256,
  batchPerHost: 256,
  setupTimeout: "10m",
  teardownTimeout: "10m",
  summaryTrendStats: ["avg", "med", "p(95)", "p(99)", "max"],
};

/** A scenario whose virtual users run once each and end themselves after `durationMs`. */
export function onceEach(vus: number, durationMs: number) {
  return {
    executor: "per-vu-iterations",
    vus,
    iterations: 1,
    maxDuration: `${Math.ceil(durationMs / 1_000) + 120}s`,
  } as const;
}
