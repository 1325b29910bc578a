/** Addresses of the decision log: what is behind a figure. Pure. */
import type { PageAddress } from "./page-address.ts";
import { paramsOf, type TimeRange } from "./time-range.ts";

/** The fields to filter by, as the API names them. */
export type LogFilters = Readonly<
  Partial<
    Record<"account" | "route" | "tier" | "outcome" | "reason" | "shadowed" | "source" | "keyId", string>
  >
>;

/** The decisions of a range that match all filters. */
export function decisionsIn(range: TimeRange, filters: LogFilters): PageAddress {
  return { screen: "decisions", params: { ...paramsOf(range), ...filters } };
}
