/**
 * The Grafana dashboard for the tables that `npm run export:usage -- --to postgres` fills (docs/export.md): usage by hour, account, route
 * and unit, exact and for as long as the tables are kept. Uses Grafana's own plugin for PostgreSQL, whose macros `$__timeFilter` and
 * `$__timeGroupAlias` expand to the displayed time range.
 *
 * `requests` and `denied` are 0 in rows of other units, so their sums need no condition; `cost` is in the row's unit, so its sums do.
 */
import { REQUESTS } from "../../src/core/unit-costs.ts";
import type { DashboardPlan, Panel, Source } from "./dashboard.ts";

/** The schema that the export creates by default. */
export const SCHEMA = "edge_limiter";

const POSTGRES: Source = {
  type: "grafana-postgresql-datasource",
  target: ({ text }, { type }) => ({
    rawSql: text,
    rawQuery: true,
    editorMode: "code",
    format: type === "timeseries" ? "time_series" : "table",
  }),
};

const IS_REQUESTS = `unit = '${REQUESTS}'`;
/** Bills count live keys alone. */
const IS_LIVE = "mode = 'live'";
const FROM = `FROM ${SCHEMA}.usage WHERE $__timeFilter(hour)`;
const SUMS = `sum(requests) AS requests, sum(denied) AS denied, sum(cost) FILTER (WHERE ${IS_REQUESTS}) AS cost`;

/** Sums by hour. @param metric the name of a row's series. */
function byHour(what: string, metric: string | null, condition = ""): string {
  const series = metric === null ? "" : `${metric} AS metric, `;
  const groups = metric === null ? "1" : "1, 2";
  return `SELECT $__timeGroupAlias(hour, '1h'), ${series}${what} ${FROM}${condition && ` AND ${condition}`} GROUP BY ${groups} ORDER BY 1`;
}

function top(group: string, columns: string, condition = ""): string {
  return `SELECT ${group}, ${columns} ${FROM}${condition && ` AND ${condition}`} GROUP BY ${group} ORDER BY requests DESC LIMIT 50`;
}

const PANELS: Panel[] = [
  {
    title: "Requests",
    description: "Admitted requests of all accounts, exact.",
    type: "stat",
    unit: "short",
    width: 5,
    queries: [{ text: `SELECT sum(requests) AS requests ${FROM}` }],
  },
  {
    title: "Tokens charged",
    description: "The cost of requests. What bills count is that of live keys.",
    type: "stat",
    unit: "short",
    width: 5,
    queries: [{ text: `SELECT sum(cost) AS cost ${FROM} AND ${IS_REQUESTS} AND ${IS_LIVE}` }],
  },
  {
    title: "Denied",
    description: "Share of requests that a limit denied.",
    type: "stat",
    unit: "percentunit",
    width: 5,
    redFrom: 0.25,
    queries: [{ text: `SELECT sum(denied) / nullif(sum(requests) + sum(denied), 0) AS share ${FROM}` }],
  },
  {
    title: "Accounts",
    description: "Accounts with usage.",
    type: "stat",
    unit: "short",
    width: 4,
    queries: [{ text: `SELECT count(DISTINCT account) AS accounts ${FROM}` }],
  },
  {
    title: "Export lag",
    description:
      "Since the last moment of which all usage is there. Hours freeze two hours after their end: above four hours the export has not run.",
    type: "stat",
    unit: "s",
    width: 5,
    redFrom: 4 * 3_600,
    queries: [
      {
        text: `SELECT extract(epoch FROM now() - exported_until) AS lag FROM ${SCHEMA}.progress WHERE job = 'all'`,
      },
    ],
  },
  {
    title: "Requests by hour",
    description: "Admitted and denied requests.",
    type: "timeseries",
    unit: "short",
    width: 12,
    stacked: true,
    queries: [{ text: byHour("sum(requests) AS admitted, sum(denied) AS denied", null) }],
  },
  {
    title: "Requests by route",
    description: "Admitted requests; requests that name no route are (none).",
    type: "timeseries",
    unit: "short",
    width: 12,
    stacked: true,
    queries: [{ text: byHour("sum(requests) AS requests", "coalesce(nullif(route, ''), '(none)')") }],
  },
  {
    title: "Cost by unit",
    description: "In each unit other than requests, by hour.",
    type: "timeseries",
    unit: "short",
    width: 12,
    queries: [{ text: byHour("sum(cost) AS cost", "unit", `unit <> '${REQUESTS}'`) }],
  },
  {
    title: "Live and test",
    description: "Admitted requests by the mode of their keys. Test usage is not billed.",
    type: "timeseries",
    unit: "short",
    width: 12,
    stacked: true,
    queries: [{ text: byHour("sum(requests) AS requests", "mode") }],
  },
  {
    title: "Largest accounts",
    description: "Accounts by admitted requests.",
    type: "table",
    unit: "short",
    width: 12,
    queries: [{ text: top("account", SUMS) }],
  },
  {
    title: "Most denied accounts",
    description: "Candidates for a higher tier, or for a block.",
    type: "table",
    unit: "short",
    width: 12,
    queries: [
      {
        text: `SELECT account, ${SUMS} ${FROM} GROUP BY account HAVING sum(denied) > 0 ORDER BY denied DESC LIMIT 50`,
      },
    ],
  },
  {
    title: "Routes",
    description: "Routes by admitted requests.",
    type: "table",
    unit: "short",
    width: 8,
    queries: [{ text: top("route", SUMS) }],
  },
  {
    title: "API keys",
    description: "Keys by admitted requests; empty for requests without a key.",
    type: "table",
    unit: "short",
    width: 8,
    queries: [{ text: top("account, key", SUMS) }],
  },
  {
    title: "Months",
    description: "By calendar month and account, in UTC: what a bill of that month counts. Live usage only.",
    type: "table",
    unit: "short",
    width: 8,
    queries: [
      {
        text: `SELECT to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM') AS month, account, unit, sum(requests) AS requests, sum(cost) AS cost ${FROM} AND ${IS_LIVE} GROUP BY 1, 2, 3 ORDER BY 1 DESC, 4 DESC LIMIT 200`,
      },
    ],
  },
];

export const postgresDashboard: DashboardPlan = {
  uid: "edge-limiter-usage",
  title: "Edge Limiter: usage",
  description: "Exact usage by hour from the ledgers, from the tables of the export to PostgreSQL.",
  source: POSTGRES,
  panels: PANELS,
  time: { from: "now-7d", to: "now" },
  refresh: "15m",
};
