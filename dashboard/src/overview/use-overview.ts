/** The reports of the overview, polled together. */
import { parseRevisionPage } from "../policy/policy-api.ts";
import { usePage } from "../shell/page.tsx";
import {
  parseDenialReport,
  parseRouteRanking,
  parseShadowReport,
  parseTierReport,
  parseUserRanking,
} from "../shell/rankings.ts";
import { refreshMs } from "../shell/refresh.ts";
import { rangeOf, reportPath } from "../shell/time-range.ts";
import { type Polled, usePolled } from "../shell/use-polled.ts";
import { parseLatency } from "./latency.ts";
import { parseOverview } from "./overview-report.ts";
import { parseTraffic } from "./traffic.ts";

const REVISIONS = "/api/v1/admin/policy/revisions?limit=100";
/** The policy changes rarely. */
const REVISIONS_EVERY_MS = 30_000;
/** Rows of a ranking. */
const RANKED = "10";
/** What users can be ranked by, in the URL. */
export const USER_ORDERS = ["requests", "cost", "denied"] as const;
export type UserOrder = (typeof USER_ORDERS)[number];

export type OverviewData = ReturnType<typeof useOverview>;

export function useOverview() {
  const { params } = usePage().address;
  const { route = "", tier = "" } = params;
  const range = rangeOf(params);
  const everyMs = refreshMs(params, range);
  // What is below the fold, half as often.
  const seldomMs = everyMs === null ? null : 2 * everyMs;
  const filters = { ...(route === "" ? {} : { route }), ...(tier === "" ? {} : { tier }) };
  const order = USER_ORDERS.find((name) => name === params["order"]) ?? "requests";
  const path = (name: string, more: Readonly<Record<string, string>> = {}) =>
    reportPath(name, range, { ...filters, ...more });
  const reports = {
    overview: usePolled(path("overview"), parseOverview, everyMs),
    fallback: usePolled(path("overview", { source: "fallback" }), parseOverview, seldomMs),
    traffic: usePolled(path("timeseries", { by: "outcome" }), parseTraffic, everyMs),
    latency: usePolled(path("latency"), parseLatency, everyMs),
    denials: usePolled(path("denials", { limit: RANKED }), parseDenialReport, seldomMs),
    shadow: usePolled(path("shadow-denials", { limit: RANKED }), parseShadowReport, seldomMs),
    tiers: usePolled(path("tiers", { limit: RANKED }), parseTierReport, seldomMs),
    users: usePolled(path("top-users", { order, limit: RANKED }), parseUserRanking, seldomMs),
    routes: usePolled(path("top-routes", { limit: RANKED }), parseRouteRanking, seldomMs),
  };
  const revisions = usePolled(
    REVISIONS,
    parseRevisionPage,
    everyMs === null ? null : Math.max(everyMs, REVISIONS_EVERY_MS),
  );
  const all: readonly Polled<unknown>[] = [...Object.values(reports), revisions];
  return {
    ...reports,
    revisions,
    range,
    filters,
    order,
    refresh: () => {
      for (const { refresh } of all) refresh();
    },
  };
}
