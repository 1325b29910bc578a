/** The groups that reports ask of a back end, from a query. Pure: no I/O, no clock, no SQL. */
import { UNDECIDED } from "../outcome.ts";
import { type Aggregation, MAX_GROUPS } from "./facts.ts";
import type { ReportQuery } from "./report-query.ts";

/** All selected rows in one group, unless `given` says otherwise. */
export function aggregation(query: ReportQuery, given: Partial<Aggregation> = {}): Aggregation {
  const { fromMs, toMs, filters, order, unit } = query;
  return {
    fromMs,
    toMs,
    filters,
    by: [],
    intervalMs: null,
    latency: false,
    boundsMs: [],
    order,
    limit: MAX_GROUPS,
    ...(unit === undefined ? {} : { unit }),
    ...given,
  };
}

/** A ranking in the order and of the length of the query. */
export function ranking(query: ReportQuery, given: Partial<Aggregation>): Aggregation {
  return aggregation(query, { limit: query.limit, ...given });
}

/** Only requests that the limiter decided. */
export const DECIDED = { without: { source: UNDECIDED } } as const;

/** Only rows with a value: a request without a caller belongs to no user, an unmatched one to no route. */
export function named(dimension: "account" | "route" | "tier"): Partial<Aggregation> {
  return { without: { [dimension]: "" } };
}

/** Only requests that something in shadow would have denied. */
export const SHADOWED = { without: { shadowed: "" } } as const;

/** Only denials by a limit. If the query filters by another outcome, there are none. */
export function denials(query: ReportQuery, given: Partial<Aggregation>): Aggregation {
  const { outcome = "denied" } = query.filters;
  const span = outcome === "denied" ? {} : { toMs: query.fromMs };
  return ranking(query, {
    filters: { ...query.filters, outcome: "denied" },
    order: "denied",
    ...span,
    ...given,
  });
}
