/**
 * The isolate's side of analytics: takes points, and tells them on in batches, behind the requests' backs.
 *
 * Never delays or fails a request: recording is a push into a bounded list, and telling happens in the `waitUntil` of whichever
 * request began the flush. Should that request die, the next one after a while begins another: only plain data is shared. A
 * batch that the hub may not have taken is sent again under its number, which the hub takes once.
 */
import { withDeadline } from "../deadline.ts";
import { type Log, messageOf } from "../log.ts";
import type { WaitUntil } from "../wait-until.ts";
import { type Batch, MAX_BATCH_POINTS } from "./batch.ts";
import { dataPointOf } from "./engine-sink.ts";
import { HUB_DEADLINE_MS } from "../objects/metrics-hub.ts";
import { MOST_ROWS_PER_SECOND } from "./live.ts";
import { countPoint } from "./metrics/count-point.ts";
import type { MetricDeltas } from "./metrics/metric-deltas.ts";
import type { Point } from "./point.ts";
import { withRuns } from "./point-merge.ts";

/** How long points wait for others. */
const FLUSH_MS = 100;
/** So many are told at once, without waiting. */
const FLUSH_POINTS = 100;
/** Points that wait at most; what is more is dropped, and counted. About 2 MB. */
const MOST_WAITING = 5_000;
/** After this a flush that has not ended is taken for dead, with its request. */
const FLUSH_DEADLINE_MS = 3 * HUB_DEADLINE_MS;
/** Batches that one request tells, at most: all that may wait. */
const MOST_BATCHES = MOST_WAITING / MAX_BATCH_POINTS;
/** A batch is sent again so many times. */
const MOST_TRIES = 3;

/** Points that are told for live viewers alone where the hub stores none: no viewer sees more in a second. */
const LIVE_POINTS = MOST_ROWS_PER_SECOND;

/** Who takes a batch. Rejects where it is not known to have been taken. */
export type Tell = (batch: Batch) => Promise<void>;

export interface Sinks {
  /** Null: nothing is written to Analytics Engine. */
  readonly engine: AnalyticsEngineDataset | null;
  /** Tells the hub. */
  readonly hub: Tell;
  /** Whether the hub stores points. Metrics, and a few points for live viewers, are told it in any case. */
  readonly embedded: boolean;
}

export class Recorder {
  readonly #sinks: Sinks;
  readonly #metrics: MetricDeltas;
  readonly #log: Log;
  #waiting: Point[] = [];
  #flushingUntilMs = 0;
  #isolate: string | null = null;
  #seq = 0;
  /** A batch that the hub may not have taken. */
  #again: { readonly batch: Batch; tries: number } | null = null;

  constructor(sinks: Sinks, metrics: MetricDeltas, log: Log) {
    this.#sinks = sinks;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** Takes a point. */
  record(point: Point, waitUntil: WaitUntil): void {
    if (this.#waiting.length < MOST_WAITING) this.#waiting.push(point);
    else {
      // It is in no report, but it is counted.
      countPoint(this.#metrics, point);
      this.#metrics.add("pointsDropped", []);
    }
    this.flush(waitUntil);
  }

  /** Sees to it that what there is to tell, metrics alone too, is told soon. */
  flush(waitUntil: WaitUntil): void {
    // Never the time at which the request began: one that was slow would begin a second flush beside the first.
    const nowMs = Date.now();
    if (nowMs < this.#flushingUntilMs && nowMs >= this.#flushingUntilMs - FLUSH_DEADLINE_MS) return;
    this.#flushingUntilMs = nowMs + FLUSH_DEADLINE_MS;
    waitUntil(this.#flush());
  }

  /** Never rejects. */
  async #flush(): Promise<void> {
    try {
      // However many wait: a hub that starts again must not be asked for the last time while it does.
      if (this.#again) await scheduler.wait(this.#again.tries * FLUSH_MS);
      else if (this.#waiting.length < FLUSH_POINTS) await scheduler.wait(FLUSH_MS);
      // Analytics Engine takes no more than a batch of one invocation: then the next request goes on.
      const batches = this.#sinks.engine ? 1 : MOST_BATCHES;
      for (let i = 0; i === 0 || (i < batches && this.#waiting.length > 0); i++) {
        await this.#tell();
        // A hub that does not answer is asked again by the next flush: this one ends before its request is cut off.
        if (this.#again) break;
      }
    } catch (thrown) {
      this.#log("error", "recording_failed", { error: messageOf(thrown) });
    }
    this.#flushingUntilMs = 0;
  }

  async #tell(): Promise<void> {
    if (this.#again) {
      await this.#send(this.#again.batch);
      if (this.#again) return;
    }
    const points = this.#take();
    for (const point of points) countPoint(this.#metrics, point);
    this.#write(points);
    const metrics = this.#metrics.take();
    const isStored = this.#sinks.embedded;
    const told = isStored ? points : points.slice(-LIVE_POINTS);
    if (told.length === 0 && metrics === null) return;
    this.#seq += 1;
    await this.#send({ isolate: this.#name(), seq: this.#seq, points: told, isStored, metrics });
  }

  /** What fits into a batch, runs put together. */
  #take(): Point[] {
    const points = withRuns(this.#waiting);
    this.#waiting = points.slice(MAX_BATCH_POINTS);
    return points.slice(0, MAX_BATCH_POINTS);
  }

  #write(points: readonly Point[]): void {
    const { engine } = this.#sinks;
    if (!engine) return;
    let failed = 0;
    for (const point of points) {
      try {
        engine.writeDataPoint(dataPointOf(point));
      } catch {
        failed += point.requests;
      }
    }
    if (failed === 0) return;
    this.#metrics.add("pointsDropped", [], failed);
    this.#log("warn", "analytics_engine_failed", { requests: failed });
  }

  async #send(batch: Batch): Promise<void> {
    const tries = this.#again?.batch === batch ? this.#again.tries + 1 : 1;
    // Should this request die while it sends, the next flush sends it again. Until then no other is sent: the hub takes a batch
    // for one that it has already where a later number has come before.
    this.#again = { batch, tries };
    this.#flushingUntilMs = Date.now() + FLUSH_DEADLINE_MS;
    try {
      await withDeadline(this.#sinks.hub(batch), HUB_DEADLINE_MS, "metrics hub");
      this.#again = null;
    } catch (thrown) {
      if (tries < MOST_TRIES) return;
      this.#again = null;
      // Points are many and sampled anyway; what was counted is small, and goes with the next batch.
      if (batch.isStored) this.#metrics.add("pointsDropped", [], requestsOf(batch.points));
      if (batch.metrics) this.#metrics.giveBack(batch.metrics);
      this.#log("warn", "hub_failed", { points: batch.points.length, error: messageOf(thrown) });
    }
  }

  #name(): string {
    return (this.#isolate ??= crypto.randomUUID());
  }
}

/** How many requests the points stand for. */
function requestsOf(points: readonly Point[]): number {
  return points.reduce((sum, { requests }) => sum + requests, 0);
}
