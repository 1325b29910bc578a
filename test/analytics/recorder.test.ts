/** The isolate's side of analytics, with a fake clock: what is sent, when, how often, and what is dropped. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Batch, batchSchema } from "../../src/analytics/batch.ts";
import { MetricDeltas } from "../../src/analytics/metrics/metric-deltas.ts";
import { MetricStore } from "../../src/analytics/metrics/metric-store.ts";
import { Recorder } from "../../src/analytics/recorder.ts";
import type { WaitingPoint } from "../../src/analytics/point.ts";
import { waitingPoint } from "../metrics/points.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  vi.stubGlobal("scheduler", { wait: (ms: number) => new Promise((done) => setTimeout(done, ms)) });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** An isolate that reports to `hub`; the default hub accepts everything, and nobody watches. */
function isolate(
  hub: (batch: Batch) => Promise<boolean | void> = () => Promise.resolve(),
  embedded = true,
  delayMs = 100,
) {
  const sent: Batch[] = [];
  const written: AnalyticsEngineDataPoint[] = [];
  const kept: Promise<unknown>[] = [];
  const metrics = new MetricDeltas();
  const dataset: AnalyticsEngineDataset = {
    writeDataPoint(row) {
      if (row) written.push(row);
    },
  };
  const sinks = {
    engine: embedded ? null : dataset,
    embedded,
    hub: async (batch: Batch) => {
      sent.push(batch);
      return (await hub(batch)) === true;
    },
  };
  const recorder = new Recorder(sinks, metrics, () => undefined, delayMs);
  const record = (fields: Partial<WaitingPoint> = {}) =>
    recorder.record(waitingPoint(fields), (work) => kept.push(work));
  /** Records a decision that is never merged with others. */
  const recordDenied = () => record({ outcome: "denied", reason: "minute" });
  return { sent, written, kept, record, recordDenied };
}

/** A counter's total over the sent batches, as the hub adds it up. */
function total(batches: readonly Batch[], family: "requests" | "pointsDropped"): number {
  const store = new MetricStore();
  for (const batch of batches) if (batch.metrics) store.apply(batch.metrics, batch.isolate, Date.now());
  return store.total(family);
}

const requestsOf = (batches: readonly Batch[]) =>
  batches.flatMap(({ points }) => points).reduce((sum, { requests }) => sum + requests, 0);

