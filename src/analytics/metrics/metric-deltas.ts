/**
 * What an isolate has counted since its last batch to the hub: plain data, bounded, no I/O and no clock.
 *
 * The path of a request counts with {@link Counter}s made in advance: one addition. Everything else looks its series up in a map and
 * belongs in the flush. Nothing here ever throws, whatever a label holds.
 */
import * as z from "zod/mini";
import {
  FAMILIES,
  type Family,
  type FamilyId,
  familyOf,
  type FamilyOf,
  isFamilyId,
  type LabelsOf,
} from "./families.ts";

/** Longest label value, UTF-16 units: policy ids are shorter, so a longer value is not one. */
const MAX_LABEL = 100;
/** Distinct things of one family between two flushes. */
const MAX_DISTINCT = 2_000;
/** All targets that pools can have (policy/pool-schema.ts), and some fixed words. */
const MAX_GAUGES = 600;
const OVERFLOW = "other";

/**
 * One series. `values`, all integers of 1/scale:
 * - counter, gauge, peak: one number;
 * - histogram: the sum, then the count of each bucket, the last of which has no bound;
 * - distinct: hashes of the things seen.
 */
export type SeriesDelta = readonly [family: FamilyId, labels: readonly string[], values: readonly number[]];

/** Returned by {@link MetricDeltas.take} and applied by the hub's store. */
export type MetricsDelta = readonly SeriesDelta[];

export const valuesSchema = z.array(z.number()).check(z.maxLength(5_000));
export const seriesSchema = z.tuple([z.string(), z.array(z.string()).check(z.maxLength(10)), valuesSchema]);
/** Isolates and objects may be of another version, with families that this one does not know. */
export const deltaSchema = z.array(seriesSchema).check(z.maxLength(50_000));

/** A series that is looked up once and counted often. */
export class Counter {
  readonly family: FamilyId;
  readonly labels: readonly string[];
  readonly #scale: number;
  /** Integer of 1/scale since the last flush. */
  count = 0;

  constructor(family: FamilyId, labels: readonly string[]) {
    this.family = family;
    this.labels = labels;
    this.#scale = familyOf(family).scale;
  }

  /** @param value of the family's unit; at least 0. */
  add(value = 1): void {
    this.count += Math.round(value * this.#scale);
  }
}

interface Series {
  readonly labels: readonly string[];
  readonly values: number[];
}

export class MetricDeltas {
  readonly #handles: Counter[] = [];
  readonly #series = new Map<FamilyId, Map<string, Series>>();
  readonly #gauges = new Map<string, SeriesDelta>();
  readonly #distinct = new Map<FamilyId, Set<number>>();
  #isDirty = false;

  /** A series to keep and count with. Make it once per isolate, for labels that are fixed words. */
  counter<F extends FamilyOf<"counter">>(family: F, labels: LabelsOf<F>): Counter {
    const known = this.#handles.find(
      (handle) => handle.family === family && keyOf(handle.labels) === keyOf(labels),
    );
    if (known) return known;
    const made = new Counter(family, clean(labels));
    this.#handles.push(made);
    return made;
  }

  /** @param value in the family's unit; ignored unless above 0. */
  add<F extends FamilyOf<"counter">>(family: F, labels: LabelsOf<F>, value = 1): void {
    const count = Math.round(value * FAMILIES[family].scale);
    if (!(count > 0 && Number.isFinite(count))) return;
    const { values } = this.#find(family, labels, 1);
    values[0] = (values[0] ?? 0) + count;
  }

  /** Adds `times` equal observations. @param seconds below 0 counts as 0. */
  observe<F extends FamilyOf<"histogram">>(family: F, labels: LabelsOf<F>, seconds: number, times = 1): void {
    const { scale, buckets }: Family = FAMILIES[family];
    if (!(times > 0 && Number.isFinite(times))) return;
    const spent = Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
    const { values } = this.#find(family, labels, buckets.length + 2);
    const found = buckets.findIndex((bound) => spent <= bound);
    const bucket = 1 + (found < 0 ? buckets.length : found);
    values[0] = (values[0] ?? 0) + Math.round(spent * scale) * times;
    values[bucket] = (values[bucket] ?? 0) + times;
  }

  /** The current value, finite. Reported with every flush from then on, so that the hub knows that it still holds. */
  set<F extends FamilyOf<"gauge">>(family: F, labels: LabelsOf<F>, value: number): void {
    this.#put(family, labels, Math.round(value * FAMILIES[family].scale));
  }

