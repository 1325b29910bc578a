/** Reports: response schemas. */
import * as z from "zod/mini";
import { OUTCOMES } from "../../src/analytics/outcome.ts";
import { fieldOf, type PointField } from "../../src/analytics/point.ts";
import { FIELD_COMMENTS } from "../../src/analytics/point-fields.ts";
import { LOGGED_FIELDS } from "../../src/analytics/reports/decision-log.ts";
import { DIMENSIONS } from "../../src/analytics/reports/report-query.ts";
import type { LoggedDecision } from "../../src/analytics/reports/report-answer.ts";
import { about, named } from "../annotations.ts";
import { amount, count, moment, nextCursor, words } from "../scalars.ts";

const head = {
  backend: about(
    "The source: `embedded`, the last day's decisions in the hub; `engine`, Analytics Engine.",
    z.enum(["embedded", "engine"]),
  ),
  sampled: about("Whether rows represent several decisions each: figures are then estimates.", z.boolean()),
  from: moment("Start of the range."),
  to: moment("Exclusive."),
  intervalSeconds: count("The step of the charts."),
  unit: z.optional(about("The unit of costs. Absent: requests.", z.string())),
};

const percentiles = named(
  "Percentiles",
  "Decision latency of decided requests in milliseconds, to three digits.",
  z.strictObject({ p50: amount("Median."), p95: amount("95 %."), p99: amount("99 %.") }),
);
const totals = {
  requests: count("Requests."),
  allowed: count("Requests allowed."),
  denied: count("Requests denied by a limit."),
  turnedAway: count("Requests rejected for another reason: unknown route, invalid credentials, blocked, ..."),
  errors: count("Requests that failed."),
  decided: count("Requests that the limiter decided. The share denied is `denied` / `decided`."),
  cost: amount("Charged, in the report's unit."),
};
const latencyMs = about("Of decided requests; null if there were none.", z.nullable(percentiles));
const measured = { ...totals, latencyMs };
const share = {
  share: about(
    "Share of the figure that ranks (of the requests, if it has no sum), from 0 to 1.",
    z.number().check(z.gte(0), z.lte(1)),
  ),
};
const series = z.array(
  named(
    "Series",
    "One line of a chart: one value per step in `times`.",
    z.strictObject({
      key: about(
        "The value that this line stands for; null: all beyond the largest ten.",
        z.nullable(z.string()),
      ),
      requests: z.array(count("Requests.")),
      denied: z.array(count("Requests denied by a limit.")),
      cost: z.array(amount("Charged, in the report's unit.")),
    }),
  ),
);
const times = about("Start of each step.", z.array(moment("Start of the step.")));
const period = z.strictObject({
  ...measured,
  perSecond: amount("Requests per second of `coveredSeconds`; 0 if that is 0."),
  coveredSeconds: amount(
    "Length of the part of the period that has begun and is still stored: a day, or three months in Analytics Engine.",
  ),
  hopsSaved: count("Requests decided without calling an object."),
});
const sources = z.array(z.strictObject({ source: words("What decided."), ...measured, ...share }));
const reasons = z.array(
  z.strictObject({ reason: words("The limit."), denied: count("Requests denied."), ...share }),
);
const steps = z.array(z.nullable(amount("Null if no request was decided.")));

/** Numbers for which the document states no minimum. */
const UNBOUNDED: ReadonlySet<string> = new Set<keyof LoggedDecision>([
  "revision",
  "cost",
  "remainingFraction",
  "retryAfterMs",
]);

/** The schema of a field of a row, from its type and comment in the table of fields. */
function loggedField(name: keyof LoggedDecision): z.ZodMiniType {
  switch (name) {
    case "at":
      return moment(FIELD_COMMENTS.atMs);
    case "weight":
      return count("Rows that it represents: 1 without sampling.");
    case "outcome":
      return about(
        "`denied`: by a limit. `turned_away`: rejected for another reason, see `reason`.",
        z.enum(OUTCOMES),
      );
    default:
      return pointField(name);
  }
}

