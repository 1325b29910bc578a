/** Analytics Engine on a bad day: what it refuses is counted, and concerns nobody else. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Batch } from "../../src/analytics/batch.ts";
import { MetricDeltas } from "../../src/analytics/metrics/metric-deltas.ts";
import { MetricStore } from "../../src/analytics/metrics/metric-store.ts";
import { Recorder } from "../../src/analytics/recorder.ts";
import { point } from "../metrics/points.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  vi.stubGlobal("scheduler", { wait: (ms: number) => new Promise((done) => setTimeout(done, ms)) });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it("throws: recording goes on, the points are counted as lost and told of in the log, and metrics have every request", async () => {
  const metrics = new MetricDeltas();
  const store = new MetricStore();
  const written: string[] = [];
  const logged: unknown[] = [];
  let calls = 0;
  const engine: AnalyticsEngineDataset = {
    writeDataPoint() {
      calls += 1;
      if (calls % 3 === 0) throw new Error("too many points");
      written.push("a point");
    },
  };
  const hub = async (batch: Batch): Promise<void> => {
    if (batch.metrics) store.apply(batch.metrics, batch.isolate, Date.now());
  };
  const recorder = new Recorder({ engine, embedded: false, hub }, metrics, (level, event, fields) => {
    logged.push([level, event, fields]);
  });
  for (let i = 0; i < 30; i++) recorder.record(point({ source: "strict" }), Date.now(), () => undefined);
  await vi.advanceTimersByTimeAsync(100);
  // What was lost of the first batch is told of with the next.
  recorder.record(point(), Date.now(), () => undefined);
  await vi.advanceTimersByTimeAsync(100);
  expect(written).toHaveLength(21);
  expect(store.total("requests")).toBe(31);
  expect(store.total("pointsDropped")).toBe(10);
  expect(logged).toEqual([["warn", "analytics_engine_failed", { points: 10 }]]);
});