describe("a batch", () => {
  it("collects points for 100 ms and sends them in one call", async () => {
    const { sent, kept, record } = isolate();
    for (let i = 0; i < 10; i++) record();
    await vi.advanceTimersByTimeAsync(99);
    expect(sent).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(sent.map(({ seq, points }) => [seq, points.length])).toEqual([[1, 10]]);
    expect(kept).toHaveLength(1);
    expect(batchSchema.safeParse(sent[0]).success).toBe(true);
  });

  it("waits for ten seconds if it may, but no longer than for 100 points", async () => {
    const { sent, kept, record, recordDenied } = isolate(undefined, true, 10_000);
    record();
    await vi.advanceTimersByTimeAsync(9_999);
    record();
    expect([sent.length, kept.length]).toEqual([0, 1]);
    await vi.advanceTimersByTimeAsync(1);
    expect(sent.map(({ points }) => points.length)).toEqual([2]);
    for (let i = 0; i < 99; i++) recordDenied();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(sent).toHaveLength(1);
    recordDenied();
    await vi.advanceTimersByTimeAsync(0);
    expect(sent.map(({ points }) => points.length)).toEqual([2, 100]);
    // The flush that waited does nothing when its time comes, and the next one begins anew.
    recordDenied();
    await vi.advanceTimersByTimeAsync(9_999);
    expect(sent).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(sent.map(({ points }) => points.length)).toEqual([2, 100, 1]);
  });

  it("waits for 100 ms as long as somebody watches live", async () => {
    let isWatched = true;
    const { sent, record } = isolate(() => Promise.resolve(isWatched), true, 10_000);
    const sentAfter = async (ms: number): Promise<number> => {
      record();
      await vi.advanceTimersByTimeAsync(ms);
      return sent.length;
    };
    expect([await sentAfter(9_999), await sentAfter(1), await sentAfter(100)]).toEqual([0, 1, 2]);
    isWatched = false;
    expect([await sentAfter(100), await sentAfter(100), await sentAfter(9_900)]).toEqual([3, 3, 4]);
  });

  it("has a number, and the name of its isolate, which does not change", async () => {
    const { sent, record } = isolate();
    for (let i = 0; i < 3; i++) {
      record();
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(sent.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(new Set(sent.map((batch) => batch.isolate)).size).toBe(1);
  });

  it("holds at most 250 points, and no point is lost", async () => {
    const { sent, recordDenied } = isolate();
    for (let i = 0; i < 1_234; i++) recordDenied();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(Math.max(...sent.map(({ points }) => points.length))).toBe(250);
    expect(requestsOf(sent)).toBe(1_234);
    expect(total(sent, "requests")).toBe(1_234);
  });

  it("survives a hub that is unavailable for a quarter of a second, however many points arrive meanwhile", async () => {
    const backAtMs = Date.now() + 250;
    const { sent, recordDenied } = isolate(() =>
      Date.now() < backAtMs ? Promise.reject(new Error("starting")) : Promise.resolve(),
    );
    for (let ms = 0; ms < 400; ms++) {
      for (let i = 0; i < 5; i++) recordDenied();
      await vi.advanceTimersByTimeAsync(1);
    }
    await vi.advanceTimersByTimeAsync(1_000);
    expect(total(sent, "pointsDropped")).toBe(0);
    const taken = new Map(sent.map((batch) => [batch.seq, batch]));
    expect(requestsOf([...taken.values()])).toBe(2_000);
  });

  it("is sent again with its number if it may not have arrived", async () => {
    let answers = 0;
    const { sent, record } = isolate(() =>
      ++answers === 1 ? Promise.reject(new Error("lost")) : Promise.resolve(),
    );
    record({ requestId: "first" });
    await vi.advanceTimersByTimeAsync(100);
    record({ requestId: "second" });
    await vi.advanceTimersByTimeAsync(100);
    expect(sent.map(({ seq }) => seq)).toEqual([1, 1, 2]);
    expect(sent[1]).toEqual(sent[0]);
    expect(sent[2]?.points.map(({ requestId }) => requestId)).toEqual(["second"]);
  });

  it("has what was left of each limit as text, and is accepted from an isolate that does not know the field", async () => {
    const { sent, record } = isolate();
    const limits = [
      { name: "minute", kind: "bucket", limit: 150, remaining: 149.5, resetMs: 1, windowMs: 1 },
    ] as const;
    record({ limits, upstreamCode: 200 });
    await vi.advanceTimersByTimeAsync(100);
    expect(sent[0]?.points).toMatchObject([{ limits: "minute=149.5/150", upstreamCode: 200 }]);
    const older: Record<string, unknown> = { ...sent[0]?.points[0] };
    delete older["limits"];
    delete older["upstreamCode"];
    expect(batchSchema.parse({ ...sent[0], points: [older] }).points).toMatchObject([
      { limits: "", upstreamCode: 0, tier: "free" },
    ]);
  });

  it("merges requests that needed no call, with exact sums", async () => {
    const { sent, record } = isolate();
    for (let i = 0; i < 1_000; i++) record({ source: "lease", cost: 0.5, requestId: crypto.randomUUID() });
    await vi.advanceTimersByTimeAsync(1_000);
    const points = sent.flatMap((batch) => batch.points);
    expect(points.length).toBeLessThan(40);
    expect([requestsOf(sent), points.reduce((sum, { cost }) => sum + cost, 0)]).toEqual([1_000, 500]);
  });
});

describe("if the hub does not accept it", () => {
  it("drops the points after three tries, counts them, and keeps the metrics", async () => {
    let isDown = true;
    const taken: Batch[] = [];
    const { sent, record } = isolate(async (batch) => {
      if (isDown) throw new Error("down");
      taken.push(batch);
    });
    for (const waitMs of [100, 100, 200]) {
      record();
      await vi.advanceTimersByTimeAsync(waitMs);
    }
    expect(sent.map(({ seq }) => seq).slice(0, 3)).toEqual([1, 1, 1]);
    isDown = false;
    for (let i = 0; i < 3; i++) {
      record();
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(total(taken, "requests")).toBe(6);
    expect(total(taken, "pointsDropped")).toBe(6 - requestsOf(taken));
    expect(total(taken, "pointsDropped")).toBe(1);
  });

  it("keeps at most 5,000 points, counts the others, and sends both when the hub answers again", async () => {
    let isDown = true;
    const taken: Batch[] = [];
    const { sent, record, recordDenied } = isolate((batch) => {
      if (isDown) return new Promise(() => undefined);
      taken.push(batch);
      return Promise.resolve();
    });
    for (let i = 0; i < 20_000; i++) recordDenied();
    await vi.advanceTimersByTimeAsync(5_100);
    expect(sent).toHaveLength(1);
    isDown = false;
    record();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(requestsOf(taken)).toBe(5_001);
    expect(total(taken, "pointsDropped")).toBe(15_000);
    expect(total(taken, "requests")).toBe(20_001);
  });

  it("recovers from a request that died during its flush", async () => {
    const { sent, kept, record } = isolate();
    vi.stubGlobal("scheduler", { wait: () => new Promise(() => undefined) });
    record();
    vi.stubGlobal("scheduler", { wait: () => Promise.resolve() });
    record();
    await vi.advanceTimersByTimeAsync(14_999);
    record();
    expect(kept).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    record();
    await vi.advanceTimersByTimeAsync(1);
    expect(kept).toHaveLength(2);
    expect(requestsOf(sent)).toBe(4);
  });
});

describe("with Analytics Engine", () => {
  it("is written point by point, at most 250 per flush; the hub gets 20 for its viewers", async () => {
    const { sent, written, recordDenied } = isolate(undefined, false);
    for (let i = 0; i < 300; i++) recordDenied();
    await vi.advanceTimersByTimeAsync(100);
    expect(written).toHaveLength(250);
    expect(sent.map(({ points, isStored }) => [points.length, isStored])).toEqual([[20, false]]);
    recordDenied();
    await vi.advanceTimersByTimeAsync(100);
    expect(written).toHaveLength(301);
    expect(total(sent, "requests")).toBe(301);
  });
});
