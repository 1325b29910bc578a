/** Which back end answers: Analytics Engine where a token may read it, else the hub's embedded store. */
import { EngineBackend, sqlApi } from "./engine-backend.ts";
import type { ReportAnswer, ReportBackend } from "./report-answer.ts";
import type { ReportQuery } from "./report-query.ts";
import type { EngineSettings } from "./report-settings.ts";
import { answerOf } from "./reports.ts";

/** The hub's side, as its stub offers it. */
export interface ReportingHub {
  report(query: ReportQuery): Promise<ReportAnswer>;
}

/** @param hub makes a stub for each report, since one that has thrown is of no use again; null: nothing is stored. */
export function reportBackend(
  engine: EngineSettings | null,
  hub: (() => ReportingHub) | null,
): ReportBackend {
  if (engine) return new EngineBackend(engine.dataset, sqlApi(engine));
  if (hub) return { run: async (query) => hub().report(query) };
  return { run: async (query) => answerOf(query, "embedded", { groups: {}, rows: [] }) };
}
