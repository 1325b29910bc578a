/**
 * Every report as data: which facts it needs, and how its answer is made from them. Pure: no I/O, no clock, no SQL.
 *
 * Percentiles are computed from the rows of the group they describe; they are never averaged or added.
 */
import type { AnswerHead, ReportAnswer, ReportBodies } from "./report-answer.ts";
import { aggregation, DECIDED, denials, named, ranking, SHADOWED } from "./aggregations.ts";
import type { Aggregation, Group, Keeps, Row, Scan } from "./facts.ts";
import {
  LATENCY_BOUNDS_MS,
  histogramOf,
  hopsSaved,
  latencySteps,
  ranked,
  reasonsOf,
  seriesOf,
  subjectsOf,
  timesOf,
  totalsOf,
} from "./report-parts.ts";
import { logOf, notFoundOf } from "./decision-log.ts";
import { type ReportName, type ReportQuery, stepsOf } from "./report-query.ts";
import { byLimit, shadowDenialsOf, topShadowed } from "./shadow-denials.ts";

/** What a report needs from a back end. */
export interface Plan {
  readonly groups: Readonly<Record<string, Aggregation>>;
  readonly scan: Scan | null;
}

/** What a back end found, by the names in the plan. */
export interface Found {
  readonly groups: Readonly<Record<string, readonly Group[]>>;
  readonly rows: readonly Row[];
  readonly keeps: Keeps;
}

interface Report<Name extends ReportName> {
  readonly groups?: (query: ReportQuery) => Plan["groups"];
  readonly scan?: (query: ReportQuery) => Scan;
  /** @param of returns the groups by their name in the plan. */
  readonly body: (
    query: ReportQuery,
    of: (name: string) => readonly Group[],
    rows: readonly Row[],
    keeps: Keeps,
  ) => ReportBodies[Name];
}

const REPORTS: { readonly [Name in ReportName]: Report<Name> } = {
  overview: {
    groups: (query) => {
      const before = { fromMs: 2 * query.fromMs - query.toMs, toMs: query.fromMs };
      return {
        current: aggregation(query, { latency: true }),
        currentSources: aggregation(query, { by: ["source"] }),
        previous: aggregation(query, { latency: true, ...before }),
        previousSources: aggregation(query, { by: ["source"], ...before }),
      };
    },
    body: ({ fromMs, toMs }, of, _rows, keeps) => {
      const period = (name: string, beginMs: number, endMs: number) => {
        const totals = totalsOf(of(name));
        // The current second counts in full: periods end with it.
        const nowMs = (Math.floor(keeps.toMs / 1_000) + 1) * 1_000;
        const coveredMs = Math.min(endMs, nowMs) - Math.max(beginMs, keeps.fromMs);
        const coveredSeconds = Math.max(0, coveredMs / 1_000);
        return {
          ...totals,
          perSecond: coveredSeconds > 0 ? totals.requests / coveredSeconds : 0,
          coveredSeconds,
          hopsSaved: hopsSaved(of(`${name}Sources`)).requests,
        };
      };
      return {
        current: period("current", fromMs, toMs),
        previous: period("previous", 2 * fromMs - toMs, fromMs),
      };
    },
  },
  timeseries: {
    groups: (query) => ({ steps: aggregation(query, { by: [query.by], intervalMs: query.intervalMs }) }),
    body: (query, of) => ({ times: timesOf(query), series: seriesOf(stepsOf(query), of("steps")) }),
  },
  "top-users": {
    groups: (query) => ({
      all: aggregation(query, named("account")),
      users: ranking(query, { by: ["account"], ...named("account") }),
    }),
    body: ({ order }, of) => ({
      users: ranked(of("users"), of("all"), order, (account) => ({ account })).map(
        ({ latencyMs: _none, ...user }) => user,
      ),
    }),
  },
  subjects: {
    // One more than wanted: there are more if it exists.
    groups: (query) => ({
      subjects: ranking(query, {
        by: ["account"],
        limit: query.limit + 1,
        subjects: query.subjects ?? "user",
      }),
    }),
    body: ({ limit }, of) => subjectsOf(of("subjects"), limit),
  },
  "top-routes": {
    groups: (query) => ({
      all: aggregation(query, named("route")),
      routes: ranking(query, { by: ["route"], latency: true, ...named("route") }),
    }),
    body: ({ order }, of) => ({ routes: ranked(of("routes"), of("all"), order, (route) => ({ route })) }),
  },
  denials: {
    groups: (query) => ({
      all: denials(query, {}),
      reasons: denials(query, { by: ["reason"] }),
      top: denials(query, { by: ["reason", "account"] }),
    }),
    body: (_query, of) => ({
      denied: totalsOf(of("all")).denied,
      reasons: reasonsOf(of("reasons"), of("all")),
      top: of("top").map(({ keys: [reason = "", account = ""], denied }) => ({ reason, account, denied })),
    }),
  },
  "shadow-denials": {
    groups: (query) => ({
      all: aggregation(query),
      shadowed: aggregation(query, SHADOWED),
      limits: aggregation(query, { by: ["shadowed"], order: "requests", ...SHADOWED }),
      top: ranking(query, { by: ["shadowed", "account"], order: "requests", ...SHADOWED }),
      steps: aggregation(query, { by: ["shadowed"], intervalMs: query.intervalMs, ...SHADOWED }),
    }),
    body: (query, of) => ({
      requests: totalsOf(of("shadowed")).requests,
      limits: shadowDenialsOf(byLimit(of("limits")), of("all")),
      top: topShadowed(byLimit(of("top")), query.limit),
      times: timesOf(query),
      series: seriesOf(stepsOf(query), byLimit(of("steps"))),
    }),
  },
  tiers: {
    groups: (query) => ({
      all: aggregation(query, named("tier")),
      tiers: ranking(query, { by: ["tier"], latency: true, ...named("tier") }),
    }),
    body: ({ order }, of) => ({ tiers: ranked(of("tiers"), of("all"), order, (tier) => ({ tier })) }),
  },
  latency: {
    groups: (query) => ({
      all: aggregation(query, { boundsMs: LATENCY_BOUNDS_MS, ...DECIDED }),
      steps: aggregation(query, { intervalMs: query.intervalMs, latency: true, ...DECIDED }),
      sources: aggregation(query, { by: ["source"], latency: true, ...DECIDED }),
    }),
    body: (query, of) => ({
      times: timesOf(query),
      steps: latencySteps(stepsOf(query), of("steps")),
      sources: ranked(of("sources"), of("all"), query.order, (source) => ({ source })),
      histogram: histogramOf(of("all")),
    }),
  },
  sources: {
    groups: (query) => ({
      all: aggregation(query),
      sources: aggregation(query, { by: ["source"], latency: true }),
      steps: aggregation(query, { by: ["source"], intervalMs: query.intervalMs }),
    }),
    body: (query, of) => ({
      times: timesOf(query),
      series: seriesOf(stepsOf(query), of("steps")),
      sources: ranked(of("sources"), of("all"), query.order, (source) => ({ source })),
      hopsSaved: hopsSaved(of("sources")),
    }),
  },
  user: {
    groups: (query) => ({
      all: aggregation(query, { latency: true }),
      steps: aggregation(query, { by: ["outcome"], intervalMs: query.intervalMs }),
      routed: aggregation(query, named("route")),
      routes: ranking(query, { by: ["route"], latency: true, ...named("route") }),
      denied: denials(query, {}),
      reasons: denials(query, { by: ["reason"] }),
      keys: ranking(query, { by: ["keyId"], latency: true }),
    }),
    body: (query, of) => ({
      account: query.filters.account ?? "",
      totals: totalsOf(of("all")),
      times: timesOf(query),
      series: seriesOf(stepsOf(query), of("steps")),
      routes: ranked(of("routes"), of("routed"), query.order, (route) => ({ route })),
      reasons: reasonsOf(of("reasons"), of("denied")),
      keys: ranked(of("keys"), of("all"), query.order, (keyId) => ({ keyId })),
    }),
  },
  "ledger-drift": {
    groups: (query) => ({ accounts: ranking(query, { by: ["account"], ...named("account") }) }),
    body: (_query, of) => ({
      accounts: of("accounts").map(({ keys: [account = ""], admitted, cost, denied }) => ({
        account,
        requests: admitted,
        cost,
        denied,
      })),
    }),
  },
  values: {
    groups: (query) => {
      const { by, search } = query;
      const given = search === undefined ? {} : { search: { field: by, text: search } };
      return { values: ranking(query, { by: [by], ...given }) };
    },
    body: ({ by }, of) => ({
      by,
      values: of("values").map(({ keys: [value = ""], requests, denied }) => ({ value, requests, denied })),
    }),
  },
  decisions: {
    // One row more than the page shows: there is another page if it exists.
    scan: ({ fromMs, toMs, filters, requestId = null, after, limit }) => ({
      fromMs,
      toMs,
      filters,
      requestId,
      after,
      limit: limit + 1,
    }),
    body: (query, _of, rows, keeps) => ({
      ...logOf(query, rows),
      notFound: query.requestId !== undefined && rows.length === 0 ? notFoundOf(keeps) : null,
    }),
  },
};

