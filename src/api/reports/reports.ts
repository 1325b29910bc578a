/** Reports for dashboards, from sampled decisions: never for bills. As JSON, or the decision log as CSV. */
import type { Context } from "hono";
import type { ReportAnswer } from "../../analytics/reports/report-answer.ts";
import { REPORT_NAMES } from "../../analytics/reports/report-query.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { ask } from "../ask.ts";
import { wantsCsv } from "../csv.ts";
import { ADMIN, type Endpoints } from "../endpoint.ts";
import { badQuery, cursorOf, readQuery } from "../query.ts";
import { spendWork } from "../work-limit.ts";
import { decisionsCsv } from "./decisions-csv.ts";
import { driftOf } from "./ledger-drift.ts";
import { queryOf, reportQuery } from "./report-parameters.ts";

const NO_TOKEN =
  "ANALYTICS is engine, but no token to read Analytics Engine is configured. Set ANALYTICS_ACCOUNT_ID and ANALYTICS_API_TOKEN.";

export const REPORTS = {
  getReport: {
    method: "GET",
    path: `${ADMIN}/reports/:name`,
    access: "viewer",
    query: reportQuery,
    handler: getReport,
  },
} as const satisfies Endpoints;

async function getReport(c: Context<AppEnv>): Promise<Response> {
  const name = REPORT_NAMES.find((known) => known === c.req.param("name"));
  if (!name) {
    return problem("not_found", `Unknown report. Known: ${REPORT_NAMES.join(", ")}.`, c.var.requestId);
  }
  const parameters = readQuery(c, reportQuery);
  if (!parameters.ok) return parameters.response;
  const query = queryOf(name, parameters.value, Date.now(), c.var.services.settings.addressDetail);
  if (!query.ok) return badQuery(c, query.faults).response;
  const { format } = parameters.value;
  const asCsv = name === "decisions" && wantsCsv(c, format);
  if (format === "csv" && !asCsv) {
    return badQuery(c, [{ path: "/format", message: "only the report decisions is available as CSV" }])
      .response;
  }
  const { reports } = c.var.admin;
  if (!reports) return problem("not_configured", NO_TOKEN, c.var.requestId);
  const rejection = await spendWork(c, "reports", 1);
  if (rejection) return rejection;
  return ask<ReportAnswer>(c, "analytics back end", reports.run(query.value), async (answer) => {
    if (answer.report === "ledger-drift") {
      return ask(c, "ledger of an account", driftOf(c.var.services, query.value, answer), (drift) =>
        c.json(drift),
      );
    }
    if (answer.report !== "decisions") return c.json(answer);
    const page = { ...answer, cursor: answer.cursor === null ? null : cursorOf(answer.cursor) };
    return asCsv ? decisionsCsv(c, page) : c.json(page);
  });
}
