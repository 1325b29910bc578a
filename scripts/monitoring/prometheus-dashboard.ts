/** The dashboard on Prometheus, over the families of src/analytics/metrics/families.ts. */
import { FAMILIES } from "../../src/analytics/metrics/families.ts";
import { UNDECIDED } from "../../src/analytics/outcome.ts";
import type { DashboardPlan, Panel, Source } from "./dashboard.ts";

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
  decisionSeconds,
  upstreamSeconds,
  limiterFailures,
  circuitState,
  cache,
  leaseTokens,
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

/** Grafana fits the window to the scrape interval and to what is shown. */
const rate = (name: string, labels = ""): string =>
  `rate(${name}${labels && `{${labels}}`}[$__rate_interval])`;
const sumBy = (labels: string, name: string, only = ""): string => `sum by (${labels}) (${rate(name, only)})`;
/** @param of the requests that the share is of; all if left out. */
const share = (labels: string, of = ""): string =>
  `(sum(${rate(requests.name, labels)}) or vector(0)) / sum(${rate(requests.name, of)})`;
/** As src/analytics/reports/facts.ts has it. */
const DECIDED = `source!="${UNDECIDED}"`;
const quantile = (level: number, by: string, name: string): string =>
  `histogram_quantile(${level}, sum by (${by}) (${rate(`${name}_bucket`)}))`;
const percentiles = (name: string) =>
  [0.5, 0.95, 0.99].map((level) => ({ text: quantile(level, "le", name), legend: `p${level * 100}` }));

const OVERVIEW: Panel[] = [
  {
    title: "Requests",
    description: "All requests a second, whatever became of them.",
    type: "stat",
    unit: "reqps",
    width: 4,
    queries: [{ text: `sum(${rate(requests.name)})`, legend: "requests" }],
  },
  {
    title: "Denied",
    description: "Share of decided requests that a limit denied.",
    type: "stat",
    unit: "percentunit",
    width: 4,
    redFrom: 0.25,
    queries: [{ text: share('outcome="denied"', DECIDED), legend: "denied" }],
  },
  {
    title: "Errors",
    description: "Share of requests that a failure of the limiter or of an upstream answered.",
    type: "stat",
    unit: "percentunit",
    width: 4,
    redFrom: 0.05,
    queries: [{ text: share('outcome="error"'), legend: "errors" }],
  },
  {
    title: "Without the limiter",
    description:
      "Share of decided requests that a tier's failure policy answered, because the user's object did not in time.",
    type: "stat",
    unit: "percentunit",
    width: 4,
    redFrom: 0.01,
    queries: [{ text: share('source="fallback"', DECIDED), legend: "fallback" }],
  },
  {
    title: "Active users",
    description:
      "Users and addresses of the last five minutes, and those with a tenth or less left of a limit.",
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
    description: "The newest revision in force.",
    type: "stat",
    unit: "none",
    width: 4,
    queries: [{ text: `max(${policyRevision.name})`, legend: "revision" }],
  },
];

const DECISIONS: Panel[] = [
  {
    title: "Requests by outcome",
    description: "Allowed, denied by a limit, turned away for another reason, and error.",
    type: "timeseries",
    unit: "reqps",
    width: 12,
    stacked: true,
    queries: [{ text: sumBy("outcome", requests.name), legend: "{{outcome}}" }],
  },
  {
    title: "Where decisions are made",
    description:
      "Leases and the deny cache spare the call to the user's object; fallback is the failure policy.",
    type: "timeseries",
    unit: "reqps",
    width: 12,
    stacked: true,
    queries: [{ text: sumBy("source", requests.name), legend: "{{source}}" }],
  },
  {
    title: "Denials by limit",
    description: "Which limit denies.",
    type: "timeseries",
    unit: "reqps",
    width: 12,
    stacked: true,
    queries: [{ text: sumBy("reason", requests.name, 'outcome="denied"'), legend: "{{reason}}" }],
  },
  {
    title: "Requests by tier",
    description: "Empty where the caller is not known.",
    type: "timeseries",
    unit: "reqps",
    width: 12,
    stacked: true,
    queries: [{ text: sumBy("tier", requests.name), legend: "{{tier}}" }],
  },
  {
    title: "Busiest routes",
    description: "Requests a second by route and outcome.",
    type: "table",
    unit: "reqps",
    width: 12,
    queries: [{ text: `topk(20, ${sumBy("route, outcome", requests.name)})` }],
  },
  {
    title: "Tokens charged by tier",
    description: "What is spent, in tokens a second.",
    type: "timeseries",
    unit: "ops",
    width: 12,
    stacked: true,
    queries: [{ text: sumBy("tier", cost.name), legend: "{{tier}}" }],
  },
];

const LATENCY: Panel[] = [
  {
    title: "What a decision takes",
    description: "Percentiles of all decisions.",
    type: "timeseries",
    unit: "s",
    width: 8,
    queries: percentiles(decisionSeconds.name),
  },
  {
    title: "What a decision takes, by source",
    description: "95th percentile.",
    type: "timeseries",
    unit: "s",
    width: 8,
    queries: [{ text: quantile(0.95, "le, source", decisionSeconds.name), legend: "{{source}}" }],
  },
  {
    title: "What upstreams take, by route",
    description: "95th percentile until the response headers.",
    type: "timeseries",
    unit: "s",
    width: 8,
    queries: [{ text: quantile(0.95, "le, route", upstreamSeconds.name), legend: "{{route}}" }],
  },
];

const MACHINERY: Panel[] = [
  {
    title: "Failed calls to objects",
    description: "By kind. Anything but a flat zero wants a look.",
    type: "timeseries",
    unit: "ops",
    width: 8,
    queries: [{ text: sumBy("kind", limiterFailures.name), legend: "{{kind}}" }],
  },
  {
    title: "Circuits",
    description: "1 where an isolate holds calls back.",
    type: "timeseries",
    unit: "none",
    width: 8,
    redFrom: 1,
    queries: [{ text: `max by (target) (${circuitState.name})`, legend: "{{target}}" }],
  },
  {
    title: "Caches",
    description: "Look-ups in the isolates' caches by result.",
    type: "timeseries",
    unit: "ops",
    width: 8,
    queries: [{ text: sumBy("cache, result", cache.name), legend: "{{cache}} {{result}}" }],
  },
  {
    title: "Leased tokens",
    description: "What objects grant to isolates, and what becomes of it.",
    type: "timeseries",
    unit: "ops",
    width: 8,
    queries: [{ text: sumBy("event", leaseTokens.name), legend: "{{event}}" }],
  },
  {
    title: "Rows written",
    description: "Cloudflare bills them: by class of Durable Object.",
    type: "timeseries",
    unit: "ops",
    width: 8,
    queries: [{ text: sumBy("object", rowsWritten.name), legend: "{{object}}" }],
  },
  {
    title: "Behind the truth",
    description:
      "For how long KV and the directory lag behind the objects, and isolates behind the newest policy.",
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
    title: "Decisions in no report",
    description: "What analytics lost: decisions and the ledger are not concerned.",
    type: "timeseries",
    unit: "ops",
    width: 8,
    redFrom: 0.001,
    queries: [{ text: `sum(${rate(pointsDropped.name)})`, legend: "dropped" }],
  },
  {
    title: "Versions",
    description: "Which versions run: two during a deployment.",
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
  panels: [...OVERVIEW, ...DECISIONS, ...LATENCY, ...MACHINERY],
};
