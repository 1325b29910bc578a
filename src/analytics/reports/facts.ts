/**
 * What reports are made of: sums by group, and rows of the log. A back end knows nothing of reports; it answers these two
 * queries from its rows, and reports.ts makes the reports. So two back ends that agree on facts agree on every report.
 */
import { isPoint, type Point } from "../point.ts";
import type { Dimension, Filters, LogPosition, Order, SubjectKind } from "./report-query.ts";

/**
 * Rows from `fromMs` on and before `toMs`, with all values of `filters` and none of `without`; of subjects of one kind, if it is given.
 * Outcomes are those of {@link outcomeOf}.
 */
export interface Selection {
  readonly fromMs: number;
  readonly toMs: number;
  readonly filters: Filters;
  readonly without?: Filters;
  readonly subjects?: SubjectKind;
  /** Only rows whose value contains the text, ignoring the case of ASCII letters ({@link lowerCase}). */
  readonly search?: { readonly field: Dimension; readonly text: string };
}

/** Lower case of ASCII letters alone, as SQL's `lower` makes it. */
export function lowerCase(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Sums of the selected rows, by group. */
export interface Aggregation extends Selection {
  /** One group for each combination of values. */
  readonly by: readonly Dimension[];
  /** Also one group for each step of this width; null: groups are not divided by time. */
  readonly intervalMs: number | null;
  /** Whether to compute percentiles. */
  readonly latency: boolean;
  /** Upper bounds of a latency histogram, ms, ascending; empty for none. */
  readonly boundsMs: readonly number[];
  /** The unit of {@link Group.cost}. Left out: requests. */
  readonly unit?: string;
  /** By time, then the largest first, then by the values of `by` in the order of UTF-8. */
  readonly order: Order;
  readonly limit: number;
}

/**
 * All sums are weighted: a row counts for the requests it stands for, times the rows it was sampled from. Cost counts if it was charged
 * ({@link isCharged}), and is rounded to a thousandth, as costs are.
 */
export interface Group {
  /** Beginning of the step, Unix ms; null if groups are not divided by time. */
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
  /** Requests that the users' ledgers should count as admitted ({@link isAdmitted}). */
  readonly admitted: number;
  /** The second of the last row, Unix ms. */
  readonly lastMs: number;
  /** [p50, p95, p99] of {@link Point.limiterMs} of the decided requests; null if not wanted or if there are none. */
  readonly percentiles: readonly [number, number, number] | null;
  /** For each bound: decided requests whose decision took at most that long. */
  readonly atMost: readonly number[];
  /** Whether any row stood for several. */
  readonly sampled: boolean;
}

/** Rows of the log: newest first, then by {@link LOG_ORDER}. */
export interface Scan extends Selection {
  /** Only rows of this request ({@link isOfRequest}); null: of any. */
  readonly requestId: string | null;
  readonly after: LogPosition | null;
  readonly limit: number;
}

/** A search for a request: its period and id. */
export interface RequestScan extends Pick<Scan, "fromMs" | "toMs"> {
  readonly requestId: string;
}

/** A stored row: a point that may stand for several like it. */
export type Row = Point & {
  /** `_sample_interval`. */
  readonly weight: number;
};

/** Whether the request is one of those that the row stands for. */
export function isOfRequest(row: Pick<Row, "requestId" | "otherRequestIds">, requestId: string): boolean {
  return row.requestId === requestId || row.otherRequestIds.includes(` ${requestId} `);
}

export function isRow(value: Readonly<Record<string, unknown>>): value is Row {
  return typeof value["weight"] === "number" && isPoint(value);
}

/** The period for which a back end has rows: from the oldest it keeps until now, Unix ms. */
export interface Keeps {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Levels of {@link Group.percentiles}. */
export const LEVELS = [0.5, 0.95, 0.99] as const;

/** Groups that one aggregation may have. */
export const MAX_GROUPS = 20_000;
