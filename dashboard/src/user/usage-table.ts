/** Usage by route and day as a table whose first row and first column are totals. Pure. */
import type { UsageReport } from "../shell/answers.ts";
import { DAY_MS } from "../shell/durations.ts";

/** What the ledger counts always. */
export const MEASURES = ["cost", "requests", "denied"] as const;
/** One of {@link MEASURES}, or a unit ({@link unitMeasure}). */
export type Measure = string;
/** By measure. */
export type Counts = Readonly<Record<(typeof MEASURES)[number], number>> & Readonly<Record<Measure, number>>;

/** No unit begins with it, and none of the others does. */
const UNIT = ":";

/** The measure of the charges in a unit. */
export function unitMeasure(unit: string): Measure {
  return UNIT + unit;
}

/** The units that the rows have charges in, in order. */
export function unitsOf(rows: Rows): string[] {
  return [...new Set(rows.flatMap(({ units = {} }) => Object.keys(units)))].toSorted();
}

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

function countsOf({ cost, requests, denied, units = {} }: Rows[number]): Counts {
  const own = Object.entries(units).map(([unit, amount]) => [unitMeasure(unit), amount]);
  return { cost, requests, denied, ...Object.fromEntries(own) };
}

/** What a row charged to a limit, in what the limit counts. */
export function costIn(
  { unit = "requests" }: { readonly unit?: string | undefined },
  { cost, units = {} }: Rows[number],
): number {
  return unit === "requests" ? cost : (units[unit] ?? 0);
}

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
    .toSorted((a, b) => (b.total[by] ?? 0) - (a.total[by] ?? 0) || compare(a.route ?? "", b.route ?? ""));
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
  const hasRest = Object.values(rest.total).some((amount) => amount > 0);
  return { days, all, routes, others: hasRest ? rest : null };
}

function lineOf(route: string | null, days: readonly number[], rows: Rows): UsageLine {
  const cells = days.map((day) => countsIn(rows.filter(({ period }) => Date.parse(period) === day)));
  return { route, total: sumOf(cells), days: cells };
}

/** What the rows add up to. */
export function countsIn(rows: Rows): Counts {
  return sumOf(rows.map(countsOf));
}

function sumOf(rows: readonly Counts[]): Counts {
  return rows.reduce((sum, row) => combined(sum, row, 1), NOTHING);
}

/** The whole minus the parts. Never below 0: rows by route may be newer than the totals. */
export function difference(whole: Counts, parts: readonly Counts[]): Counts {
  const left = parts.reduce((rest, part) => combined(rest, part, -1), whole);
  return countsBy(left, (name) => Math.max(0, left[name] ?? 0));
}

/** Costs are multiples of a thousandth. */
function combined(a: Counts, b: Counts, sign: 1 | -1): Counts {
  return countsBy(
    { ...a, ...b },
    (name) => Math.round(((a[name] ?? 0) + sign * (b[name] ?? 0)) * 1_000) / 1_000,
  );
}

function countsBy(like: Counts, amountOf: (name: Measure) => number): Counts {
  return { ...NOTHING, ...Object.fromEntries(Object.keys(like).map((name) => [name, amountOf(name)])) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
