/** The Grafana dashboard for Prometheus, over the families of src/analytics/metrics/families.ts. */
import { FAMILIES } from "../../src/analytics/metrics/families.ts";
import { UNDECIDED } from "../../src/analytics/outcome.ts";
import type { DashboardPlan, Panel, Source } from "./dashboard.ts";
import {
  decisionsBySource,
  denialsByLimit,
  deniedShare,
  errorShare,
  requestsByOutcome,
  stackedRequests,
} from "./shared-panels.ts";

const PROMETHEUS: Source = {
  type: "prometheus",
  target: ({ text, legend }, { type }) => ({
    expr: text,
    legendFormat: legend ?? "__auto",
    ...(type === "table" ? { format: "table", instant: true } : {}),
  }),
};

const {
  requests,
  cost,
  shadowDenials,
  ruleMatches,
  shieldRejections,
  decisionSeconds,
  upstreamSeconds,
  upstreamRequests,
  upstreamRetries,
  upstreamEjected,
  upstreamListAge,
  limiterFailures,
  circuitState,
  cache,
  responseCache,
  leaseTokens,
  reservations,
  rowsWritten,
  policyRevision,
  policyReload,
  policyStaleSeconds,
  activeUsers,
  usersNearLimit,
  outboxLagSeconds,
  buildInfo,
  pointsDropped,
} = FAMILIES;

/** Grafana chooses `$__rate_interval` by the scrape interval and the displayed time range. */
const rate = (name: string, labels = ""): string =>
  `rate(${name}${labels && `{${labels}}`}[$__rate_interval])`;
const sumBy = (labels: string, name: string, only = ""): string => `sum by (${labels}) (${rate(name, only)})`;
/** @param of labels of the requests in the denominator; default: all requests. */
const share = (labels: string, of = ""): string =>
  `(sum(${rate(requests.name, labels)}) or vector(0)) / sum(${rate(requests.name, of)})`;
/** The same definition as in src/analytics/outcome.ts. */
const DECIDED = `source!="${UNDECIDED}"`;
const quantile = (level: number, by: string, name: string): string =>
  `histogram_quantile(${level}, sum by (${by}) (${rate(`${name}_bucket`)}))`;
const percentiles = (name: string) =>
  [0.5, 0.95, 0.99].map((level) => ({ text: quantile(level, "le", name), legend: `p${level * 100}` }));

const OVERVIEW: Panel[] = [
  {
    title: "Requests",
    description: "Requests per second, of all outcomes.",
    type: "stat",
    unit: "reqps",
    width: 4,
    queries: [{ text: `sum(${rate(requests.name)})`, legend: "requests" }],
  },
  deniedShare(4, { text: share('outcome="denied"', DECIDED), legend: "denied" }),
  errorShare(4, { text: share('outcome="error"'), legend: "errors" }),
  {
    title: "Failure policy",
    description:
      "Share of decided requests that a tier's failure policy decided, because the user's object did not answer in time.",
    type: "stat",
    unit: "percentunit",
    width: 4,
    redFrom: 0.01,
    queries: [{ text: share('source="fallback"', DECIDED), legend: "fallback" }],
  },
  {
    title: "Active users",
    description:
      "Users and addresses of the last five minutes, and those with at most a tenth of a limit remaining.",
    type: "stat",
    unit: "short",
    width: 4,
    queries: [
      { text: `max(${activeUsers.name})`, legend: "active" },
      { text: `max(${usersNearLimit.name})`, legend: "near a limit" },
    ],
  },
  {
    title: "Policy revision",
    description: "The latest revision in force.",
    type: "stat",
    unit: "none",
    width: 4,
    queries: [{ text: `max(${policyRevision.name})`, legend: "revision" }],
  },
];

const DECISIONS: Panel[] = [
  requestsByOutcome({ text: sumBy("outcome", requests.name), legend: "{{outcome}}" }),
  decisionsBySource({ text: sumBy("source", requests.name), legend: "{{source}}" }),
  denialsByLimit({ text: sumBy("reason", requests.name, 'outcome="denied"'), legend: "{{reason}}" }),
  stackedRequests("Requests by tier", "The tier is empty if the caller is unknown.", {
    text: sumBy("tier", requests.name),
    legend: "{{tier}}",
  }),
  {
    title: "Busiest routes",
    description: "Requests per second by route and outcome.",
    type: "table",
    unit: "reqps",
    width: 12,
    queries: [{ text: `topk(20, ${sumBy("route, outcome", requests.name)})` }],
  },
  {
    title: "Would deny, by limit",
    description: "Requests per second that limits in shadow would have denied.",
    type: "timeseries",
    unit: "reqps",
    width: 12,
    queries: [{ text: sumBy("limit", shadowDenials.name), legend: "{{limit}}" }],
  },
  {
    title: "Rules and shields",
    description:
      "Requests per second that a rule applied to (would_: in shadow), and that a shield rejected.",
    type: "timeseries",
    unit: "reqps",
    width: 12,
    queries: [
      { text: sumBy("rule, action", ruleMatches.name), legend: "{{rule}}: {{action}}" },
      { text: sumBy("shield", shieldRejections.name), legend: "{{shield}} shield" },
    ],
  },
  {
    title: "Tokens charged by tier",
    description: "Tokens charged per second.",
    type: "timeseries",
    unit: "ops",
    width: 12,
    stacked: true,
    queries: [{ text: sumBy("tier", cost.name), legend: "{{tier}}" }],
  },
];

