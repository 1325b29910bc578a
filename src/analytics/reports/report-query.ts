/** What a report is asked for: a name, a span of time and filters, parsed and bounded. Plain data: it goes over RPC as it is. */
import type { ReportedOutcome } from "../outcome.ts";
import type { Point } from "../point.ts";

export const REPORT_NAMES = [
  "overview",
  "timeseries",
  "top-users",
  "top-routes",
  "denials",
  "tiers",
  "latency",
  "sources",
  "user",
  "decisions",
  "ledger-drift",
] as const;
export type ReportName = (typeof REPORT_NAMES)[number];

/** Columns that decisions can be told apart by. */
export const DIMENSIONS = ["account", "route", "tier", "outcome", "reason", "source", "keyId"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** What a chart can be stacked by: only what has few values. */
export const STACKS = ["outcome", "reason", "source", "tier", "route"] as const satisfies Dimension[];

export const OUTCOMES = ["allowed", "denied", "turned_away", "error"] as const satisfies ReportedOutcome[];

/** What a ranking can be by, the largest first. */
export const ORDERS = ["requests", "denied", "cost"] as const;
export type Order = (typeof ORDERS)[number];

/** Only decisions with exactly these values. */
export type Filters = Readonly<Partial<Record<Dimension, string>>>;

/** Ascending within one moment, strings in the order of UTF-8, so that pages never overlap. */
export const LOG_ORDER = ["requestId", "account", "route", "outcome", "reason", "keyId", "cost"] as const;

/** What places a row in the log. */
export type LogKey = Pick<Point, "atMs" | (typeof LOG_ORDER)[number]>;

/** Where a page of decisions begins: after this one, in the order of the log. */
export interface LogPosition extends LogKey {
  /** How many decisions with exactly these values were shown already: no order distinguishes them. */
  readonly shown: number;
}

export interface ReportQuery {
  readonly name: ReportName;
  /** Unix ms, whole seconds: Analytics Engine keeps no finer time. */
  readonly fromMs: number;
  /** Exclusive; whole seconds. */
  readonly toMs: number;
  /** Width of a step of the charts: one of {@link INTERVALS}. */
  readonly intervalMs: number;
  readonly filters: Filters;
  readonly by: Dimension;
  readonly order: Order;
  /** Rows of a ranking or of the log. */
  readonly limit: number;
  readonly after: LogPosition | null;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Steps of charts, by name. All divide a day, so they begin at round times of UTC. */
export const INTERVALS = {
  "1s": SECOND_MS,
  "10s": 10 * SECOND_MS,
  "1m": MINUTE_MS,
  "5m": 5 * MINUTE_MS,
  "15m": 15 * MINUTE_MS,
  "1h": HOUR_MS,
  "6h": 6 * HOUR_MS,
  "1d": 24 * HOUR_MS,
} as const;
export type Interval = keyof typeof INTERVALS;
export const INTERVAL_NAMES = [
  "1s",
  "10s",
  "1m",
  "5m",
  "15m",
  "1h",
  "6h",
  "1d",
] as const satisfies Interval[];

/** Analytics Engine keeps three months. */
export const MAX_RANGE_MS = 93 * 24 * HOUR_MS;
export const DEFAULT_RANGE_MS = HOUR_MS;
/** More steps than pixels help nobody. */
export const MAX_STEPS = 1_000;
/** What a chart gets where no interval was asked for. */
const USUAL_STEPS = 120;
export const DEFAULT_ROWS = 20;
export const MAX_ROWS = 1_000;

/** The finest interval that cuts the span into a usual number of steps. */
export function usualInterval(fromMs: number, toMs: number): number {
  const fits = Object.values(INTERVALS).find((ms) => (toMs - fromMs) / ms <= USUAL_STEPS);
  return fits ?? INTERVALS["1d"];
}

/** Whether the span is cut into more steps than are answered. */
export function hasTooManySteps(fromMs: number, toMs: number, intervalMs: number): boolean {
  return Math.ceil(toMs / intervalMs) - Math.floor(fromMs / intervalMs) > MAX_STEPS;
}

/** The beginnings of the steps that the span touches, Unix ms. */
export function stepsOf({ fromMs, toMs, intervalMs }: ReportQuery): number[] {
  const steps: number[] = [];
  for (let at = fromMs - (fromMs % intervalMs); at < toMs; at += intervalMs) steps.push(at);
  return steps;
}
