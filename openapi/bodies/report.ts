/** What reports answer, as schemas. */
import * as z from "zod/mini";
import type { LoggedDecision, ReportAnswer } from "../../src/analytics/reports/report-answer.ts";
import type { DriftAnswer } from "../../src/api/accounts/ledger-drift.ts";
import { OUTCOMES } from "../../src/analytics/reports/report-query.ts";
import { about, named } from "../said.ts";
import { amount, count, moment, nextCursor, words } from "./scalars.ts";

const head = {
  backend: about(
    "Who answered: `embedded`, the last day's decisions in the hub; `engine`, Analytics Engine.",
    z.enum(["embedded", "engine"]),
  ),
  sampled: about("Whether rows stood for several decisions: figures are then estimates.", z.boolean()),
  from: moment("Of the first second."),
  to: moment("Exclusive."),
  intervalSeconds: count("Step of the charts."),
};

const percentiles = named(
  "Percentiles",
  "Decision latency of decided requests, ms, to three digits.",
  z.strictObject({ p50: amount("Median."), p95: amount("95 %."), p99: amount("99 %.") }),
);
const totals = {
  requests: count("Requests."),
  allowed: count("Of them allowed."),
  denied: count("Of them denied by a limit."),
  turnedAway: count("Of them rejected for another reason: no such route, bad credentials, blocked, ..."),
  errors: count("Of them answered by a failure."),
  decided: count("Requests that the limiter decided. The share denied is `denied` / `decided`."),
  cost: amount("Tokens charged."),
};
const latencyMs = about("Of decided requests; null if there were none.", z.nullable(percentiles));
const measured = { ...totals, latencyMs };
const share = { share: about("Of what is ranked by, from 0 to 1.", z.number().check(z.gte(0), z.lte(1))) };
const series = z.array(
  named(
    "Series",
    "One line of a chart: a value for each of `times`.",
    z.strictObject({
      key: about("Value of what the chart is by; null: all beyond the largest ten.", z.nullable(z.string())),
      requests: z.array(count("Requests.")),
      denied: z.array(count("Of them denied by a limit.")),
      cost: z.array(amount("Tokens charged.")),
    }),
  ),
);
const times = about("Beginnings of the steps.", z.array(moment("Of a step.")));
const period = z.strictObject({
  ...measured,
  perSecond: amount("Requests, over `coveredSeconds`; 0 if those are 0."),
  coveredSeconds: amount(
    "Length of that part of the period which has begun and which is still stored: a day, or three months in Analytics Engine.",
  ),
  hopsSaved: count("Decided without a call of an object."),
});
const sources = z.array(z.strictObject({ source: words("Where it was decided."), ...measured, ...share }));
const reasons = z.array(
  z.strictObject({ reason: words("The limit."), denied: count("Requests."), ...share }),
);
const steps = z.array(z.nullable(amount("Null if no request was decided.")));

const decision = named(
  "LoggedDecision",
  "A line of the decision log.",
  z.strictObject({
    at: moment("When."),
    requestId: words("`X-Request-Id` of the response."),
    account: words("`user:<id>` or `ip:<address>`; empty where the caller is not known."),
    route: words("The route's id; empty where none matched."),
    tier: words("Decided by; empty where the caller is not known."),
    outcome: about(
      "`denied`: by a limit. `turned_away`: rejected for another reason, which `reason` names.",
      z.enum(OUTCOMES),
    ),
    reason: words("The limit that denied it, or `ok`, `exempt`, `blocked`, ..."),
    source: z.enum(["strict", "lease", "deny-cache", "fallback", "none"]),
    method: words("HTTP method."),
    colo: words("Cloudflare's data centre."),
    country: words("ISO 3166-1 alpha-2."),
    revision: about("Policy revision.", z.number()),
    keyId: words("API key's id; empty without one."),
    upstreamStatus: z.enum(["1xx", "2xx", "3xx", "4xx", "5xx", "none"]),
    cost: about("Tokens.", z.number()),
    limiterMs: amount("What the decision took."),
    upstreamMs: amount("Until the upstream answered."),
    remainingFraction: about("What was left of the tightest limit, slots left out, 0 to 1.", z.number()),
    retryAfterMs: about("After which the request would pass.", z.number()),
    requests: amount("Requests that the line stands for."),
    weight: count("Lines like it that it stands for: 1 where nothing was sampled."),
  } satisfies Record<keyof LoggedDecision, z.ZodMiniType>),
);

const figures = z.strictObject({
  requests: count("Let in."),
  cost: amount("Tokens charged."),
  denied: count("Refused by a limit."),
});
const difference = z.strictObject({
  count: about("Analytics' figure less the ledger's.", z.number()),
  percent: about("Of the ledger's; null where that is 0.", z.nullable(z.number())),
});
const drift = {
  ledger: figures,
  analytics: figures,
  difference: z.strictObject({ requests: difference, cost: difference, denied: difference }),
};

/** By the report's name. */
const REPORTS = [
  z.strictObject({ ...head, report: z.literal("overview"), current: period, previous: period }),
  z.strictObject({ ...head, report: z.literal("timeseries"), times, series }),
  z.strictObject({
    ...head,
    report: z.literal("top-users"),
    users: z.array(z.strictObject({ account: words("The subject; never empty."), ...totals, ...share })),
  }),
  z.strictObject({
    ...head,
    report: z.literal("top-routes"),
    routes: z.array(z.strictObject({ route: words("The route's id; never empty."), ...measured, ...share })),
  }),
  z.strictObject({
    ...head,
    report: z.literal("denials"),
    denied: count("By limits, in all."),
    reasons,
    top: z.array(
      z.strictObject({ reason: words("The limit."), account: words("Whom."), denied: count("Requests.") }),
    ),
  }),
  z.strictObject({
    ...head,
    report: z.literal("tiers"),
    tiers: z.array(z.strictObject({ tier: words("Its name; never empty."), ...measured, ...share })),
  }),
  z.strictObject({
    ...head,
    report: z.literal("latency"),
    times,
    steps: z.strictObject({ p50: steps, p95: steps, p99: steps }),
    sources,
    histogram: z.array(
      z.strictObject({
        leMs: about("Upper bound; null: none.", z.nullable(amount("Inclusive."))),
        requests: count("Decided requests above the bound before."),
      }),
    ),
  }),
  z.strictObject({
    ...head,
    report: z.literal("sources"),
    times,
    series,
    sources,
    hopsSaved: z.strictObject({ requests: count("By leases and the deny cache."), ...share }),
  }),
  z.strictObject({
    ...head,
    report: z.literal("user"),
    account: words("The subject."),
    totals: z.strictObject(measured),
    times,
    series,
    routes: z.array(z.strictObject({ route: words("The route's id."), ...measured, ...share })),
    reasons,
    keys: z.array(z.strictObject({ keyId: words("Empty: without a key."), ...measured, ...share })),
  }),
  z.strictObject({
    ...head,
    report: z.literal("decisions"),
    decisions: z.array(decision),
    cursor: nextCursor(),
  }),
  z.strictObject({
    ...head,
    report: z.literal("ledger-drift"),
    accounts: z.array(z.strictObject({ account: words("The subject."), ...drift })),
    total: z.strictObject(drift),
  }),
] as const;

export const reportSchema = named(
  "Report",
  "What was asked for by the name; `report` says which.",
  z.union(REPORTS),
);

/** A report as the API answers it. */
export type ApiReport = Exclude<ReportAnswer, { report: "ledger-drift" }> | DriftAnswer;
