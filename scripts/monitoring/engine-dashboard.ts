/**
 * The Grafana dashboard for Analytics Engine, over the columns of src/analytics/point-fields.ts: users, keys, countries and everything
 * else that Prometheus has no label for. Uses the Altinity plugin, whose macros `$timeSeries`, `$timeFilter` and `$interval` expand
 * to the displayed time range.
 *
 * Every sum is weighted by `_sample_interval`: Analytics Engine samples.
 */
import { POINT_FIELDS, SAMPLE_INTERVAL } from "../../src/analytics/point-fields.ts";
import type { Point } from "../../src/analytics/point.ts";
import { CHARGED_ERRORS, STANDING_REASONS, UNDECIDED } from "../../src/analytics/outcome.ts";
import type { DashboardPlan, Panel, Source } from "./dashboard.ts";
import {
  decisionsBySource,
  denialsByLimit,
  deniedShare,
  errorShare,
  requestsByOutcome,
  stackedRequests,
} from "./shared-panels.ts";

/** The dataset that wrangler.toml binds. */
export const DATASET = "edge_limiter";

const ALTINITY: Source = {
  type: "vertamedia-clickhouse-datasource",
  target: ({ text }, { type }) => ({
    query: text,
    rawQuery: true,
    editorMode: "sql",
    format: type === "timeseries" ? "time_series" : "table",
    dateTimeType: "DATETIME",
    dateTimeColDataType: POINT_FIELDS.atMs.column,
    table: DATASET,
    database: "default",
    intervalFactor: 1,
    round: "0s",
    skip_comments: true,
    // If enabled, these would add settings and functions that Analytics Engine does not support.
    add_metadata: false,
    extrapolate: false,
    useWindowFuncForMacros: false,
  }),
};

const column = (field: keyof Point): string => POINT_FIELDS[field].column;
const WEIGHT = `${SAMPLE_INTERVAL} * ${column("requests")}`;
/** Weights of quantiles must be integers. */
const WHOLE_WEIGHT = `toUInt32(${WEIGHT})`;
const outcomeIs = (outcome: Point["outcome"]): string => `${column("outcome")} = '${outcome}'`;

const list = (reasons: readonly string[]): string => reasons.map((reason) => `'${reason}'`).join(", ");
const CHARGED_LIST = list(CHARGED_ERRORS);
const IS_CHARGED = `${outcomeIs("allowed")} OR (${outcomeIs("error")} AND ${column("reason")} IN (${CHARGED_LIST}))`;

/** The same definition as in src/analytics/outcome.ts. */
const IS_DECIDED = `${column("source")} <> '${UNDECIDED}'`;
const IS_DENIED = `${outcomeIs("denied")} AND ${IS_DECIDED} AND ${column("reason")} NOT IN (${list(STANDING_REASONS)})`;
const IS_TURNED_AWAY = `${outcomeIs("denied")} AND (${column("source")} = '${UNDECIDED}' OR ${column("reason")} IN (${list(STANDING_REASONS)}))`;
const OUTCOME = `if(${IS_TURNED_AWAY}, 'turned_away', ${column("outcome")})`;

/** A series for each value of a column, in requests per second. */
const linesBy = (field: keyof Point, where = "", value = column(field)): string =>
  [
    `SELECT $timeSeries AS t, ${value} AS ${field}, sum(${WEIGHT}) / $interval AS requests`,
    `FROM ${DATASET} WHERE $timeFilter${where && ` AND ${where}`}`,
    `GROUP BY t, ${field} ORDER BY t, ${field}`,
  ].join(" ");

/** The values of a column with the most requests. */
const top = (field: keyof Point, what: string, where = ""): string =>
  [
    `SELECT ${column(field)} AS ${field}, ${what}`,
    `FROM ${DATASET} WHERE $timeFilter${where && ` AND ${where}`}`,
    `GROUP BY ${field} ORDER BY requests DESC LIMIT 20`,
  ].join(" ");

const COUNTS = [
  `sum(${WEIGHT}) AS requests`,
  `sumIf(${WEIGHT}, ${outcomeIs("allowed")}) AS allowed`,
  `sumIf(${WEIGHT}, ${IS_DENIED}) AS denied`,
  `sumIf(${WEIGHT}, ${IS_TURNED_AWAY}) AS turned_away`,
  `sumIf(${SAMPLE_INTERVAL} * ${column("cost")}, ${IS_CHARGED}) AS cost`,
].join(", ");

