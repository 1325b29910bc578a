/** What part of the log is asked for, all of it in the page's URL. Pure. */
import { rangeOf, reportPath } from "../overview/range.ts";

type Params = Readonly<Record<string, string>>;

export const TEXT_FILTERS = ["account", "route", "tier", "reason", "keyId"] as const;
const FILTERS = [...TEXT_FILTERS, "outcome", "source"] as const;
export const PAGE_SIZES = [20, 50, 100, 500] as const;
/** The most that the API gives at once. */
const CSV_ROWS = 1_000;
const SUBJECT = /^(user|ip):/;

/** A path of the API for a page of the log: 50 lines where the URL does not say. */
export function logPath(params: Params): string {
  const rows = PAGE_SIZES.find((size) => String(size) === params["rows"]) ?? PAGE_SIZES[1];
  const { cursor = "" } = params;
  return reportPath("decisions", rangeOf(params), {
    ...filtersOf(params),
    limit: String(rows),
    ...(cursor === "" ? {} : { cursor }),
  });
}

/** The same part as CSV, from its newest line on. */
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

/** What is typed for somebody: a bare id is a user's. */
export function accountFilter(typed: string): string {
  return typed === "" || SUBJECT.test(typed) ? typed : `user:${typed}`;
}

function filtersOf(params: Params): Params {
  return Object.fromEntries(
    FILTERS.flatMap((name) => {
      const value = params[name] ?? "";
      return value === "" ? [] : [[name, value]];
    }),
  );
}
