/** What a report is asked for: a name, a time range and filters, parsed and bounded. Plain data: it goes over RPC as it is. */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../core/time.ts";
import type { Point } from "../point.ts";

export const REPORT_NAMES = [
  "overview",
  "timeseries",
  "top-users",
  "subjects",
  "top-routes",
  "denials",
  "shadow-denials",
  "tiers",
  "latency",
  "sources",
  "user",
  "values",
  "decisions",
  "ledger-drift",
] as const;
export type ReportName = (typeof REPORT_NAMES)[number];

/** Fields that decisions can be grouped and filtered by. */
export const DIMENSIONS = [
  "account",
  "route",
  "tier",
  "outcome",
  "reason",
  "source",
  "keyId",
  "method",
  "upstreamStatus",
  "shadowed",
] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** One value for each dimension. */
export function byDimension<T>(make: (name: Dimension) => T): Record<Dimension, T> {
  return {
    account: make("account"),
    route: make("route"),
    tier: make("tier"),
    outcome: make("outcome"),
    reason: make("reason"),
    source: make("source"),
    keyId: make("keyId"),
    method: make("method"),
    upstreamStatus: make("upstreamStatus"),
    shadowed: make("shadowed"),
  };
}

/** What a chart can be stacked by: dimensions with few values. */
export const STACKS = [
  "outcome",
  "reason",
  "source",
  "tier",
  "route",
  "shadowed",
] as const satisfies Dimension[];

/** What a ranking can be by, the largest first. `deniedShare`: `denied` / `decided`. `lastSeen`: the last request. */
export const ORDERS = ["requests", "denied", "cost", "deniedShare", "lastSeen"] as const;
export type Order = (typeof ORDERS)[number];

/** Kinds of subjects: users, and callers without a credential. */
export const SUBJECT_KINDS = ["user", "address"] as const;
export type SubjectKind = (typeof SUBJECT_KINDS)[number];

/** What the names of the subjects of a kind begin with. */
export const SUBJECT_PREFIXES: Readonly<Record<SubjectKind, string>> = { user: "user:", address: "ip:" };

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
  /** Unix ms, whole seconds: Analytics Engine stores no finer time. */
  readonly fromMs: number;
  /** Exclusive; whole seconds. */
  readonly toMs: number;
  /** Width of a chart's step: one of {@link INTERVALS}. */
  readonly intervalMs: number;
  readonly filters: Filters;
  /** Only decisions of this request: for the log alone. Edges of an older version send none. */
  readonly requestId?: string;
  /** Only values of `by` that contain this text, ignoring the case of ASCII letters: for `values` alone. Older edges send none. */
  readonly search?: string;
  /** The unit of costs, other than requests. Left out: requests. Older edges send none. */
  readonly unit?: string;
  /** One of {@link STACKS}; for `values`, any dimension. */
  readonly by: Dimension;
  readonly order: Order;
  /** Whom `subjects` ranks. */
  readonly subjects?: SubjectKind;
  /** Rows of a ranking or of the log. */
  readonly limit: number;
  readonly after: LogPosition | null;
}

/** Steps of charts, by name. All divide a day, so they begin at round times of UTC. */
export const INTERVALS = {
  "1s": SECOND_MS,
  "10s": 10 * SECOND_MS,
  "1m": MINUTE_MS,
  "5m": 5 * MINUTE_MS,
  "15m": 15 * MINUTE_MS,
  "1h": HOUR_MS,
  "6h": 6 * HOUR_MS,
  "1d": DAY_MS,
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
export const MAX_RANGE_MS = 93 * DAY_MS;
export const DEFAULT_RANGE_MS = HOUR_MS;
/** A chart has fewer pixels than this. */
export const MAX_STEPS = 1_000;
/** Steps of a chart if no interval was asked for. */
const USUAL_STEPS = 120;
export const DEFAULT_ROWS = 20;
export const MAX_ROWS = 1_000;

/** The finest interval that divides the range into at most {@link USUAL_STEPS}. */
export function usualInterval(fromMs: number, toMs: number): number {
  const fits = Object.values(INTERVALS).find((ms) => (toMs - fromMs) / ms <= USUAL_STEPS);
  return fits ?? INTERVALS["1d"];
}

/** Whether the range has more than {@link MAX_STEPS}. */
export function hasTooManySteps(fromMs: number, toMs: number, intervalMs: number): boolean {
  return Math.ceil(toMs / intervalMs) - Math.floor(fromMs / intervalMs) > MAX_STEPS;
}

/** The beginnings of the steps that the range touches, Unix ms. */
export function stepsOf({ fromMs, toMs, intervalMs }: ReportQuery): number[] {
  const steps: number[] = [];
  for (let at = fromMs - (fromMs % intervalMs); at < toMs; at += intervalMs) steps.push(at);
  return steps;
}
