/** Answers of reports, the same from both back ends. Times are RFC 3339 in UTC, latencies ms, costs in one unit. */
import type { Point } from "../point.ts";
import type { ReportedOutcome } from "../outcome.ts";
import type { Dimension, ReportQuery } from "./report-query.ts";

/** Percentiles of decision latency, weighted by requests. */
export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** `requests` is the sum of `allowed`, `denied`, `turnedAway` and `errors`. The share denied is `denied` / `decided`. */
export interface Totals {
  readonly requests: number;
  readonly allowed: number;
  /** By a limit. */
  readonly denied: number;
  /** Rejected for another reason: no such route, bad credentials, blocked, ... */
  readonly turnedAway: number;
  readonly errors: number;
  /** Requests that the limiter decided, with any outcome. */
  readonly decided: number;
  /** Charged, in the report's unit: neither for denials nor for failures of the limiter. */
  readonly cost: number;
}

export interface Measured extends Totals {
  /** Of decided requests; null if there are none. */
  readonly latencyMs: Percentiles | null;
}

export interface PeriodTotals extends Measured {
  /** Requests per second of `coveredSeconds`; 0 if those are 0. */
  readonly perSecond: number;
  /** Length of the part of the period that has begun and that the back end still keeps. */
  readonly coveredSeconds: number;
  /** Decisions made at the edge, without calling the object: by leases and remembered denials. */
  readonly hopsSaved: number;
}

/** One line of a chart: a value for each of the answer's `times`. */
export interface Series {
  /** Value of the dimension; null: the sum of all beyond the largest ones. */
  readonly key: string | null;
  readonly requests: readonly number[];
  readonly denied: readonly number[];
  readonly cost: readonly number[];
}

export interface LatencySteps {
  readonly p50: readonly (number | null)[];
  readonly p95: readonly (number | null)[];
  readonly p99: readonly (number | null)[];
}

/** Decided requests whose decision took at most `leMs` and longer than the bucket before; null: longer than all bounds. */
export interface LatencyBucket {
  readonly leMs: number | null;
  readonly requests: number;
}

/** A line of the log. `weight`: how many decisions like it the line stands for; above 1 only if the store is sampled. */
export interface LoggedDecision extends Omit<Point, "atMs" | "outcome"> {
  readonly at: string;
  readonly outcome: ReportedOutcome;
  readonly weight: number;
}

/** A user or an address, and when its last request was: to the second. */
export interface RankedSubject extends Totals {
  readonly account: string;
  readonly lastSeenAt: string;
}

/** Why the log may lack a request between the answer's `from` and `to`. */
export interface NotFound {
  /** Since when the log keeps decisions. */
  readonly logBegins: string;
  /** For people. */
  readonly detail: string;
}

type Shared<Key extends string> = Measured & Readonly<Record<Key, string>> & { readonly share: number };

export interface ReportBodies {
  readonly overview: { readonly current: PeriodTotals; readonly previous: PeriodTotals };
  readonly timeseries: { readonly times: readonly string[]; readonly series: readonly Series[] };
  readonly "top-users": { readonly users: readonly (Totals & { account: string; share: number })[] };
  /** Without those beyond the limit: then `isComplete` is false. */
  readonly subjects: { readonly subjects: readonly RankedSubject[]; readonly isComplete: boolean };
  readonly "top-routes": { readonly routes: readonly Shared<"route">[] };
  readonly denials: {
    readonly denied: number;
    readonly reasons: readonly { reason: string; denied: number; share: number }[];
    readonly top: readonly { reason: string; account: string; denied: number }[];
  };
  /** What would have been denied if everything in shadow were enforced. These requests were not denied by a limit. */
  readonly "shadow-denials": {
    /** Each once, whatever would have denied it. */
    readonly requests: number;
    /** By limit, the most first. A request counts for each limit that would have denied it. `share`: of all decided requests. */
    readonly limits: readonly ShadowDenials[];
    readonly top: readonly { limit: string; account: string; requests: number }[];
    readonly times: readonly string[];
    /** By limit. */
    readonly series: readonly Series[];
  };
  readonly tiers: { readonly tiers: readonly Shared<"tier">[] };
  readonly latency: {
    readonly times: readonly string[];
    readonly steps: LatencySteps;
    readonly sources: readonly Shared<"source">[];
    readonly histogram: readonly LatencyBucket[];
  };
  readonly sources: {
    readonly times: readonly string[];
    readonly series: readonly Series[];
    readonly sources: readonly Shared<"source">[];
    /** `share`: of all decided requests. */
    readonly hopsSaved: { readonly requests: number; readonly share: number };
  };
  readonly user: {
    readonly account: string;
    readonly totals: Measured;
    readonly times: readonly string[];
    readonly series: readonly Series[];
    readonly routes: readonly Shared<"route">[];
    readonly reasons: readonly { reason: string; denied: number; share: number }[];
    readonly keys: readonly Shared<"keyId">[];
  };
  /** What analytics expects in the ledgers of the busiest accounts. The API adds what the ledgers contain. */
  readonly "ledger-drift": { readonly accounts: readonly ({ account: string } & LedgerFigures)[] };
  /** Values of the dimension `by`, the most frequent first. */
  readonly values: {
    readonly by: Dimension;
    readonly values: readonly { value: string; requests: number; denied: number }[];
  };
  readonly decisions: {
    readonly decisions: readonly LoggedDecision[];
    readonly cursor: string | null;
    /** Null if the request that was searched for was found, or none was. */
    readonly notFound: NotFound | null;
  };
}

/** Requests that a limit in shadow would have denied. */
export interface ShadowDenials {
  readonly limit: string;
  readonly requests: number;
  readonly share: number;
}

/** Admitted requests, their cost, and requests denied by a limit. */
export interface LedgerFigures {
  readonly requests: number;
  readonly cost: number;
  readonly denied: number;
}

/** What all answers have. */
export interface AnswerHead {
  /** The hub's embedded store, or Analytics Engine. */
  readonly backend: "embedded" | "engine";
  /** Whether a row stands for several, so that figures are estimates. */
  readonly sampled: boolean;
  readonly from: string;
  readonly to: string;
  /** Step of the charts, seconds. */
  readonly intervalSeconds: number;
  /** The unit of costs, if it is not requests. Hubs of an older version send none: their costs are requests. */
  readonly unit?: string;
}

export type ReportAnswer = {
  readonly [Name in keyof ReportBodies]: AnswerHead & { readonly report: Name } & ReportBodies[Name];
}[keyof ReportBodies];

/** Runs reports. Rejects if there is no answer in time. */
export interface ReportBackend {
  run(query: ReportQuery): Promise<ReportAnswer>;
}
