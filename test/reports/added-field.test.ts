/** A table of points that was made before a field existed: its rows stay readable, and new rows have the field. */
import { expect, test } from "vitest";
import { AnalyticsStore } from "../../durable-objects/analytics-store/analytics-store.ts";
import { CHUNK_SCHEMA, missingColumns } from "../../durable-objects/analytics-store/chunk.ts";
import { POINT_FIELDS } from "../../src/analytics/point-fields.ts";
import type { ReportQuery } from "../../src/analytics/reports/report-query.ts";
import { point } from "../metrics/points.ts";
import { NodeSql } from "./node-sql.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const LOG: ReportQuery = {
  name: "decisions",
  fromMs: 0,
  toMs: NOW_MS + 1_000,
  intervalMs: 1_000,
  filters: {},
  by: "outcome",
  order: "requests",
  limit: 10,
  after: null,
};
/** As if these fields had been added: a text, one of a few texts, and a number. */
const ADDED = [POINT_FIELDS.country, POINT_FIELDS.upstreamStatus, POINT_FIELDS.retryAfterMs].map(
  ({ column }) => column,
);

/** A table without the columns, with one row. */
function olderTable(): NodeSql {
  const sql = new NodeSql();
  new AnalyticsStore(sql).insert([point({ atMs: NOW_MS, requestId: "older" })], NOW_MS);
  for (const column of ADDED) sql.exec(`ALTER TABLE points DROP COLUMN ${column}`);
  return sql;
}

test("an older table is read with the field's missing value", () => {
  const answer = new AnalyticsStore(olderTable()).report(LOG, NOW_MS);
  expect(answer).toMatchObject({
    decisions: [{ requestId: "older", country: "", upstreamStatus: "none", retryAfterMs: 0, tier: "free" }],
  });
});

test("an older table takes new rows with the field, before and after a restart", () => {
  const sql = olderTable();
  const store = new AnalyticsStore(sql);
  const newer = { country: "DE", upstreamStatus: "5xx", retryAfterMs: 7 } as const;
  store.insert([point({ atMs: NOW_MS + 1, requestId: "newer", ...newer })], NOW_MS);
  for (const reader of [store, new AnalyticsStore(sql)]) {
    expect(reader.report(LOG, NOW_MS)).toMatchObject({
      decisions: [
        { requestId: "newer", ...newer },
        { requestId: "older", country: "", upstreamStatus: "none", retryAfterMs: 0 },
      ],
    });
  }
});

test("an older table gets each missing column once", () => {
  const sql = olderTable();
  const columns = () =>
    new Set([...sql.exec("SELECT name FROM pragma_table_info('points')")].map(({ name }) => String(name)));
  expect(missingColumns(columns())).toHaveLength(ADDED.length);
  for (const statement of missingColumns(columns())) sql.exec(statement);
  expect(missingColumns(columns())).toEqual([]);
});

test("a new table has every column", () => {
  const sql = new NodeSql();
  sql.exec(CHUNK_SCHEMA);
  new AnalyticsStore(sql).insert([point()], NOW_MS);
  const names = [...sql.exec("SELECT name FROM pragma_table_info('points')")].map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(Object.values(POINT_FIELDS).map(({ column }) => column)));
});