function pointField(name: Exclude<PointField, "atMs">): z.ZodMiniType {
  const { type } = fieldOf(name);
  const comment = FIELD_COMMENTS[name];
  if (type === "text") return words(comment);
  if (type !== "number") return about(comment, z.enum(type));
  return UNBOUNDED.has(name) ? about(comment, z.number()) : amount(comment);
}

const decision = named(
  "LoggedDecision",
  "A row of the decision log.",
  z.strictObject(Object.fromEntries(LOGGED_FIELDS.map((name) => [name, loggedField(name)]))),
);

const figures = z.strictObject({
  requests: count("Requests admitted."),
  cost: amount("Tokens charged."),
  denied: count("Requests denied by a limit."),
});
const difference = z.strictObject({
  count: about("Analytics' figure minus the ledger's.", z.number()),
  percent: about("Of the ledger's figure; null if that is 0 and analytics' is not.", z.nullable(z.number())),
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
    report: z.literal("subjects"),
    subjects: z.array(
      z.strictObject({
        account: words("The subject."),
        ...totals,
        lastSeenAt: moment("The last request in the range, to the second."),
      }),
    ),
    isComplete: about("Whether these are all subjects with requests in the range.", z.boolean()),
  }),
  z.strictObject({
    ...head,
    report: z.literal("top-routes"),
    routes: z.array(z.strictObject({ route: words("The route's id; never empty."), ...measured, ...share })),
  }),
  z.strictObject({
    ...head,
    report: z.literal("denials"),
    denied: count("Requests denied by limits in total."),
    reasons,
    top: z.array(
      z.strictObject({
        reason: words("The limit."),
        account: words("The subject denied."),
        denied: count("Requests denied."),
      }),
    ),
  }),
  z.strictObject({
    ...head,
    report: z.literal("shadow-denials"),
    requests: count(
      "Requests that at least one limit in shadow would have denied. They were not denied by a limit.",
    ),
    limits: z.array(
      z.strictObject({
        limit: words("The limit in shadow."),
        requests: count("Requests that it would have denied. A request counts for each such limit."),
        share: about("Share of the decided requests, from 0 to 1.", z.number().check(z.gte(0), z.lte(1))),
      }),
    ),
    top: z.array(
      z.strictObject({
        limit: words("The limit in shadow."),
        account: words("The subject that it would have denied."),
        requests: count("Requests that it would have denied."),
      }),
    ),
    times,
    series: about("By limit.", series),
  }),
  z.strictObject({
    ...head,
    report: z.literal("tiers"),
    tiers: z.array(z.strictObject({ tier: words("The tier's name; never empty."), ...measured, ...share })),
  }),
  z.strictObject({
    ...head,
    report: z.literal("latency"),
    times,
    steps: z.strictObject({ p50: steps, p95: steps, p99: steps }),
    sources,
    histogram: z.array(
      z.strictObject({
        leMs: about("Upper bound; null: unbounded.", z.nullable(amount("Inclusive."))),
        requests: count("Decided requests above the previous bound."),
      }),
    ),
  }),
  z.strictObject({
    ...head,
    report: z.literal("sources"),
    times,
    series,
    sources,
    hopsSaved: z.strictObject({
      requests: count("Requests decided by leases and the deny cache."),
      ...share,
    }),
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
    keys: z.array(
      z.strictObject({ keyId: words("Empty for requests without a key."), ...measured, ...share }),
    ),
  }),
  z.strictObject({
    ...head,
    report: z.literal("values"),
    by: about("The field.", z.enum(DIMENSIONS)),
    values: z.array(
      z.strictObject({
        value: words("A value of the field; empty for decisions without one."),
        requests: count("Requests."),
        denied: count("Requests denied by a limit."),
      }),
    ),
  }),
  z.strictObject({
    ...head,
    report: z.literal("decisions"),
    decisions: z.array(decision),
    cursor: nextCursor(),
    notFound: about(
      "For `requestId`: why the log may lack it between `from` and `to`. Null if it was found, or not given.",
      z.nullable(
        z.strictObject({
          logBegins: moment("Since when the log keeps decisions."),
          detail: words("What is not recorded, for people."),
        }),
      ),
    ),
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
  "The report of the given name; `report` repeats the name.",
  z.union(REPORTS),
);

export type ReportResponse = z.infer<typeof reportSchema>;
