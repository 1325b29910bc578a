/**
 * The sum of what all isolates have counted, as the hub keeps it. No I/O; the clock is an argument.
 *
 * Counters never go down: isolates send deltas, so an isolate that dies takes nothing away, and the hub stores {@link MetricSums.dump}
 * before it shows a figure. Bounded: a family has at most as many series as families.ts allows. The caller must apply each delta once.
 */
import * as z from "zod/mini";
import { Distinct } from "./distinct.ts";
import type { Sample } from "./exposition.ts";
import { type FamilyId, familyOf, isFamilyId } from "./families.ts";
import { clean, deltaSchema, keyOf, overflow, seriesSchema, valuesSchema, widthOf } from "./metric-deltas.ts";
import { Readings } from "./readings.ts";

const dumpSchema = z.object({
  sums: deltaSchema,
  readings: z.array(z.tuple([z.string(), z.number(), ...seriesSchema.def.items])),
  distinct: z.array(z.tuple([z.string(), z.array(z.tuple([z.number(), valuesSchema]))])),
});

/** The store as plain JSON: for a snapshot, and for readers that add up several hubs. */
export type MetricsDump = z.infer<typeof dumpSchema>;

interface Sum {
  readonly labels: readonly string[];
  readonly values: number[];
}

export class MetricSums {
  readonly #sums = new Map<FamilyId, Map<string, Sum>>();
  readonly #readings = new Readings();
  readonly #distinct = new Map<FamilyId, Distinct>();

  /** Adds what an isolate has counted. Ignores families that this version does not know: the isolate may be of another version. */
  apply(delta: unknown, isolate: string, nowMs: number): void {
    const parsed = deltaSchema.safeParse(delta);
    if (!parsed.success) return;
    for (const [family, labels, values] of parsed.data) {
      if (!isFamilyId(family) || labels.length !== familyOf(family).labels.length) continue;
      const { type } = familyOf(family);
      if (type === "distinct") this.#distinctOf(family).add(values, nowMs);
      else if (type === "gauge" || type === "peak") {
        this.#readings.put({ isolate, atMs: nowMs, family, labels: clean(labels), value: values[0] ?? 0 });
      } else this.#add(family, labels, values);
    }
    this.#readings.heard(isolate, nowMs);
  }

  dump(nowMs: number): MetricsDump {
    const sums: MetricsDump["sums"] = [];
    for (const [family, all] of this.#sums) {
      for (const { labels, values } of all.values()) sums.push([family, [...labels], [...values]]);
    }
    const distinct: MetricsDump["distinct"] = [...this.#distinct].map(([family, seen]) => [
      family,
      seen.dump().map(([step, hashes]) => [step, [...hashes]]),
    ]);
    const readings = this.#readings
      .list(nowMs)
      .map(({ isolate, atMs, family, labels, value }): MetricsDump["readings"][number] => [
        isolate,
        atMs,
        family,
        [...labels],
        [value],
      ]);
    return { sums, readings, distinct };
  }

  /**
   * Adds the dump of another store: a snapshot from before a restart, or another hub's.
   * @returns false, with nothing added, if it is not a dump.
   */
  load(dump: unknown, nowMs: number): boolean {
    const parsed = dumpSchema.safeParse(dump);
    if (!parsed.success) return false;
    for (const [family, labels, values] of parsed.data.sums) {
      if (isFamilyId(family) && labels.length === familyOf(family).labels.length) {
        this.#add(family, labels, values);
      }
    }
    for (const [isolate, atMs, family, labels, values] of parsed.data.readings) {
      if (isFamilyId(family)) this.#readings.put({ isolate, atMs, family, labels, value: values[0] ?? 0 });
    }
    for (const [family, slices] of parsed.data.distinct) {
      if (isFamilyId(family)) this.#distinctOf(family).load(slices, nowMs);
    }
    return true;
  }

  /** The value of a counter, in its unit: the sum of the series that match. */
  total(family: FamilyId, matches: (labels: readonly string[]) => boolean = () => true): number {
    let sum = 0;
    for (const { labels, values } of this.#sums.get(family)?.values() ?? []) {
      if (matches(labels)) sum += values[0] ?? 0;
    }
    return sum / familyOf(family).scale;
  }

  /** The series of a family. */
  samples(id: FamilyId, nowMs: number): Sample[] {
    const { type, labels } = familyOf(id);
    if (type === "distinct") return [{ labels: [], values: [this.#distinctOf(id).count(nowMs)] }];
    if (type === "gauge" || type === "peak") return this.#readings.samples(id, nowMs);
    const samples = [...(this.#sums.get(id)?.values() ?? [])];
    // A counter that exists from the start shows its first increment in a rate.
    return samples.length === 0 && labels.length === 0 ? [{ labels: [], values: [0] }] : samples;
  }

  #add(family: FamilyId, labels: readonly string[], values: readonly number[]): void {
    const { series } = familyOf(family);
    // Buckets of another version cannot be distinguished from these.
    if (values.length !== widthOf(family) || !values.every((value) => value >= 0 && Number.isFinite(value)))
      return;
    let all = this.#sums.get(family);
    if (!all) this.#sums.set(family, (all = new Map()));
    const isFull = all.size >= series - 1 && labels.length > 0;
    const own = clean(labels);
    const kept = isFull && !all.has(keyOf(own)) ? overflow(own) : own;
    const sum = all.get(keyOf(kept)) ?? { labels: kept, values: Array.from(values, () => 0) };
    values.forEach((value, i) => {
      sum.values[i] = (sum.values[i] ?? 0) + value;
    });
    all.set(keyOf(kept), sum);
  }

  #distinctOf(family: FamilyId): Distinct {
    let seen = this.#distinct.get(family);
    if (!seen) this.#distinct.set(family, (seen = new Distinct()));
    return seen;
  }
}