const quantiles = (field: "limiterMs" | "upstreamMs", where: string): string => {
  const levels = [0.5, 0.95, 0.99].map(
    (level) => `quantileExactWeighted(${level})(${column(field)}, ${WHOLE_WEIGHT}) AS p${level * 100}`,
  );
  return `SELECT $timeSeries AS t, ${levels.join(", ")} FROM ${DATASET} WHERE $timeFilter AND ${where} GROUP BY t ORDER BY t`;
};

const share = (what: string, where = ""): string =>
  `SELECT sumIf(${WEIGHT}, ${what}) / sum(${WEIGHT}) AS share FROM ${DATASET} WHERE $timeFilter${where && ` AND ${where}`}`;

const PANELS: Panel[] = [
  {
    title: "Requests",
    description: "Number of requests in the displayed time range.",
    type: "stat",
    unit: "short",
    width: 6,
    queries: [{ text: `SELECT sum(${WEIGHT}) AS requests FROM ${DATASET} WHERE $timeFilter` }],
  },
  deniedShare(6, { text: share(IS_DENIED, IS_DECIDED) }),
  errorShare(6, { text: share(outcomeIs("error")) }),
  {
    title: "Users",
    description: "Number of distinct users and addresses. Sampling may miss those with few requests.",
    type: "stat",
    unit: "short",
    width: 6,
    queries: [
      {
        text: `SELECT count(DISTINCT ${column("account")}) AS users FROM ${DATASET} WHERE $timeFilter AND ${column("account")} <> ''`,
      },
    ],
  },
  requestsByOutcome({ text: linesBy("outcome", "", OUTCOME) }),
  decisionsBySource({ text: linesBy("source") }),
  denialsByLimit({ text: linesBy("reason", IS_DENIED) }),
  stackedRequests("Requests by data centre", "By Cloudflare's code of the data centre.", {
    text: linesBy("colo"),
  }),
  {
    title: "Decision latency",
    description: "Percentiles over decided requests.",
    type: "timeseries",
    unit: "ms",
    width: 12,
    queries: [{ text: quantiles("limiterMs", IS_DECIDED) }],
  },
  {
    title: "Upstream latency",
    description: "Percentiles of the time to the response headers.",
    type: "timeseries",
    unit: "ms",
    width: 12,
    queries: [{ text: quantiles("upstreamMs", `${column("upstreamStatus")} <> 'none'`) }],
  },
  {
    title: "Busiest users",
    description: "Users with the most requests, by outcome, with the tokens charged.",
    type: "table",
    unit: "short",
    width: 12,
    queries: [{ text: top("account", COUNTS, `${column("account")} <> ''`) }],
  },
  {
    title: "Most denied users",
    description: "Users with the most denied requests: candidates for a higher tier, or for a block.",
    type: "table",
    unit: "short",
    width: 12,
    queries: [
      {
        text: top(
          "account",
          `sum(${WEIGHT}) AS requests, max(${column("retryAfterMs")}) AS longest_wait_ms`,
          IS_DENIED,
        ),
      },
    ],
  },
  {
    title: "Routes",
    description: "Requests by route id of the policy.",
    type: "table",
    unit: "short",
    width: 12,
    queries: [{ text: top("route", COUNTS, `${column("route")} <> ''`) }],
  },
  {
    title: "Countries",
    description: "Requests by country of origin.",
    type: "table",
    unit: "short",
    width: 6,
    queries: [{ text: top("country", COUNTS) }],
  },
  {
    title: "API keys",
    description: "Requests by key id; empty for requests without a key.",
    type: "table",
    unit: "short",
    width: 6,
    queries: [{ text: top("keyId", COUNTS) }],
  },
];

export const engineDashboard: DashboardPlan = {
  uid: "edge-limiter-engine",
  title: "Edge Limiter: users",
  description: "Users, keys, countries and data centres, from Workers Analytics Engine.",
  source: ALTINITY,
  panels: PANELS,
};
