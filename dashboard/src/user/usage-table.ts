/** Usage by route and day as a table whose first row and first column are totals. Pure. */
import type { UsageReport } from "../shell/answers.ts";
import { DAY_MS } from "../shell/durations.ts";

/** What the ledger counts. */
export const MEASURES = ["cost", "requests", "denied"] as const;
export type Measure = (typeof MEASURES)[number];
type Counts = Readonly<Record<Measure, number>>;

export interface UsageLine {
  /** A route's id; "" for decisions that name only a cost. Null: all routes, or those that are not shown. */
  readonly route: string | null;
  readonly total: Counts;
  /** One for each of the table's days. */
  readonly days: readonly Counts[];
}

export interface UsageTable {
  /** The beginnings of the days, Unix ms, the newest first. UTC, as the ledger counts. */
  readonly days: readonly number[];
  readonly all: UsageLine;
  /** Those with the largest totals, the largest first. */
  readonly routes: readonly UsageLine[];
  /** What the other routes add up to; null if there are none. */
  readonly others: UsageLine | null;
}

type Rows = UsageReport["usage"];

const NOTHING: Counts = { cost: 0, requests: 0, denied: 0 };

/** The beginnings of the last `count` days in UTC, the newest first. */
export function lastDays(nowMs: number, count: number): number[] {
  const today = nowMs - (nowMs % DAY_MS);
  return Array.from({ length: count }, (_none, i) => today - i * DAY_MS);
}

/**
 * @param totals one row for each day, so that totals are exact even if `byRoute` is not complete.
 * @param byRoute rows for each day and route.
 * @param by what decides which routes are shown.
 */
export function usageTable(
  days: readonly number[],
  totals: Rows,
  byRoute: Rows,
  by: Measure,
  maxRoutes: number,
): UsageTable {
  const all = lineOf(null, days, totals);
  const rowsOf = Map.groupBy(byRoute, ({ route = "" }) => route);
  const lines = [...rowsOf]
    .map(([route, rows]) => lineOf(route, days, rows))
    .toSorted((a, b) => b.total[by] - a.total[by] || compare(a.route ?? "", b.route ?? ""));
  const routes = lines.slice(0, maxRoutes);
  const rest = {
    route: null,
    total: difference(
      all.total,
      routes.map(({ total }) => total),
    ),
    days: days.map((_day, i) =>
      difference(
        all.days[i] ?? NOTHING,
        routes.map((line) => line.days[i] ?? NOTHING),
      ),
    ),
  };
  const hasRest = MEASURES.some((measure) => rest.total[measure] > 0);
  return { days, all, routes, others: hasRest ? rest : null };
}

function lineOf(route: string | null, days: readonly number[], rows: Rows): UsageLine {
  const cells = days.map((day) => sumOf(rows.filter(({ period }) => Date.parse(period) === day)));
  return { route, total: sumOf(cells), days: cells };
}

function sumOf(rows: readonly Counts[]): Counts {
  return rows.reduce((sum, row) => combined(sum, row, 1), NOTHING);
}

/** Never below 0: rows by route may be newer than the totals. */
function difference(whole: Counts, parts: readonly Counts[]): Counts {
  const { cost, requests, denied } = parts.reduce((left, part) => combined(left, part, -1), whole);
  return { cost: Math.max(0, cost), requests: Math.max(0, requests), denied: Math.max(0, denied) };
}

/** Costs are multiples of a thousandth of a token. */
function combined(a: Counts, b: Counts, sign: 1 | -1): Counts {
  return {
    cost: Math.round((a.cost + sign * b.cost) * 1_000) / 1_000,
    requests: a.requests + sign * b.requests,
    denied: a.denied + sign * b.denied,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
