/** The embedded store's answers to a search by request id, and the values of a field. */
import { beforeAll, describe, expect, it } from "vitest";
import { AnalyticsStore } from "../../durable-objects/analytics-store/analytics-store.ts";
import type { Point } from "../../src/analytics/point.ts";
import type { ReportAnswer } from "../../src/analytics/reports/report-answer.ts";
import type { ReportQuery } from "../../src/analytics/reports/report-query.ts";
import { point } from "../metrics/points.ts";
import { NodeSql } from "./node-sql.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const DAY_MS = 86_400_000;

const pointAt = (atMs: number, fields: Partial<Point>) => point({ atMs, ...fields });

function ask<Name extends "decisions" | "values">(
  store: AnalyticsStore,
  name: Name,
  given: Partial<ReportQuery> = {},
) {
  const answer = store.report(
    {
      name,
      fromMs: NOW_MS - DAY_MS,
      toMs: NOW_MS + DAY_MS,
      intervalMs: 3_600_000,
      filters: {},
      by: "outcome",
      order: "requests",
      limit: 100,
      after: null,
      ...given,
    },
    NOW_MS,
  );
  const isAsked = (found: ReportAnswer): found is Extract<ReportAnswer, { report: Name }> =>
    found.report === name;
  if (!isAsked(answer)) throw new Error(`asked for ${name}, got ${answer.report}`);
  return answer;
}

describe("a search by request id", () => {
  const store = new AnalyticsStore(new NodeSql());
  beforeAll(() => {
    const all = Array.from({ length: 2_000 }, (_, i) => pointAt(NOW_MS + i, { requestId: `search-${i}` }));
    for (let i = 0; i < all.length; i += 100) store.insert(all.slice(i, i + 100), NOW_MS);
    const items: Point[] = ["a", "b", "c"].map((name) =>
      pointAt(NOW_MS, { requestId: "of-a-batch", account: `user:${name}` }),
    );
    const merged = { requestId: "first", otherRequestIds: ' second third-3 odd"id ', requests: 4 };
    store.insert(
      [...items, pointAt(NOW_MS, merged), pointAt(NOW_MS, { requestId: 'odd "id", \\ü' })],
      NOW_MS,
    );
  });
  const found = (requestId: string, given: Partial<ReportQuery> = {}) =>
    ask(store, "decisions", { requestId, limit: 10, ...given });

  it("finds exactly the decisions of that request, also of a batch, and of any text", () => {
    expect(found("search-7").decisions.map(({ requestId }) => requestId)).toEqual(["search-7"]);
    expect(found("of-a-batch").decisions.map(({ account }) => account)).toEqual([
      "user:a",
      "user:b",
      "user:c",
    ]);
    expect(found('odd "id", \\ü').decisions).toHaveLength(1);
    expect(found("search-7").notFound).toBeNull();
  });

  it("finds the row that counts the request, if equal ones were merged, by the id of each", () => {
    for (const id of ["first", "second", "third-3", 'odd"id']) {
      expect(found(id).decisions).toMatchObject([{ requestId: "first", requests: 4 }]);
    }
    for (const part of ["third", "hird-3", 'odd"']) expect(found(part).decisions).toEqual([]);
  });

  it("respects the other filters and the range", () => {
    expect(found("of-a-batch", { filters: { account: "user:b" } }).decisions).toHaveLength(1);
    expect(found("search-1500", { toMs: NOW_MS + 1_000 }).decisions).toEqual([]);
  });

  it("says since when the log keeps decisions and what it lacks if it finds none", () => {
    for (const id of ["search-", "SEARCH-7", "search-7 ", "x"]) {
      const { decisions, notFound } = found(id);
      expect(decisions).toEqual([]);
      expect(notFound).toEqual({
        logBegins: "2026-11-20T12:00:00.000Z",
        detail: expect.stringContaining("Peeks and answers repeated"),
      });
    }
    expect(ask(store, "decisions", { filters: { account: "user:no" } }).notFound).toBeNull();
  });
});

it("the values of a field are listed by frequency, within the filters", () => {
  const store = new AnalyticsStore(new NodeSql());
  store.insert(
    [
      pointAt(NOW_MS, { method: "POST" }),
      pointAt(NOW_MS, { method: "GET" }),
      pointAt(NOW_MS, { method: "GET", outcome: "denied", reason: "minute", upstreamStatus: "none" }),
      pointAt(NOW_MS, { method: "PUT", account: "user:other" }),
    ],
    NOW_MS,
  );
  const filters = { account: "user:acme" };
  expect(ask(store, "values", { by: "method", filters })).toMatchObject({
    by: "method",
    values: [
      { value: "GET", requests: 2, denied: 1 },
      { value: "POST", requests: 1, denied: 0 },
    ],
  });
  const found = (search: string) => ask(store, "values", { by: "account", search }).values;
  expect(found("OTH").map(({ value }) => value)).toEqual(["user:other"]);
  expect(found("user:").map(({ requests }) => requests)).toEqual([3, 1]);
  expect(found("%")).toEqual([]);
  const statuses = ask(store, "values", { by: "upstreamStatus", filters: { method: "GET" } }).values;
  expect(statuses.map(({ value }) => value)).toEqual(["2xx", "none"]);
});
