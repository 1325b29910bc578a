/** A page of the decision log as CSV: a column for each field. */
import type { Context } from "hono";
import type { LoggedDecision, ReportBodies } from "../../analytics/reports/report-answer.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { csvPage } from "../csv.ts";

const COLUMNS = [
  "at",
  "requestId",
  "account",
  "route",
  "tier",
  "outcome",
  "reason",
  "source",
  "method",
  "colo",
  "country",
  "revision",
  "keyId",
  "upstreamStatus",
  "cost",
  "limiterMs",
  "upstreamMs",
  "remainingFraction",
  "retryAfterMs",
  "requests",
  "weight",
] as const satisfies (keyof LoggedDecision)[];

export function decisionsCsv(c: Context<AppEnv>, { decisions, cursor }: ReportBodies["decisions"]): Response {
  const lines = decisions.map((decision) => COLUMNS.map((column) => decision[column]));
  return csvPage(c, COLUMNS, lines, cursor);
}
