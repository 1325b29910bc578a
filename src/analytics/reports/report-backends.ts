/** Which back end answers: Analytics Engine where decisions go there and a token may read it, else the hub's embedded store. */
import { EngineBackend, sqlApi } from "./engine-backend.ts";
import type { ReportAnswer, ReportBackend } from "./report-answer.ts";
import type { ReportQuery } from "./report-query.ts";
import type { EngineSettings } from "./report-settings.ts";

/** The hub's side, as its stub offers it. */
export interface ReportingHub {
  report(query: ReportQuery): Promise<ReportAnswer>;
}

export interface ReportSources {
  /** Where decisions are recorded. */
  readonly analytics: "embedded" | "engine" | "both";
  readonly engine: EngineSettings | null;
}

/**
 * Null: decisions are where nobody may read them.
 * @param hub makes a stub for each report, since one that has thrown is of no use again.
 */
export function reportBackend(
  { analytics, engine }: ReportSources,
  hub: () => ReportingHub,
): ReportBackend | null {
  if (analytics !== "embedded" && engine) return new EngineBackend(engine.dataset, sqlApi(engine));
  return analytics === "engine" ? null : { run: async (query) => hub().report(query) };
}
