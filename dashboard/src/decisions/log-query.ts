/** The queries of the decision log and of a decision's page, from the page's URL. Pure. */
import { DAY_MS, MINUTE_MS } from "../shell/durations.ts";
import { valuesPath } from "../shell/filter-options.ts";
import type { PageAddress } from "../shell/page-address.ts";
import { rangeOf, reportPath, type TimeRange } from "../shell/time-range.ts";

type Params = Readonly<Record<string, string>>;

/** Fields to filter by: parameters of the URL and of the API. */
export const FILTERS = [
  "account",
  "route",
  "tier",
  "outcome",
  "reason",
  "shadowed",
  "source",
  "method",
  "upstreamStatus",
  "keyId",
] as const;
export type LogFilter = (typeof FILTERS)[number];

export const PAGE_SIZES = [20, 50, 100, 500] as const;
/** The largest page of the API. */
export const CSV_ROWS = 1_000;
/** Decisions of one request that its page shows: more than one only for a batch. */
export const REQUEST_ROWS = 100;

/** The API's path for a page of the log: 50 lines unless the URL says otherwise. */
export function logPath(params: Params): string {
  const rows = PAGE_SIZES.find((size) => String(size) === params["rows"]) ?? PAGE_SIZES[1];
  const { cursor = "" } = params;
  return reportPath("decisions", rangeOf(params), {
    ...filtersOf(params),
    limit: String(rows),
    cursor,
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

/** The API's path for the counts over time of what the log lists. */
export function histogramPath(params: Params): string {
  return reportPath("timeseries", rangeOf(params), { ...filtersOf(params), by: "outcome" });
}

/** The API's path for the values of a field among the decisions that all other filters select. */
export function valuesOf(params: Params, by: LogFilter): string {
  const { [by]: _own, ...others } = filtersOf(params);
  return valuesPath(by, rangeOf(params), others);
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

/** The page of a decision: a permanent link. Its time makes the search quick, and works for as long as the log keeps it. */
export function decisionAddress({
  requestId,
  at,
}: {
  readonly requestId: string;
  readonly at: string;
}): PageAddress {
  return { screen: "decision", params: { id: requestId, at } };
}

/** How far around its time a decision is searched for: clocks of isolates differ. */
const AROUND_MS = MINUTE_MS;
/** Longer searches than a day, which only Analytics Engine can answer. Days. */
export const LONG_SEARCH_DAYS = 90;

/** The API's path for the decisions of a request: around the time in the URL if there is one, else of the last day or of `days`. */
export function requestPath({ id = "", at = "", days = "" }: Params): string {
  const atMs = Date.parse(at);
  const longMs = days === String(LONG_SEARCH_DAYS) ? LONG_SEARCH_DAYS * DAY_MS : DAY_MS;
  const range: TimeRange =
    atMs > AROUND_MS
      ? { kind: "between", fromMs: atMs - AROUND_MS, toMs: atMs + AROUND_MS }
      : { kind: "last", name: "", seconds: longMs / 1_000, title: "" };
  return reportPath("decisions", range, { requestId: id, limit: String(REQUEST_ROWS) });
}

/** A request id as someone pastes it: alone, or with the header's name or quotes around it. "" for nothing. */
export function requestIdOf(typed: string): string {
  return typed
    .trim()
    .replace(/^x-request-id\s*:\s*/i, "")
    .replaceAll(/^["']|["',]+$/g, "")
    .trim()
    .slice(0, 128);
}