/** The facts that a query needs. */
export function planOf(query: ReportQuery): Plan {
  const { groups, scan } = REPORTS[query.name];
  return { groups: groups?.(query) ?? {}, scan: scan?.(query) ?? null };
}

/** Points that stand for no request, as errors of administrators do, are in the log only. */
function counted(groups: readonly Group[] = []): readonly Group[] {
  return groups.filter(({ requests }) => requests > 0);
}

/** The report, made from what the back end found. */
export function answerOf(query: ReportQuery, backend: AnswerHead["backend"], found: Found): ReportAnswer {
  const groups = Object.values(found.groups).flat();
  const head = {
    backend,
    sampled: groups.some(({ sampled }) => sampled) || found.rows.some(({ weight }) => weight > 1),
    from: new Date(query.fromMs).toISOString(),
    to: new Date(query.toMs).toISOString(),
    intervalSeconds: query.intervalMs / 1_000,
    ...(query.unit === undefined ? {} : { unit: query.unit }),
  };
  const report = <Name extends ReportName>(name: Name) => ({
    ...head,
    report: name,
    ...REPORTS[name].body(query, (part) => counted(found.groups[part]), found.rows, found.keeps),
  });
  switch (query.name) {
    case "overview":
      return report("overview");
    case "timeseries":
      return report("timeseries");
    case "top-users":
      return report("top-users");
    case "subjects":
      return report("subjects");
    case "top-routes":
      return report("top-routes");
    case "denials":
      return report("denials");
    case "shadow-denials":
      return report("shadow-denials");
    case "tiers":
      return report("tiers");
    case "latency":
      return report("latency");
    case "sources":
      return report("sources");
    case "user":
      return report("user");
    case "ledger-drift":
      return report("ledger-drift");
    case "values":
      return report("values");
    case "decisions":
      return report("decisions");
  }
}
