/** A page of the decision log as CSV: a column for each field. The next page's cursor goes into a Link header (RFC 8288). */
import type { Context } from "hono";
import type { LoggedDecision, ReportBodies } from "../../analytics/reports/report-answer.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { csvText } from "../csv.ts";

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
  const headers: Record<string, string> = { "Content-Type": "text/csv; charset=utf-8" };
  if (cursor !== null) {
    const url = new URL(c.req.url);
    url.searchParams.set("cursor", cursor);
    headers["Link"] = `<${url.pathname}${url.search}>; rel="next"`;
  }
  const lines = decisions.map((decision) => COLUMNS.map((column) => decision[column]));
  return c.body(csvText(COLUMNS, lines), 200, headers);
}
