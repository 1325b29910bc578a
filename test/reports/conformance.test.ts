/**
 * Runs every report on both back ends over the same rows: the embedded store, and Analytics Engine's SQL run by ClickHouse.
 * Skipped with a message if Python has no chdb (`pip install chdb`).
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  bindingsOf,
  CHUNK_SCHEMA,
  missingColumns,
  WRITE_CHUNK,
} from "../../durable-objects/analytics-store/chunk.ts";
import { AnalyticsStore } from "../../durable-objects/analytics-store/analytics-store.ts";
import { isCharged } from "../../src/analytics/outcome.ts";
import { amountsOf } from "../../src/analytics/unit-text.ts";
import { readPosition } from "../../src/analytics/reports/decision-log.ts";
import { EngineBackend } from "../../src/analytics/reports/engine-backend.ts";
import type { ReportAnswer } from "../../src/analytics/reports/report-answer.ts";
import { REPORT_NAMES, type ReportQuery } from "../../src/analytics/reports/report-query.ts";
import { Chdb, DATASET, hasChdb } from "./chdb.ts";
import { NodeSql } from "./node-sql.ts";
import { randomQuery } from "./random-queries.ts";
import { randomOf, randomRows, SPAN_S, START_MS } from "./random-rows.ts";

const ROWS = 6_000;
const QUERIES = 12;
const present = hasChdb();
if (!present)
  process.stderr.write("SKIPPED: reports on ClickHouse, since python3 has no chdb (pip install chdb)\n");

/** The answer without what differs by design: the back end's name, and how far back it keeps decisions. */
function comparable(answer: ReportAnswer): object {
  const notFound = answer.report === "decisions" ? answer.notFound?.detail : null;
  return { ...answer, backend: "either", notFound };
}

describe.skipIf(!present)("the embedded store and Analytics Engine's SQL on ClickHouse answer alike:", () => {
  const rows = randomRows(7, ROWS);
  const sql = new NodeSql();
  sql.exec(CHUNK_SCHEMA);
  const columns = [...sql.exec("SELECT name FROM pragma_table_info('points')")];
  for (const added of missingColumns(new Set(columns.map(({ name }) => String(name))))) sql.exec(added);
  for (let i = 0; i * 200 < ROWS; i++)
    sql.exec(WRITE_CHUNK, ...bindingsOf(i + 1, rows.slice(i * 200, i * 200 + 200), null));
  const store = new AnalyticsStore(sql);
  let chdb: Chdb;
  let engine: EngineBackend;

  beforeAll(async () => {
    chdb = new Chdb();
    await chdb.fill(rows);
    engine = new EngineBackend(DATASET, chdb.run, () => START_MS);
  });
  afterAll(() => chdb?.stop());

  async function both(query: ReportQuery): Promise<ReportAnswer> {
    const embedded = store.report(query, START_MS);
    const answered = await engine.run(query);
    expect(comparable(answered), JSON.stringify(query)).toEqual(comparable(embedded));
    return embedded;
  }

  it.each(REPORT_NAMES)("%s", async (name) => {
    const random = randomOf(name.length * 1_000 + 1);
    for (let i = 0; i < QUERIES; i++) await both(randomQuery(name, random, rows));
    const all = { fromMs: START_MS, toMs: START_MS + SPAN_S * 1_000, filters: {} };
    const { search: _search, requestId: _requestId, ...any } = randomQuery(name, random, rows);
    const answer = await both({ ...any, ...all, intervalMs: 300_000, limit: 20 });
    expect(answer.sampled).toBe(true);
  });

  it("costs in a unit, which are those of charged requests and weighted", async () => {
    const { search: _search, requestId: _requestId, ...any } = randomQuery("top-routes", randomOf(9), rows);
    const all = { ...any, fromMs: START_MS, toMs: START_MS + SPAN_S * 1_000, filters: {}, limit: 1_000 };
    const tokens = rows.reduce((sum, { units, weight, outcome, reason, route }) => {
      const own = new Map(amountsOf(units)).get("tokens") ?? 0;
      return isCharged(outcome, reason) && route !== "" ? sum + own * weight : sum;
    }, 0);
    const answer = await both({ ...all, order: "cost", unit: "tokens" });
    if (answer.report !== "top-routes") throw new Error(answer.report);
    expect(answer.unit).toBe("tokens");
    expect(answer.routes.reduce((sum, { cost }) => sum + cost, 0)).toBeCloseTo(tokens, 2);
    expect(answer.routes.map(({ cost }) => cost)).toEqual(
      answer.routes.map(({ cost }) => cost).toSorted((a, b) => b - a),
    );
    const none = await both({ ...all, order: "cost", unit: "token" });
    expect(none.report === "top-routes" && none.routes.every(({ cost }) => cost === 0)).toBe(true);
  });

  it("the decisions of one request, across pages", async () => {
    const all = { ...randomQuery("decisions", randomOf(5), rows), fromMs: START_MS, filters: {} };
    const query: ReportQuery = { ...all, toMs: START_MS + SPAN_S * 1_000, requestId: "batch", limit: 50 };
    const page = await both(query);
    if (page.report !== "decisions" || page.cursor === null) throw new Error("expected more than a page");
    expect(new Set(page.decisions.map(({ requestId }) => requestId))).toEqual(new Set(["batch"]));
    await both({ ...query, after: readPosition(page.cursor) });
    const merged = await both({ ...query, requestId: "shared" });
    expect(merged.report === "decisions" && merged.decisions).toHaveLength(50);
    const none = await both({ ...query, requestId: 'batch","' });
    expect(none.report === "decisions" && none.decisions).toEqual([]);
  });

  it("pages of the log, which together are the whole log", async () => {
    const { requestId: _requestId, ...all } = randomQuery("decisions", randomOf(3), rows);
    const whole: ReportQuery = {
      ...all,
      fromMs: START_MS,
      toMs: START_MS + 400_000,
      filters: {},
      limit: 1_000,
    };
    const expected = await both(whole);
    const pages: unknown[] = [];
    let query: ReportQuery | null = { ...whole, limit: 37 };
    while (query) {
      const page: ReportAnswer = await both(query);
      if (page.report !== "decisions") throw new Error(page.report);
      pages.push(...page.decisions);
      const after: ReportQuery["after"] = page.cursor === null ? null : readPosition(page.cursor);
      query = page.cursor === null ? null : { ...query, after };
    }
    expect(expected.report === "decisions" && expected.decisions.length).toBeGreaterThan(200);
    expect(pages).toEqual(expected.report === "decisions" && expected.decisions);
  });
});
