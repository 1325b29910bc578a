/** Selects the back end: Analytics Engine if decisions go there and a token can read it, otherwise the hub's embedded store. */
import { EngineBackend, sqlApi } from "./engine-backend.ts";
import type { ReportAnswer, ReportBackend } from "./report-answer.ts";
import type { ReportQuery } from "./report-query.ts";
import type { EngineSettings } from "./report-settings.ts";

/** What a report needs of the hub's stub. */
export interface ReportingHub {
  report(query: ReportQuery): Promise<ReportAnswer>;
}

export interface ReportSources {
  /** Where decisions are recorded. */
  readonly analytics: "embedded" | "engine" | "both";
  readonly engine: EngineSettings | null;
}

/**
 * Null if decisions go only to Analytics Engine and no token can read it.
 * @param hub makes a stub for each report, since a stub that has thrown may stay broken.
 */
export function reportBackend(
  { analytics, engine }: ReportSources,
  hub: () => ReportingHub,
): ReportBackend | null {
  if (analytics !== "embedded" && engine) return new EngineBackend(engine.dataset, sqlApi(engine));
  return analytics === "engine" ? null : { run: async (query) => hub().report(query) };
}
