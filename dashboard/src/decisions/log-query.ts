/** The query of the decision log, from the page's URL. Pure. */
import { rangeOf, reportPath } from "../shell/time-range.ts";

type Params = Readonly<Record<string, string>>;

export const TEXT_FILTERS = ["account", "route", "tier", "reason", "keyId"] as const;
const FILTERS = [...TEXT_FILTERS, "outcome", "source"] as const;
export const PAGE_SIZES = [20, 50, 100, 500] as const;
/** The largest page of the API. */
const CSV_ROWS = 1_000;

/** The API's path for a page of the log: 50 lines unless the URL says otherwise. */
export function logPath(params: Params): string {
  const rows = PAGE_SIZES.find((size) => String(size) === params["rows"]) ?? PAGE_SIZES[1];
  const { cursor = "" } = params;
  return reportPath("decisions", rangeOf(params), {
    ...filtersOf(params),
    limit: String(rows),
    ...(cursor === "" ? {} : { cursor }),
  });
}

/** The API's path for the same lines as CSV, from the newest on. */
export function csvPath(params: Params): string {
  return reportPath("decisions", rangeOf(params), {
    ...filtersOf(params),
    limit: String(CSV_ROWS),
    format: "csv",
  });
}

export function hasFilters(params: Params): boolean {
  return Object.keys(filtersOf(params)).length > 0;
}

function filtersOf(params: Params): Params {
  return Object.fromEntries(
    FILTERS.flatMap((name) => {
      const value = params[name] ?? "";
      return value === "" ? [] : [[name, value]];
    }),
  );
}
