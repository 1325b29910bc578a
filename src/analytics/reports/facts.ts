/**
 * What reports are made of: sums by group, and rows of the log. A back end knows nothing of reports; it answers these two
 * questions of its rows, and reports.ts makes the answers. So two back ends that agree on facts agree on every report.
 */
import type { Point } from "../point.ts";
import type { Dimension, Filters, LogPosition, Order } from "./report-query.ts";

/**
 * Rows that are looked at: from `fromMs` on, before `toMs`, with all these values and none of those `without`. Outcomes are those
 * of {@link outcomeOf}.
 */
export interface Selection {
  readonly fromMs: number;
  readonly toMs: number;
  readonly filters: Filters;
  readonly without?: Filters;
}

/** Sums of the selected rows, by group. */
export interface Aggregation extends Selection {
  /** One group for each combination of values. */
  readonly by: readonly Dimension[];
  /** A group for each step of this width as well; null: time plays no part. */
  readonly intervalMs: number | null;
  /** Whether percentiles are wanted. */
  readonly latency: boolean;
  /** Upper bounds of a latency histogram, ms, ascending; none wanted: empty. */
  readonly boundsMs: readonly number[];
  /**
   * By time, then the largest first, then by the values of `by`, in the order of UTF-8. At most `limit` groups.
   */
  readonly order: Order;
  readonly limit: number;
}

/**
 * All sums are weighted: a row counts for the requests it stands for, times the rows it was sampled from. Cost counts where it
 * was charged ({@link isCharged}), and is rounded to a thousandth as costs are.
 */
export interface Group {
  /** Beginning of the step, Unix ms; null where time plays no part. */
  readonly atMs: number | null;
  /** In the order of `by`. */
  readonly keys: readonly string[];
  readonly requests: number;
  /** By {@link outcomeOf}: these four add up to `requests`. */
  readonly allowed: number;
  readonly denied: number;
  readonly turnedAway: number;
  readonly errors: number;
  /** By {@link isDecided}. */
  readonly decided: number;
  readonly cost: number;
  /** Requests that the users' ledgers should have as admitted ({@link isAdmitted}). */
  readonly admitted: number;
  /** [p50, p95, p99] of {@link Point.limiterMs} of the decided requests; null if not wanted or if there are none. */
  readonly percentiles: readonly [number, number, number] | null;
  /** For each bound: decided requests whose decision took at most that. */
  readonly atMost: readonly number[];
  /** Whether any row stood for several. */
  readonly sampled: boolean;
}

/** Rows of the log: newest first, then by {@link LOG_ORDER}. */
export interface Scan extends Selection {
  readonly after: LogPosition | null;
  readonly limit: number;
}

/** A stored row: a point that may stand for several like it. */
export interface Row extends Point {
  /** `_sample_interval`. */
  readonly weight: number;
}

/** Levels of {@link Group.percentiles}. */
export const LEVELS = [0.5, 0.95, 0.99] as const;

/** Groups that one aggregation may have. */
export const MAX_GROUPS = 20_000;