  /** A value of which the greatest counts: until the next flush here, and for some minutes in the hub. */
  peak<F extends FamilyOf<"peak">>(family: F, labels: LabelsOf<F>, value: number): void {
    const scaled = Math.round(value * FAMILIES[family].scale);
    if (!Number.isFinite(scaled)) return;
    const { values } = this.#find(family, labels, 1);
    values[0] = Math.max(values[0] ?? 0, scaled);
  }

  /** One of the things whose distinct number is counted. */
  see(family: FamilyOf<"distinct">, hash: number): void {
    this.#see(family, hash);
  }

  /** Returns and forgets what has changed since the last call, together with all gauges; null if nothing has. */
  take(): MetricsDelta | null {
    const taken: SeriesDelta[] = [];
    for (const handle of this.#handles) {
      if (handle.count === 0) continue;
      taken.push([handle.family, handle.labels, [handle.count]]);
      handle.count = 0;
    }
    for (const [family, all] of this.#series) {
      for (const { labels, values } of all.values()) taken.push([family, labels, values]);
    }
    for (const [family, seen] of this.#distinct) taken.push([family, [], [...seen]]);
    if (taken.length === 0 && !this.#isDirty) return null;
    this.#series.clear();
    this.#distinct.clear();
    this.#isDirty = false;
    return [...taken, ...this.#gauges.values()];
  }

  /** Adds what an object has counted. Ignores what this version does not know. */
  addFrom(delta: unknown): void {
    const parsed = deltaSchema.safeParse(delta);
    if (!parsed.success) return;
    for (const [family, labels, values] of parsed.data) {
      if (!isFamilyId(family) || labels.length !== familyOf(family).labels.length) continue;
      const isSound = values.every((value) => value >= 0 && Number.isFinite(value));
      if (isSound && values.length === widthOf(family)) this.giveBack([[family, labels, values]]);
    }
  }

  /** Takes back a delta that could not be sent, to be sent with the next. Gauges set since then stay. */
  giveBack(delta: MetricsDelta): void {
    for (const [family, labels, values] of delta) {
      const { type } = familyOf(family);
      if (type === "gauge") {
        this.#isDirty = true;
      } else if (type === "distinct") {
        for (const hash of values) this.#see(family, hash);
      } else {
        const series = this.#find(family, labels, values.length);
        values.forEach((value, i) => {
          const own = series.values[i] ?? 0;
          series.values[i] = type === "peak" ? Math.max(own, value) : own + value;
        });
      }
    }
  }

  #see(family: FamilyId, hash: number): void {
    const seen = this.#distinct.get(family) ?? new Set<number>();
    this.#distinct.set(family, seen);
    if (seen.size < MAX_DISTINCT) seen.add(hash);
  }

  #put(family: FamilyId, labels: readonly string[], value: number): void {
    if (!Number.isFinite(value)) return;
    const key = keyOf([family, ...labels]);
    if (this.#gauges.get(key)?.[2][0] === value) return;
    if (this.#gauges.size >= MAX_GAUGES && !this.#gauges.has(key)) return;
    this.#gauges.set(key, [family, clean(labels), [value]]);
    this.#isDirty = true;
  }

  #find(family: FamilyId, labels: readonly string[], width: number): Series {
    let all = this.#series.get(family);
    if (!all) this.#series.set(family, (all = new Map()));
    const key = keyOf(labels);
    const known = all.get(key);
    if (known) return known;
    if (all.size >= familyOf(family).series - 1 && labels.some((label) => label !== OVERFLOW)) {
      return this.#find(family, overflow(labels), width);
    }
    const made: Series = { labels: clean(labels), values: Array.from({ length: width }, () => 0) };
    all.set(key, made);
    return made;
  }
}

/** How many values a series of the family has, unless it is `distinct`. */
export function widthOf(family: FamilyId): number {
  const { type, buckets } = familyOf(family);
  return type === "histogram" ? buckets.length + 2 : 1;
}

/** A key of a map. Ambiguous only if a label contains the separator, which valid labels never do. */
export function keyOf(labels: readonly string[]): string {
  return labels.length === 1 ? (labels[0] ?? "") : labels.join("\u0000");
}

/** Labels of the series for what a family has no room for. */
export function overflow(labels: readonly string[]): string[] {
  return labels.map(() => OVERFLOW);
}

/** Labels cut to their length, in well-formed UTF-16. */
export function clean(labels: readonly string[]): string[] {
  return labels.map((label) => label.slice(0, MAX_LABEL).toWellFormed());
}
