/** Reports: texts and examples. */
import { missingValue } from "../../src/analytics/point.ts";
import { LOGGED_FIELDS } from "../../src/analytics/reports/decision-log.ts";
import { CURSOR, json, type OperationNotes, RANGE_START, text } from "../notes.ts";
import { type ReportResponse, reportSchema } from "./report-schemas.ts";

const HEAD = {
  backend: "embedded",
  sampled: false,
  from: "2026-11-21T08:00:00.000Z",
  to: "2026-11-21T09:00:00.000Z",
  intervalSeconds: 60,
} as const;

const OVERVIEW = {
  ...HEAD,
  report: "overview",
  current: {
    requests: 7_200,
    allowed: 6_700,
    denied: 290,
    turnedAway: 200,
    errors: 10,
    decided: 7_000,
    cost: 7_420,
    latencyMs: { p50: 1, p95: 6, p99: 14 },
    perSecond: 2,
    coveredSeconds: 3_600,
    hopsSaved: 3_100,
  },
  previous: {
    requests: 0,
    allowed: 0,
    denied: 0,
    turnedAway: 0,
    errors: 0,
    decided: 0,
    cost: 0,
    latencyMs: null,
    perSecond: 0,
    coveredSeconds: 3_600,
    hopsSaved: 0,
  },
} satisfies ReportResponse;

const DENIALS = {
  ...HEAD,
  report: "denials",
  denied: 290,
  reasons: [
    { reason: "minute", denied: 280, share: 0.9655172413793104 },
    { reason: "month", denied: 10, share: 0.034482758620689655 },
  ],
  top: [{ reason: "minute", account: "user:acme", denied: 170 }],
} satisfies ReportResponse;

const SHADOW_DENIALS = {
  ...HEAD,
  report: "shadow-denials",
  requests: 350,
  limits: [
    { limit: "hourly", requests: 350, share: 0.05 },
    { limit: "uploads", requests: 70, share: 0.01 },
  ],
  top: [{ limit: "hourly", account: "user:acme", requests: 210 }],
  times: ["2026-11-21T08:59:00.000Z"],
  series: [
    { key: "hourly", requests: [6], denied: [0], cost: [6] },
    { key: "uploads", requests: [2], denied: [0], cost: [2] },
  ],
} satisfies ReportResponse;

/** So that the example has every field. */
const WITHOUT_VALUES = Object.fromEntries(
  LOGGED_FIELDS.map((name) => [name, name === "at" || name === "weight" ? "" : missingValue(name)]),
);

const DECISIONS = {
  ...HEAD,
  report: "decisions",
  decisions: [
    {
      ...WITHOUT_VALUES,
      at: "2026-11-21T08:59:58.120Z",
      requestId: "c1448614-a9af-4ce0-8ea5-08d0c3fa0f8d",
      account: "user:acme",
      route: "/identify",
      tier: "free",
      outcome: "denied",
      reason: "minute",
      source: "deny-cache",
      method: "GET",
      colo: "FRA",
      country: "DE",
      revision: 7,
      keyId: "7c49bc07-717d-4019-a06b-602410bbae61",
      upstreamStatus: "none",
      limits: "minute=0.4/150;month=48210/50000",
      cost: 1,
      limiterMs: 0,
      upstreamMs: 0,
      remainingFraction: 0,
      retryAfterMs: 412,
      requests: 1,
      weight: 1,
    },
  ],
  cursor: "WzE3NjM3MTU1OTgxMjAsImMxNDQ4NjE0IiwxXQ",
  notFound: null,
} satisfies ReportResponse;

const FIGURES = { requests: 6_900, cost: 7_420, denied: 290 };
const NO_DIFFERENCE = { count: 0, percent: 0 };
const DRIFT = {
  ledger: FIGURES,
  analytics: FIGURES,
  difference: { requests: NO_DIFFERENCE, cost: NO_DIFFERENCE, denied: NO_DIFFERENCE },
};

const getReport: OperationNotes = {
  tag: "Reports",
  summary: "A report on recorded decisions",
  description:
    "From Analytics Engine if its token is configured, otherwise from the hub's embedded store, which holds the last day. A range that reaches into the future ends now. Rankings of users, routes and tiers exclude requests without one.",
  query: {
    from: `${RANGE_START} Default: an hour before \`to\`.`,
    to: "Exclusive, at most 93 days after `from`. Default: now.",
    interval: "Step of the charts: at most 1,000 steps. Default: the finest that makes at most 120 steps.",
    by: "What `timeseries` is split by (outcome, reason, source, tier, route or shadowed), or the field whose values `values` lists. Default: `outcome`.",
    order:
      "What rankings are sorted by, the largest first. `deniedShare`: `denied` / `decided`; `lastSeen`: the last request. Default: `requests`; for `denials`, `denied`.",
    kind: "For `subjects`: users, or the addresses of callers without a credential. Default: `user`.",
    unit: "The unit of costs, and of rankings by cost: `requests`, or a unit of the policy, such as `tokens`. A unit that nothing was charged in has costs of 0. Not for `denials`, `values`, `decisions` and `ledger-drift`. Default: `requests`.",
    account:
      "Only this subject's decisions: a user's id, `user:<id>` or `ip:<address>`; empty: unknown callers. Required for `user`.",
    route: "Only decisions on this route, by its id.",
    tier: "Only decisions by this tier.",
    outcome:
      "Only decisions with this outcome. `denied`: by a limit; `turned_away`: rejected for another reason.",
    reason: "Only decisions with this reason: the limit that denied, or `ok`, `exempt`, `blocked`, ...",
    source: "Only decisions from this source: `strict`, `lease`, `deny-cache`, `fallback` or `none`.",
    keyId: "Only decisions for this API key, by its id.",
    method: "Only decisions on requests with this HTTP method.",
    upstreamStatus:
      "Only decisions whose upstream answered with a status of this class: `2xx`, ..., or `none`.",
    shadowed:
      "Only decisions with this list of limits in shadow that would have denied them, such as `minute;uploads`.",
    search: "For `values`: only values that contain this text. The case of ASCII letters does not matter.",
    requestId:
      "For `decisions`: only those of the request with this `X-Request-Id`. Without `from`, of the last day. If there is none, `notFound` says why.",
    format: "For `decisions`. Takes precedence over the header Accept.",
    limit: "Entries of a ranking, or rows of a page. Default: 20.",
    cursor: `For \`decisions\`. ${CURSOR}`,
  },
  responses: [
    {
      status: 200,
      description: "The report.",
      contents: [
        json(reportSchema, {
          overview: OVERVIEW,
          denials: DENIALS,
          "shadow denials": SHADOW_DENIALS,
          values: {
            ...HEAD,
            report: "values",
            by: "method",
            values: [{ value: "GET", requests: 7_000, denied: 290 }],
          },
          decisions: DECISIONS,
          "ledger drift": {
            ...HEAD,
            report: "ledger-drift",
            accounts: [{ account: "user:acme", ...DRIFT }],
            total: DRIFT,
          },
        }),
        text("text/csv", "at,requestId,account\r\n2026-11-21T08:59:58.120Z,c1448614,user:acme\r\n"),
      ],
      headers: ["Link"],
    },
  ],
  problems: ["not_found"],
};

export const REPORTS_NOTES = { getReport };
