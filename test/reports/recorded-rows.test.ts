/** The decisions that a simulation gets from the store: the newest of a range, also after a restart. */
import { expect, test } from "vitest";
import { AnalyticsStore } from "../../durable-objects/analytics-store/analytics-store.ts";
import type { Point } from "../../src/analytics/point.ts";
import { point } from "../metrics/points.ts";
import { NodeSql } from "./node-sql.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const ALL = { fromMs: 0, toMs: NOW_MS + 1_000_000 };

function storeOf(points: readonly Point[], sql = new NodeSql()): AnalyticsStore {
  const store = new AnalyticsStore(sql);
  for (let i = 0; i < points.length; i += 100) store.insert(points.slice(i, i + 100), NOW_MS);
  return store;
}

test("each merged request has its share of the cost", () => {
  const [only] = storeOf([
    point({ atMs: NOW_MS, requests: 4, cost: 10, units: "rows=2;tokens=4000", outcome: "denied" }),
  ]).recorded(ALL, 10).decisions;
  expect(only).toEqual({
    atMs: NOW_MS,
    account: "user:acme",
    route: "demo",
    tier: "free",
    keyId: "",
    method: "GET",
    revision: 1,
    costMilli: 2_500,
    units: [
      ["rows", 500],
      ["tokens", 1_000_000],
    ],
    upstreamMs: 20,
    requests: 4,
    wasDenied: true,
  });
});

test("the newest decisions are returned in the order of time, with a flag if there are more", () => {
  const store = storeOf(
    Array.from({ length: 1_000 }, (_, i) => point({ atMs: NOW_MS + ((i * 7) % 1_000), method: `M${i % 3}` })),
  );
  const { decisions, truncated, firstMs, lastMs } = store.recorded(
    { fromMs: NOW_MS, toMs: NOW_MS + 900 },
    300,
  );
  const times = decisions.map(({ atMs }) => atMs);
  expect([times.length, truncated, lastMs]).toEqual([300, true, NOW_MS + 899]);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(firstMs).toBe(times[0]);
  expect(store.recorded(ALL, 1_000)).toMatchObject({
    truncated: false,
    firstMs: NOW_MS,
    lastMs: NOW_MS + 999,
  });
});

test("the newest decisions are returned even if many arrived out of order", () => {
  const times = Array.from({ length: 12_000 }, (_, i) => NOW_MS + ((i * 7_919) % 12_000));
  const { decisions, truncated } = storeOf(times.map((atMs) => point({ atMs }))).recorded(ALL, 500);
  expect(decisions.map(({ atMs }) => atMs)).toEqual(times.toSorted((a, b) => a - b).slice(-500));
  expect(truncated).toBe(true);
});

test("decisions are the same after a restart, and none if nothing was stored", () => {
  const sql = new NodeSql();
  const before = storeOf(
    Array.from({ length: 700 }, (_, i) => point({ atMs: NOW_MS + i, account: `user:${i % 9}` })),
    sql,
  ).recorded(ALL, 1_000);
  expect(before.decisions.length).toBe(700);
  expect(new AnalyticsStore(sql).recorded(ALL, 1_000)).toEqual(before);
  const nothing = { decisions: [], sampled: false, truncated: false, firstMs: null, lastMs: null };
  expect(new AnalyticsStore(new NodeSql()).recorded(ALL, 10)).toEqual(nothing);
});
