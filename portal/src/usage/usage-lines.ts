/** Usage summed over time and by route. Pure. */
import type { UsageReport } from "../../../dashboard/src/shell/answers.ts";
import {
  type Counts,
  countsIn,
  difference,
  unitMeasure,
  unitsOf,
} from "../../../dashboard/src/user/usage-table.ts";

type Rows = UsageReport["usage"];

export interface UsageLines {
  /** The measures, with their titles. */
  readonly columns: readonly (readonly [name: string, title: string])[];
  readonly all: Counts;
  /** One for each of the steps. */
  readonly steps: readonly Counts[];
  /** The routes with the most tokens first; then what the others add up to, if there are any. */
  readonly routes: readonly (readonly [name: string, counts: Counts])[];
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
  const units = unitsOf(totals);
  const all = countsIn(totals);
  const routes = [...Map.groupBy(byRoute, ({ route = "" }) => route)]
    .map(([route, rows]) => [route || "No route", countsIn(rows)] as const)
    .toSorted(([, a], [, b]) => b.cost - a.cost)
    .slice(0, maxRoutes);
  const others = difference(
    all,
    routes.map(([, counts]) => counts),
  );
  const hasOthers = Object.values(others).some((amount) => amount > 0);
  return {
    columns: [
      ["requests", "Requests"],
      // Without other units, charged requests are tokens.
      ["cost", units.length === 0 ? "Tokens" : "Charged"],
      ...units.map((unit) => [unitMeasure(unit), unit] as const),
      ["denied", "Denied"],
    ],
    all,
    steps: steps.map((startMs) => countsIn(totals.filter(({ period }) => Date.parse(period) === startMs))),
    routes: hasOthers ? [...routes, ["Other routes", others]] : routes,
  };
}
