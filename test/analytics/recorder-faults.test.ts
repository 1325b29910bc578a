/** Analytics under faults: sinks that throw or are slow, requests that die or are slow. Everything lost is counted, and nothing else is lost. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Batch } from "../../src/analytics/batch.ts";
import { MetricDeltas } from "../../src/analytics/metrics/metric-deltas.ts";
import { MetricStore } from "../../src/analytics/metrics/metric-store.ts";
import { Recorder } from "../../src/analytics/recorder.ts";
import { waitingPoint } from "../metrics/points.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  vi.stubGlobal("scheduler", { wait: (ms: number) => new Promise((done) => setTimeout(done, ms)) });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it("if Analytics Engine throws, recording continues, the lost points are counted and logged, and metrics count every request", async () => {
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
  const hub = async (batch: Batch): Promise<boolean> => {
    if (batch.metrics) store.apply(batch.metrics, batch.isolate, Date.now());
    return false;
  };
  const log = (...line: unknown[]): void => void logged.push(line);
  const recorder = new Recorder({ engine, embedded: false, hub }, metrics, log, 100);
  for (let i = 0; i < 30; i++) recorder.record(waitingPoint({ source: "strict" }), () => undefined);
  await vi.advanceTimersByTimeAsync(100);
  // The next batch reports what the first one lost.
  recorder.record(waitingPoint(), () => undefined);
  await vi.advanceTimersByTimeAsync(100);
  expect(written).toHaveLength(21);
  expect(store.total("requests")).toBe(31);
  expect(store.total("pointsDropped")).toBe(10);
  expect(logged).toEqual([["warn", "analytics_engine_failed", { requests: 10 }]]);
});

/** A hub that works as the real one: it accepts a batch once, and only if its number is above the last one's. */
function strictHub() {
  const store = new MetricStore();
  let lastSeq = 0;
  let points = 0;
  let calls = 0;
  let most = 0;
  const take = (batch: Batch): void => {
    if (batch.seq <= lastSeq) return;
    lastSeq = batch.seq;
    for (const { requests } of batch.points) points += requests;
    if (batch.metrics) store.apply(batch.metrics, batch.isolate, Date.now());
  };
  /** Accepts the batch after `ms`, or fails before or after accepting it. */
  const call = async (
    batch: Batch,
    ms: number,
    fate: "accepted" | "rejected" | "unanswered",
  ): Promise<boolean> => {
    calls += 1;
    most = Math.max(most, calls);
    await new Promise((done) => setTimeout(done, ms));
    calls -= 1;
    if (fate !== "rejected") take(batch);
    if (fate !== "accepted") throw new Error("the hub is down");
    return false;
  };
  return {
    call,
    all: () => ({ points, requests: store.total("requests"), dropped: store.total("pointsDropped") }),
    most: () => most,
  };
}

it("a slow request does not begin a second, concurrent flush: no batch overtakes another, and none is lost", async () => {
  const hub = strictHub();
  let n = 0;
  const sinks = {
    engine: null,
    embedded: true,
    // Each second batch takes longer than the next one.
    hub: (batch: Batch) => hub.call(batch, n++ % 2 === 0 ? 60 : 5, "accepted"),
  };
  const recorder = new Recorder(sinks, new MetricDeltas(), () => undefined, 100);
  for (let ms = 0; ms < 2_000; ms += 10) {
    // Began up to a second ago.
    const atMs = Date.now() - ((ms * 7) % 1_000);
    recorder.record(waitingPoint({ source: "strict", atMs }), () => undefined);
    await vi.advanceTimersByTimeAsync(10);
  }
  await vi.advanceTimersByTimeAsync(1_000);
  expect(hub.most()).toBe(1);
  expect(hub.all()).toEqual({ points: 200, requests: 200, dropped: 0 });
});

it("if the hub fails, or fails to acknowledge a batch, each point is stored once or counted as lost", async () => {
  const hub = strictHub();
  const fates = [
    "accepted",
    "rejected",
    "unanswered",
    "accepted",
    "rejected",
    "rejected",
    "rejected",
    "accepted",
  ] as const;
  let n = 0;
  let isUp = false;
  const sinks = {
    engine: null,
    embedded: true,
    hub: (batch: Batch) => hub.call(batch, 20, isUp ? "accepted" : (fates[n++ % fates.length] ?? "accepted")),
  };
  const recorder = new Recorder(sinks, new MetricDeltas(), () => undefined, 100);
  const record = async (): Promise<void> => {
    recorder.record(waitingPoint({ source: "strict" }), () => undefined);
    await vi.advanceTimersByTimeAsync(7);
  };
  for (let i = 0; i < 500; i++) await record();
  isUp = true;
  for (let i = 0; i < 100; i++) await record();
  await vi.advanceTimersByTimeAsync(1_000);
  const { points, requests, dropped } = hub.all();
  expect(dropped).toBeGreaterThan(0);
  expect(requests).toBe(600);
  expect(points + dropped).toBe(600);
});

it("a request that dies while sending loses no point: the next flush sends the batch again", async () => {
  const hub = strictHub();
  let dies = true;
  const sinks = {
    engine: null,
    embedded: true,
    hub: (batch: Batch) => (dies ? new Promise<never>(() => undefined) : hub.call(batch, 1, "accepted")),
  };
  const recorder = new Recorder(sinks, new MetricDeltas(), () => undefined, 100);
  const record = () => recorder.record(waitingPoint({ source: "strict" }), () => undefined);
  for (let i = 0; i < 5; i++) record();
  await vi.advanceTimersByTimeAsync(200);
  // Its timers die with it. Restores the time, which vitest would reset.
  const diedMs = Date.now();
  vi.clearAllTimers();
  vi.setSystemTime(diedMs);
  dies = false;
  await vi.advanceTimersByTimeAsync(15_000);
  record();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(hub.all()).toEqual({ points: 6, requests: 6, dropped: 0 });
});
