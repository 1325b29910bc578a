/**
 * Gauges as reported by isolates. A gauge holds while its isolate still reports, a peak for some minutes; of several isolates the greatest
 * value counts. Bounded in isolates and in readings; the clock is an argument.
 */
import { MINUTE_MS } from "../../core/time.ts";
import type { Sample } from "./exposition.ts";
import { type FamilyId, familyOf, WINDOW_MS } from "./families.ts";
import { keyOf } from "./metric-deltas.ts";

/** Readings kept: those of some hundred isolates. The one unchanged for longest is evicted first. */
const MAX_READINGS = 5_000;
/** Peaks are kept by the minute, so that an old one expires while a newer, lower one stays. */
const PEAK_STEP_MS = MINUTE_MS;

export interface Reading {
  readonly isolate: string;
  /** When it was last reported, Unix ms. */
  readonly atMs: number;
  readonly family: FamilyId;
  readonly labels: readonly string[];
  /** Integer of 1/scale. */
  readonly value: number;
}

export class Readings {
  readonly #all = new Map<string, Reading>();
  readonly #heardMs = new Map<string, number>();

  put(reading: Reading): void {
    const { isolate, atMs, family, labels, value } = reading;
    if (!Number.isFinite(value)) return;
    const isPeak = familyOf(family).type === "peak";
    const owner = isPeak ? String(Math.floor(atMs / PEAK_STEP_MS)) : isolate;
    const key = keyOf([family, owner, ...labels]);
    const before = isPeak ? this.#all.get(key) : undefined;
    this.#all.delete(key);
    this.#all.set(key, { ...reading, value: Math.max(before?.value ?? value, value) });
    const [oldest] = this.#all.keys();
    if (this.#all.size > MAX_READINGS && oldest !== undefined) this.#all.delete(oldest);
  }

  /** Notes that an isolate has reported: its gauges still hold. */
  heard(isolate: string, nowMs: number): void {
    this.#heardMs.delete(isolate);
    this.#heardMs.set(isolate, nowMs);
    const [oldest] = this.#heardMs.keys();
    if (this.#heardMs.size > MAX_READINGS && oldest !== undefined) this.#heardMs.delete(oldest);
  }

  /** The readings that still hold. */
  list(nowMs: number): Reading[] {
    const list: Reading[] = [];
    for (const [key, reading] of this.#all) {
      const isGauge = familyOf(reading.family).type === "gauge";
      const reportedMs = isGauge
        ? Math.max(reading.atMs, this.#heardMs.get(reading.isolate) ?? 0)
        : reading.atMs;
      if (nowMs - reportedMs > WINDOW_MS) this.#all.delete(key);
      else list.push({ ...reading, atMs: reportedMs });
    }
    return list;
  }

  /** The greatest value of each series. */
  samples(family: FamilyId, nowMs: number): Sample[] {
    const greatest = new Map<string, Sample>();
    for (const { family: of, labels, value } of this.list(nowMs)) {
      if (of !== family) continue;
      const before = greatest.get(keyOf(labels))?.values[0] ?? -Infinity;
      if (value > before) greatest.set(keyOf(labels), { labels, values: [value] });
    }
    return [...greatest.values()];
  }
}