const LATENCY: Panel[] = [
  {
    title: "Decision latency",
    description: "Percentiles over all decisions.",
    type: "timeseries",
    unit: "s",
    width: 8,
    queries: percentiles(decisionSeconds.name),
  },
  {
    title: "Decision latency by source",
    description: "95th percentile.",
    type: "timeseries",
    unit: "s",
    width: 8,
    queries: [{ text: quantile(0.95, "le, source", decisionSeconds.name), legend: "{{source}}" }],
  },
  {
    title: "Upstream latency by route",
    description: "95th percentile of the time to the response headers.",
    type: "timeseries",
    unit: "s",
    width: 8,
    queries: [{ text: quantile(0.95, "le, route", upstreamSeconds.name), legend: "{{route}}" }],
  },
];

const POOLS: Panel[] = [
  {
    title: "Requests to targets of pools",
    description: "Tries per second by target and result. `target` is its index in the pool's list.",
    type: "timeseries",
    unit: "reqps",
    width: 8,
    queries: [
      {
        text: sumBy("pool, target, result", upstreamRequests.name),
        legend: "{{pool}}/{{target}} {{result}}",
      },
    ],
  },
  {
    title: "Retries in pools",
    description: "Per second. `over_budget`: not made, so the client got the failure.",
    type: "timeseries",
    unit: "reqps",
    width: 8,
    queries: [{ text: sumBy("pool, result", upstreamRetries.name), legend: "{{pool}} {{result}}" }],
  },
  {
    title: "Ejected targets",
    description: "1 if an isolate has ejected the target. Also the age of discovered lists, in hours.",
    type: "timeseries",
    unit: "none",
    width: 8,
    redFrom: 1,
    queries: [
      { text: `max by (pool, target) (${upstreamEjected.name})`, legend: "{{pool}}/{{target}}" },
      { text: `max by (pool) (${upstreamListAge.name}) / 3600`, legend: "{{pool}}: list" },
    ],
  },
];

const MACHINERY: Panel[] = [
  {
    title: "Failed calls to objects",
    description: "By kind of failure. Investigate anything above zero.",
    type: "timeseries",
    unit: "ops",
    width: 8,
    queries: [{ text: sumBy("kind", limiterFailures.name), legend: "{{kind}}" }],
  },
  {
    title: "Circuit breakers",
    description: "1 if a circuit breaker is open in an isolate, which then sends no calls.",
    type: "timeseries",
    unit: "none",
    width: 8,
    redFrom: 1,
    queries: [{ text: `max by (target) (${circuitState.name})`, legend: "{{target}}" }],
  },
  {
    title: "Caches",
    description: "Lookups in the isolates' caches by result.",
    type: "timeseries",
    unit: "ops",
    width: 8,
    queries: [{ text: sumBy("cache, result", cache.name), legend: "{{cache}} {{result}}" }],
  },
  {
    title: "Cached routes",
    description:
      "Requests to routes with a cache: hit, stale and revalidated were sent from the store (docs/cache.md).",
    type: "timeseries",
    unit: "reqps",
    width: 8,
    queries: [{ text: sumBy("route, result", responseCache.name), legend: "{{route}} {{result}}" }],
  },
  {
    title: "Leased tokens",
    description: "Tokens that objects lend to isolates, and how they are used.",
    type: "timeseries",
    unit: "ops",
    width: 8,
    queries: [{ text: sumBy("event", leaseTokens.name), legend: "{{event}}" }],
  },
  {
    title: "Reservations",
    description: "Reservations by what became of them. Expired ones were never settled, and stay charged.",
    type: "timeseries",
    unit: "ops",
    width: 8,
    queries: [{ text: sumBy("event", reservations.name), legend: "{{event}}" }],
  },
  {
    title: "Rows written",
    description: "Rows that Cloudflare bills, by class of Durable Object.",
    type: "timeseries",
    unit: "ops",
    width: 8,
    queries: [{ text: sumBy("object", rowsWritten.name), legend: "{{object}}" }],
  },
  {
    title: "Propagation lag",
    description:
      "How long KV and the directory lag behind the objects, and isolates behind the latest policy.",
    type: "timeseries",
    unit: "s",
    width: 8,
    queries: [
      { text: `max(${outboxLagSeconds.name})`, legend: "outbox" },
      { text: `max(${policyStaleSeconds.name})`, legend: "policy" },
    ],
  },
  {
    title: "Policy reloads",
    description: "Reads of the policy from KV, by result.",
    type: "timeseries",
    unit: "ops",
    width: 8,
    queries: [{ text: sumBy("result", policyReload.name), legend: "{{result}}" }],
  },
  {
    title: "Decisions missing from reports",
    description: "Points that analytics lost. Decisions and the ledger are not affected.",
    type: "timeseries",
    unit: "ops",
    width: 8,
    redFrom: 0.001,
    queries: [{ text: `sum(${rate(pointsDropped.name)})`, legend: "dropped" }],
  },
  {
    title: "Versions",
    description: "Running versions. Two are normal during a deployment.",
    type: "timeseries",
    unit: "none",
    width: 8,
    queries: [{ text: `max by (version) (${buildInfo.name})`, legend: "{{version}}" }],
  },
];

export const prometheusDashboard: DashboardPlan = {
  uid: "edge-limiter-prometheus",
  title: "Edge Limiter",
  description: "Decisions, latencies and the limiter's own health, from /api/v1/rate-limit/metrics.",
  source: PROMETHEUS,
  panels: [...OVERVIEW, ...DECISIONS, ...LATENCY, ...POOLS, ...MACHINERY],
};
