/** Usage summed over time and by route. Pure. */
import type { UsageReport } from "../../../dashboard/src/shell/answers.ts";

type Rows = UsageReport["usage"];

/** Requests and tokens by name, and the charges in other units by `:` and the unit. */
export type Sums = Readonly<Record<string, number>>;

export interface UsageLines {
  /** Titles of what is counted. */
  readonly columns: readonly (readonly [name: string, title: string])[];
  readonly all: Sums;
  /** One for each of the steps. */
  readonly steps: readonly Sums[];
  /** The routes with the most tokens first; then what the others add up to, if there are any. */
  readonly routes: readonly (readonly [name: string, sums: Sums])[];
}

/**
 * @param steps the beginnings of days, weeks or months, Unix ms.
 * @param totals a row for each step, so that totals are exact even if `byRoute` is not complete.
 * @param byRoute rows for each step and route.
 */
export function usageLines(
  steps: readonly number[],
  totals: Rows,
  byRoute: Rows,
  maxRoutes: number,
): UsageLines {
  const units = [...new Set(totals.flatMap(({ units: charged = {} }) => Object.keys(charged)))].toSorted();
  const all = sumOf(totals);
  const named = [...Map.groupBy(byRoute, ({ route = "" }) => route)]
    .map(([route, rows]) => [route || "No route", sumOf(rows)] as const)
    .toSorted(([, a], [, b]) => (b["cost"] ?? 0) - (a["cost"] ?? 0));
  const routes = named.slice(0, maxRoutes);
  // Never below 0: rows by route may be newer than the totals.
  const others = Object.fromEntries(
    Object.entries(all).map(([name, total]) => [
      name,
      Math.max(0, whole(routes.reduce((left, [, sums]) => left - (sums[name] ?? 0), total))),
    ]),
  );
  const hasOthers = Object.values(others).some((amount) => amount > 0);
  return {
    columns: [
      ["requests", "Requests"],
      // Without other units, charged requests are tokens.
      ["cost", units.length === 0 ? "Tokens" : "Charged"],
      ...units.map((unit) => [`:${unit}`, unit] as const),
      ["denied", "Denied"],
    ],
    all,
    steps: steps.map((startMs) => sumOf(totals.filter(({ period }) => Date.parse(period) === startMs))),
    routes: hasOthers ? [...routes, ["Other routes", others]] : routes,
  };
}

function sumOf(rows: Rows): Sums {
  const sums: Record<string, number> = {};
  for (const { requests, cost, denied, units = {} } of rows) {
    const own = Object.entries(units).map(([unit, amount]) => [`:${unit}`, amount] as const);
    for (const [name, amount] of [...Object.entries({ requests, cost, denied }), ...own])
      sums[name] = whole((sums[name] ?? 0) + amount);
  }
  return sums;
}

/** Charges are multiples of a thousandth. */
function whole(amount: number): number {
  return Math.round(amount * 1_000) / 1_000;
}
