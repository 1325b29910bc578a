/** What reports answer: the same from both back ends. Times are RFC 3339 in UTC, latencies ms, costs tokens. */
import type { Point } from "../point.ts";
import type { ReportedOutcome } from "../outcome.ts";
import type { ReportQuery } from "./report-query.ts";

/** Percentiles of what decisions took, weighted by the requests they stand for. */
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
  /** Requests that the limiter decided, whatever it said. */
  readonly decided: number;
  /** Of what was charged: neither denials nor failures of ours. */
  readonly cost: number;
}

export interface Measured extends Totals {
  /** Of decided requests; null if there are none. */
  readonly latencyMs: Percentiles | null;
}

export interface PeriodTotals extends Measured {
  /** Requests per second of `coveredSeconds`; 0 if those are 0. */
  readonly perSecond: number;
  /** Length of that part of the period which has begun and which the back end still keeps. */
  readonly coveredSeconds: number;
  /** Decisions that needed no call of an object: leases and denials answered at the edge. */
  readonly hopsSaved: number;
}

/** One line of a chart: a value for each of the answer's `times`. */
export interface Series {
  /** Value of the dimension; null: all beyond the largest ones, together. */
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

/** Decided requests whose decision took more than the bucket before and at most `leMs`; null: more than all others. */
export interface LatencyBucket {
  readonly leMs: number | null;
  readonly requests: number;
}

/** A line of the log. `weight`: how many like it the line stands for, where the store is sampled. */
export interface LoggedDecision extends Omit<Point, "atMs" | "outcome"> {
  readonly at: string;
  readonly outcome: ReportedOutcome;
  readonly weight: number;
}

type Shared<Key extends string> = Measured & Readonly<Record<Key, string>> & { readonly share: number };

export interface ReportBodies {
  readonly overview: { readonly current: PeriodTotals; readonly previous: PeriodTotals };
  readonly timeseries: { readonly times: readonly string[]; readonly series: readonly Series[] };
  readonly "top-users": { readonly users: readonly (Totals & { account: string; share: number })[] };
  readonly "top-routes": { readonly routes: readonly Shared<"route">[] };
  readonly denials: {
    readonly denied: number;
    readonly reasons: readonly { reason: string; denied: number; share: number }[];
    readonly top: readonly { reason: string; account: string; denied: number }[];
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
    /** `share`: of the decisions that were made at all. */
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
  /** What the ledgers of the busiest accounts should say, by analytics. The API puts what they do say beside it. */
  readonly "ledger-drift": { readonly accounts: readonly ({ account: string } & LedgerFigures)[] };
  readonly decisions: { readonly decisions: readonly LoggedDecision[]; readonly cursor: string | null };
}

/** Requests that were let in, what they cost, and those that a limit refused. */
export interface LedgerFigures {
  readonly requests: number;
  readonly cost: number;
  readonly denied: number;
}

/** What the rows of an answer are about. */
export interface AnswerHead {
  /** The hub's embedded store, or Analytics Engine. */
  readonly backend: "embedded" | "engine";
  /** Whether a row stood for several, so that figures are estimates. */
  readonly sampled: boolean;
  readonly from: string;
  readonly to: string;
  /** Step of the charts, seconds. */
  readonly intervalSeconds: number;
}

export type ReportAnswer = {
  readonly [Name in keyof ReportBodies]: AnswerHead & { readonly report: Name } & ReportBodies[Name];
}[keyof ReportBodies];

/** Something that answers reports. Rejects where it does not answer in time. */
export interface ReportBackend {
  run(query: ReportQuery): Promise<ReportAnswer>;
}
