/** A page of the decision log as CSV: a column for each field. */
import type { Context } from "hono";
import { LOGGED_FIELDS } from "../../analytics/reports/decision-log.ts";
import type { ReportBodies } from "../../analytics/reports/report-answer.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { csvPage } from "../csv.ts";

export function decisionsCsv(c: Context<AppEnv>, { decisions, cursor }: ReportBodies["decisions"]): Response {
  const lines = decisions.map((decision) => LOGGED_FIELDS.map((name) => decision[name]));
  return csvPage(c, LOGGED_FIELDS, lines, cursor);
}
