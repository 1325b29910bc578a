/**
 * The isolate's side of analytics: collects points and sends them to the hub in batches, after the requests were answered.
 *
 * Never delays or fails a request: recording is a push into a bounded list, and sending happens in the `waitUntil` of the request that
 * began the flush. If that request dies, a later one begins another flush: requests share only plain data. A batch that the hub may not
 * have received is sent again with its number, and the hub counts it once.
 */
import { withDeadline } from "../deadline.ts";
import { type Log, messageOf } from "../log.ts";
import { HUB_DEADLINE_MS } from "../objects/metrics-hub.ts";
import type { WaitUntil } from "../wait-until.ts";
import { type Batch, MAX_BATCH_POINTS, MAX_DELAY_MS } from "./batch.ts";
import { dataPointOf } from "./engine-sink.ts";
import { MAX_ROWS_PER_SECOND } from "./live.ts";
import { countPoint } from "./metrics/count-point.ts";
import type { MetricDeltas } from "./metrics/metric-deltas.ts";
import { limitsText } from "./limit-levels.ts";
import type { Point, WaitingPoint } from "./point.ts";
import { WaitingPoints } from "./point-merge.ts";
import { type AddressDetail, shownSubject } from "./shown-subject.ts";

/** How long points wait for others while somebody watches live, and how long after a batch that failed the next try waits. */
const FLUSH_MS = 100;
/** With this many points, a flush does not wait. */
const FLUSH_POINTS = 100;
/** Points that may wait; any more are dropped and counted. About 2 MB; 8 if all are merged and have many ids. */
const MAX_WAITING = 5_000;
/** A flush that has not ended so long after it began, or after its wait, is considered dead, with its request. */
const FLUSH_DEADLINE_MS = 3 * HUB_DEADLINE_MS;
const MAX_FLUSH_MS = MAX_DELAY_MS + FLUSH_MS;
/** Batches that one request sends at most: all points that may wait. */
const MAX_BATCHES = MAX_WAITING / MAX_BATCH_POINTS;
/** How often a batch is sent before it is dropped. */
const MAX_TRIES = 3;

/** Points sent only for live viewers, if the hub stores none: a viewer sees no more in a second. */
const LIVE_POINTS = MAX_ROWS_PER_SECOND;

/** Sends a batch to the hub. Returns whether somebody watches live. Rejects unless the hub is known to have received it. */
export type SendBatch = (batch: Batch) => Promise<boolean>;

export interface Sinks {
  /** Null: nothing is written to Analytics Engine. */
  readonly engine: AnalyticsEngineDataset | null;
  readonly hub: SendBatch;
  /** Whether the hub stores points. It always gets metrics, and a few points for live viewers. */
  readonly embedded: boolean;
}

export class Recorder {
  readonly #sinks: Sinks;
  readonly #metrics: MetricDeltas;
  readonly #log: Log;
  readonly #waiting = new WaitingPoints();
  #flushingUntilMs = 0;
  /** The number of the last flush, and whether it waits for more points: then another may take its place. */
  #flushes = 0;
  #isWaiting = false;
  readonly #delayMs: number;
  readonly #addressDetail: AddressDetail;
  #isWatched = false;
  #isolate: string | null = null;
  #seq = 0;
  /** A batch that the hub may not have received. */
  #again: { readonly batch: Batch; tries: number } | null = null;

  /**
   * @param delayMs how long points wait for others if nobody watches live.
   * @param addressDetail of the addresses in points.
   */
  constructor(
    sinks: Sinks,
    metrics: MetricDeltas,
    log: Log,
    delayMs: number,
    addressDetail: AddressDetail = "full",
  ) {
    this.#delayMs = delayMs;
    this.#addressDetail = addressDetail;
    this.#sinks = sinks;
    this.#metrics = metrics;
    this.#log = log;
  }

