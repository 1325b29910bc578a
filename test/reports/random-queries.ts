/** Questions of all kinds: any span, any filter that some row meets or none does, any order and length. */
import { OUTCOMES } from "../../src/analytics/outcome.ts";
import type { Row } from "../../src/analytics/reports/facts.ts";
import {
  DIMENSIONS,
  hasTooManySteps,
  INTERVALS,
  ORDERS,
  type ReportName,
  type ReportQuery,
  STACKS,
  SUBJECT_KINDS,
} from "../../src/analytics/reports/report-query.ts";
import { HOSTILE, pick, SPAN_S, START_MS } from "./random-rows.ts";

export function randomQuery(name: ReportName, random: () => number, rows: readonly Row[]): ReportQuery {
  const fromMs = START_MS + Math.floor((random() * 1.2 - 0.2) * SPAN_S) * 1_000;
  const toMs = random() < 0.2 ? fromMs + 1_000 : fromMs + (1 + Math.floor(random() * SPAN_S)) * 1_000;
  const like = pick(random, rows);
  const filters: Record<string, string> = {};
  for (const dimension of DIMENSIONS) {
    if (random() > 0.15) continue;
    // Stored outcomes have no "turned_away": reports name it.
    const value = dimension === "outcome" ? pick(random, OUTCOMES) : like[dimension];
    filters[dimension] = random() < 0.9 ? value : pick(random, HOSTILE);
  }
  if (name === "user") filters["account"] ??= like.account;
  const fitting = Object.values(INTERVALS).filter((ms) => !hasTooManySteps(fromMs, toMs, ms));
  return {
    name,
    fromMs,
    toMs,
    intervalMs: pick(random, fitting),
    filters,
    by: name === "values" ? pick(random, DIMENSIONS) : pick(random, STACKS),
    order: pick(random, ORDERS),
    ...(name === "decisions" && random() < 0.3
      ? { requestId: pick(random, [like.requestId, ...HOSTILE]) }
      : {}),
    ...(random() < 0.5 ? { unit: pick(random, ["tokens", "rows", "tokens_2", "jobs", ...HOSTILE]) } : {}),
    subjects: pick(random, SUBJECT_KINDS),
    ...(name === "values" && random() < 0.5
      ? { search: pick(random, ["1", "USER:1", "e", "_", ...HOSTILE]) }
      : {}),
    limit: pick(random, [1, 3, 20, 1_000]),
    after: null,
  };
}
