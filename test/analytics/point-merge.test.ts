/** Merging points changes no sum and no percentile of a report. */
import { expect, it } from "vitest";
import type { WaitingPoint } from "../../src/analytics/point.ts";
import { WaitingPoints } from "../../src/analytics/point-merge.ts";
import { storedRow } from "../../durable-objects/analytics-store/chunk.ts";
import { dataPointOf } from "../../src/analytics/engine-sink.ts";
import { isOfRequest } from "../../src/analytics/reports/facts.ts";
import { addUnitTexts, unitCostsOf } from "../../src/analytics/unit-text.ts";
import { point, waitingPoint } from "../metrics/points.ts";
import { randomRows } from "../reports/random-rows.ts";

/** Points as an isolate has them: many, of few users. */
function points(): WaitingPoint[] {
  return randomRows(5, 2_000, 3).map(({ weight: _none, limits: _text, ...row }, i) => {
    const like = {
      reason: "ok",
      route: "/identify",
      tier: "free",
      keyId: "",
      method: "GET",
      colo: "",
      country: "",
    };
    const same = { upstreamStatus: "2xx", revision: 1 } as const;
    const source = i % 2 === 0 ? "strict" : "lease";
    const outcome = i % 10 === 0 ? "denied" : "allowed";
    return Object.assign(row, like, same, {
      outcome,
      source,
      limiterMs: i % 4,
      requests: 1,
      limits: null,
    } as const);
  });
}

/** What an isolate sends of these points. */
function merge(all: readonly WaitingPoint[]): WaitingPoint[] {
  const waitingPoints = new WaitingPoints();
  for (const one of all) waitingPoints.add({ ...one });
  return waitingPoints.take(Infinity);
}

/** The latency of each request. */
function latencies(all: readonly WaitingPoint[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { limiterMs, source, account, requests } of all) {
    const name = `${source} ${account} ${limiterMs}`;
    counts[name] = (counts[name] ?? 0) + requests;
  }
  return counts;
}

const cost = (all: readonly WaitingPoint[]): number => all.reduce((sum, { cost: own }) => sum + own, 0);
/** Of each unit, in thousandths, ordered by unit. */
const unitCosts = (all: readonly WaitingPoint[]) =>
  unitCostsOf(
    all.reduce((sum, { units }) => addUnitTexts(sum, units), ""),
    1,
  );

it("merging reduces the number of points and keeps every request, cost and latency", () => {
  const merged = merge(points());
  expect(merged.length).toBeLessThan(300);
  expect(latencies(merged)).toEqual(latencies(points()));
  expect(cost(merged)).toBeCloseTo(cost(points()), 6);
  expect(unitCosts(merged)).toHaveLength(8);
  expect(unitCosts(merged)).toEqual(unitCosts(points()));
  for (const { units } of merged) expect(storedRow(point({ units })).units).toBe(units);
});

it("each request's id is in the point that counts it, and no store cuts it", () => {
  const all = Array.from({ length: 1_000 }, () => waitingPoint({ requestId: crypto.randomUUID() }));
  const merged = merge(all.slice(0, 500));
  expect(merged.length).toBeLessThan(20);
  for (const { requests, requestId, otherRequestIds } of merged) {
    expect([requestId, ...otherRequestIds.trim().split(" ")]).toHaveLength(requests);
    const stored = point({ requestId, otherRequestIds });
    expect(storedRow(stored).otherRequestIds).toBe(otherRequestIds);
    expect(dataPointOf(stored).blobs).toContain(otherRequestIds);
  }
  // As points that no batch had room for.
  const again = merge([...merged, ...all.slice(500)]);
  for (const { requestId } of all) expect(again.filter((row) => isOfRequest(row, requestId))).toHaveLength(1);
});

it("operations of one batch share an id, so any number of them is merged", () => {
  const merged = merge(Array.from({ length: 1_000 }, () => waitingPoint({ requestId: "batch" })));
  expect(merged).toMatchObject([{ requestId: "batch", otherRequestIds: "", requests: 1_000 }]);
  const mixed = merge([waitingPoint({ requestId: "first" }), ...merged, ...merged, ...waiting(50)]);
  expect(mixed).toMatchObject([{ requestId: "first", otherRequestIds: " batch r-1 ", requests: 2_051 }]);
});

const waiting = (count: number): WaitingPoint[] => Array.from({ length: count }, () => waitingPoint());

it("denials by an object are not merged", () => {
  const denied = merge(points()).filter(({ outcome }) => outcome === "denied");
  expect(denied).toHaveLength(200);
  expect(denied.every(({ requests }) => requests === 1)).toBe(true);
});
