/**
 * What the hub has counted: the sums of all metrics, and the number of each isolate's last batch, so that a batch counts once. In memory,
 * and as the text that the hub stores. No I/O.
 */
import * as z from "zod/mini";
import { type MetricsDump, MetricSums } from "../../src/analytics/metrics/metric-sums.ts";
import { parseJson } from "../../src/json.ts";

/** Isolates whose last batch is remembered; the one silent for longest is evicted first. */
const MAX_ISOLATES = 2_000;

const batchesSchema = z.record(z.string(), z.number());
const noteSchema = z.object({ metrics: z.unknown(), batches: z.unknown() });

export class HubSums {
  readonly #metrics = new MetricSums();
  /** The number of each isolate's last batch, the isolate silent for longest first. */
  #batches = new Map<string, number>();
  /** Of the text that they were last stored as or read from, UTF-16 units. */
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Whether a batch has been counted. */
  has(isolate: string, seq: number): boolean {
    return seq <= (this.#batches.get(isolate) ?? 0);
  }

  /** Counts a batch. Never throws. */
  count(isolate: string, seq: number, metrics: unknown, nowMs: number): void {
    this.#batches.delete(isolate);
    this.#batches.set(isolate, seq);
    for (const name of this.#batches.keys()) {
      if (this.#batches.size <= MAX_ISOLATES) break;
      this.#batches.delete(name);
    }
    if (metrics !== null) this.add(metrics, isolate, nowMs);
  }

  add(metrics: unknown, isolate: string, nowMs: number): void {
    this.#metrics.apply(metrics, isolate, nowMs);
  }

  dump(nowMs: number): MetricsDump {
    return this.#metrics.dump(nowMs);
  }

  /** As two texts. */
  asRow(nowMs: number): [metrics: string, batches: string] {
    const metrics = JSON.stringify(this.dump(nowMs));
    const batches = JSON.stringify(Object.fromEntries(this.#batches));
    this.#length = metrics.length + batches.length;
    return [metrics, batches];
  }

  /** As one text. */
  asNote(nowMs: number): string {
    const [metrics, batches] = this.asRow(nowMs);
    return `{"metrics":${metrics},"batches":${batches}}`;
  }

  /** Adds those of {@link asRow}. */
  loadRow(metrics: string, batches: string, nowMs: number): void {
    this.#load(parseJson(metrics), parseJson(batches), nowMs);
    this.#length = metrics.length + batches.length;
  }

  /** Adds those of {@link asNote}. @returns false, with nothing added, if it is not one. */
  loadNote(note: string, nowMs: number): boolean {
    const parsed = noteSchema.safeParse(parseJson(note));
    if (!parsed.success) return false;
    this.#load(parsed.data.metrics, parsed.data.batches, nowMs);
    this.#length = note.length;
    return true;
  }

  #load(metrics: unknown, batches: unknown, nowMs: number): void {
    this.#metrics.load(metrics, nowMs);
    const parsed = batchesSchema.safeParse(batches);
    if (parsed.success) this.#batches = new Map(Object.entries(parsed.data));
  }
}
