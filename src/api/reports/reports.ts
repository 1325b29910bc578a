/** Reports for dashboards: of sampled decisions, never of bills. As JSON, or the decision log as CSV. */
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import { readPosition } from "../../analytics/reports/decision-log.ts";
import type { ReportAnswer } from "../../analytics/reports/report-answer.ts";
import {
  DEFAULT_RANGE_MS,
  DEFAULT_ROWS,
  hasTooManySteps,
  INTERVALS,
  MAX_RANGE_MS,
  MAX_STEPS,
  REPORT_NAMES,
  type ReportName,
  type ReportQuery,
  usualInterval,
} from "../../analytics/reports/report-query.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { subjectNamed } from "../../identity/user-id.ts";
import type { Fault } from "../../policy/fault.ts";
import { BAD_CURSOR, badQuery, cursorOf, pageSize, positionOf, readQuery } from "../query.ts";
import { type ReportParameters, reportQuery } from "../schemas.ts";
import { ask } from "../ask.ts";
import { decisionsCsv } from "./decisions-csv.ts";
import { driftOf } from "../accounts/ledger-drift.ts";
import { spendWork } from "../work-limit.ts";

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
/** Accounts of the drift report: each is asked for its ledger. */
const MOST_LEDGERS = 20;
const NO_TOKEN =
  "ANALYTICS is engine, but there is no token to read Analytics Engine by. Set ANALYTICS_ACCOUNT_ID and ANALYTICS_API_TOKEN.";
const JSON_TYPE = "application/json";
const CSV = "text/csv";

export async function getReport(c: Context<AppEnv>): Promise<Response> {
  const name = REPORT_NAMES.find((known) => known === c.req.param("name"));
  if (!name) {
    return problem("not_found", `There are the reports ${REPORT_NAMES.join(", ")}.`, c.var.requestId);
  }
  const parameters = readQuery(c, reportQuery);
  if (!parameters.ok) return parameters.response;
  const query = queryOf(name, parameters.value, Date.now());
  if (!query.ok) return badQuery(c, query.faults).response;
  const wantsCsv = name === "decisions" && prefersCsv(c, parameters.value.format);
  if (parameters.value.format === "csv" && !wantsCsv) {
    return badQuery(c, [{ path: "/format", message: "only decisions come as CSV" }]).response;
  }
  const { reports } = c.var.services;
  if (!reports) return problem("not_configured", NO_TOKEN, c.var.requestId);
  const refusal = await spendWork(c, "reports", 1);
  if (refusal) return refusal;
  return ask<ReportAnswer>(c, "analytics", reports.run(query.value), async (answer) => {
    if (answer.report === "ledger-drift") {
      return ask(c, "ledgers", driftOf(c.var.services.limiter, query.value, answer), (drift) =>
        c.json(drift),
      );
    }
    if (answer.report !== "decisions") return c.json(answer);
    const page = { ...answer, cursor: answer.cursor === null ? null : cursorOf(answer.cursor) };
    return wantsCsv ? decisionsCsv(c, page) : c.json(page);
  });
}

type ParsedQuery =
  | { readonly ok: true; readonly value: ReportQuery }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/**
 * Fills in what was left out: the last hour if no time is named; whole hours, as the ledger has them, for the drift from it. A
 * period that reaches into the future ends now, so that rates and charts are of time that has passed.
 */
export function queryOf(name: ReportName, parameters: ReportParameters, nowMs: number): ParsedQuery {
  const {
    from,
    to,
    interval,
    by = "outcome",
    order,
    limit,
    cursor,
    format: _format,
    account,
    ...others
  } = parameters;
  const filters = { ...others, account: account === undefined ? undefined : subjectNamed(account) };
  const unitMs = name === "ledger-drift" ? HOUR_MS : SECOND_MS;
  // What was decided in this very second is in it.
  const nextMs = roundUp(nowMs + 1, unitMs);
  const endMs = to === undefined ? nextMs : roundUp(Date.parse(to), unitMs);
  const fromMs = roundDown(from === undefined ? endMs - DEFAULT_RANGE_MS : Date.parse(from), unitMs);
  const toMs = fromMs < nextMs ? Math.min(endMs, nextMs) : endMs;
  const intervalMs = interval ? INTERVALS[interval] : usualInterval(fromMs, toMs);
  const after = cursor === undefined ? null : readPosition(positionOf(cursor) ?? "");
  const faults: Fault[] = [];
  if (fromMs >= toMs) faults.push({ path: "/from", message: "must lie before to" });
  else if (toMs - fromMs > MAX_RANGE_MS)
    faults.push({ path: "/from", message: "lies more than 93 days before to" });
  else if (hasTooManySteps(fromMs, toMs, intervalMs)) {
    faults.push({ path: "/interval", message: `cuts the time into more than ${MAX_STEPS} steps` });
  }
  if (name === "user" && filters.account === undefined) {
    faults.push({ path: "/account", message: "is required" });
  }
  if (cursor !== undefined && (!after || name !== "decisions")) faults.push(...BAD_CURSOR);
  if (faults.length > 0) return { ok: false, faults };
  const rows = pageSize(limit, DEFAULT_ROWS);
  const value: ReportQuery = {
    name,
    fromMs,
    toMs,
    intervalMs,
    filters: givenOf(filters),
    by,
    order: order ?? (name === "denials" ? "denied" : "requests"),
    limit: name === "ledger-drift" ? Math.min(rows, MOST_LEDGERS) : rows,
    after,
  };
  return { ok: true, value };
}

function givenOf(filters: Readonly<Record<string, string | undefined>>): ReportQuery["filters"] {
  return Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined));
}

function roundUp(ms: number, unitMs: number): number {
  return Math.ceil(ms / unitMs) * unitMs;
}

function roundDown(ms: number, unitMs: number): number {
  return Math.floor(ms / unitMs) * unitMs;
}

function prefersCsv(c: Context<AppEnv>, format: ReportParameters["format"]): boolean {
  if (format !== undefined) return format === "csv";
  return accepts(c, { header: "Accept", supports: [JSON_TYPE, CSV], default: JSON_TYPE }) === CSV;
}