  record(point: WaitingPoint, waitUntil: WaitUntil): void {
    if (this.#waiting.length < MAX_WAITING) this.#waiting.add(point);
    else {
      // No report has it, but metrics count it.
      countPoint(this.#metrics, point);
      this.#metrics.add("pointsDropped", []);
    }
    this.flush(waitUntil);
  }

  /** Begins a flush of points and metrics, unless one is running. */
  flush(waitUntil: WaitUntil): void {
    // Not the time at which the request began: a slow request would begin a second, concurrent flush.
    const nowMs = Date.now();
    const isRunning = nowMs < this.#flushingUntilMs && nowMs >= this.#flushingUntilMs - MAX_FLUSH_MS;
    if (isRunning && !(this.#isWaiting && this.#waiting.length >= FLUSH_POINTS)) return;
    this.#flushes += 1;
    waitUntil(this.#flush(this.#flushes, nowMs));
  }

  /** Never rejects. */
  async #flush(n: number, nowMs: number): Promise<void> {
    const waitMs = this.#waitMs();
    this.#flushingUntilMs = nowMs + Math.max(FLUSH_DEADLINE_MS, waitMs + FLUSH_MS);
    try {
      this.#isWaiting = waitMs > 0 && !this.#again;
      // Even if it need not wait: the request is answered first.
      await scheduler.wait(waitMs);
      // Another did not wait so long.
      if (n !== this.#flushes) return;
      this.#isWaiting = false;
      this.#flushingUntilMs = Date.now() + FLUSH_DEADLINE_MS;
      // Analytics Engine takes one batch from one invocation: the next request sends the next.
      const batches = this.#sinks.engine ? 1 : MAX_BATCHES;
      for (let i = 0; i === 0 || (i < batches && this.#waiting.length > 0); i++) {
        await this.#publish();
        // If the hub does not answer, the next flush tries again: this one must end before its request is cut off.
        if (this.#again) break;
      }
    } catch (thrown) {
      this.#log("error", "recording_failed", { error: messageOf(thrown) });
    }
    this.#flushingUntilMs = 0;
  }

  #waitMs(): number {
    // Regardless of how many points wait: all tries must not be used up while the hub restarts.
    if (this.#again) return this.#again.tries * FLUSH_MS;
    if (this.#waiting.length >= FLUSH_POINTS) return 0;
    return this.#isWatched ? Math.min(FLUSH_MS, this.#delayMs) : this.#delayMs;
  }

  async #publish(): Promise<void> {
    if (this.#again) {
      await this.#send(this.#again.batch);
      if (this.#again) return;
    }
    const taken = this.#take();
    // Metrics count users by the whole address.
    for (const point of taken) countPoint(this.#metrics, point);
    const points = taken.map((point) => this.#shown(point));
    this.#write(points);
    const metrics = this.#metrics.take();
    const isStored = this.#sinks.embedded;
    const sent = isStored ? points : points.slice(-LIVE_POINTS);
    if (sent.length === 0 && metrics === null) return;
    this.#seq += 1;
    await this.#send({ isolate: this.#name(), seq: this.#seq, points: sent, isStored, metrics });
  }

  #shown(point: Point): Point {
    const account = shownSubject(point.account, this.#addressDetail);
    return account === point.account ? point : { ...point, account };
  }

  /** Removes and returns the points of one batch. */
  #take(): Point[] {
    return this.#waiting.take(MAX_BATCH_POINTS).map(sentPoint);
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
    // If this request dies while it sends, the next flush sends the batch again. No other batch is sent until then: the hub ignores a
    // batch whose number is below one that it has received.
    this.#again = { batch, tries };
    this.#flushingUntilMs = Date.now() + FLUSH_DEADLINE_MS;
    try {
      this.#isWatched = await withDeadline(this.#sinks.hub(batch), HUB_DEADLINE_MS, "metrics hub");
      this.#again = null;
    } catch (thrown) {
      if (tries < MAX_TRIES) return;
      this.#again = null;
      // Points are many, and sampled anyway. Metrics are small: they go with the next batch.
      if (batch.isStored) this.#metrics.add("pointsDropped", [], requestsOf(batch.points));
      if (batch.metrics) this.#metrics.giveBack(batch.metrics);
      this.#log("warn", "hub_failed", { points: batch.points.length, error: messageOf(thrown) });
    }
  }

  #name(): string {
    return (this.#isolate ??= crypto.randomUUID());
  }
}

function sentPoint(point: WaitingPoint): Point {
  return { ...point, limits: limitsText(point.limits) };
}

/** How many requests the points stand for. */
function requestsOf(points: readonly Point[]): number {
  return points.reduce((sum, { requests }) => sum + requests, 0);
}
