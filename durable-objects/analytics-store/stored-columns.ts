/**
 * The columns that reports sum and filter by, in the hub's memory: typed arrays, one set for each stored run, texts as numbers
 * of a dictionary. A report is a pass over them: 55 bytes a point, some milliseconds for a hundred thousand.
 *
 * A copy of what the table has, never more: it is read from it anew whenever the object starts. Never touches storage.
 */
import type { Row } from "../../src/analytics/reports/facts.ts";
import { isAdmitted, isCharged, outcomeOf } from "../../src/analytics/outcome.ts";
import { stepOfMs } from "../../src/analytics/reports/latency-scale.ts";
import { DIMENSIONS, type Dimension } from "../../src/analytics/reports/report-query.ts";
import { columnOf, readNumbers, readTexts, type TextColumn, valueAt } from "./chunk.ts";

/** Values of a column, by number, in the order in which they were first seen. */
export class Dictionary {
  readonly #ids = new Map<string, number>();
  readonly values: string[] = [];

  idOf(value: string): number {
    const known = this.#ids.get(value);
    if (known !== undefined) return known;
    this.#ids.set(value, this.values.length);
    return this.values.push(value) - 1;
  }

  /** Null where no point ever had the value. */
  find(value: string): number | null {
    return this.#ids.get(value) ?? null;
  }
}

/** A run of points. Index i of every array is the i-th point's. */
export interface HotSegment {
  readonly id: number;
  readonly rows: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly atMs: Float64Array;
  /** Outcomes are those that reports name ({@link outcomeOf}). */
  readonly texts: Readonly<Record<Dimension, Uint32Array>>;
  /** Requests, weighted. */
  readonly requests: Float64Array;
  /** Cost where it was charged, weighted. */
  readonly cost: Float64Array;
  /** Whether the user's ledger has it as admitted. */
  readonly admitted: Uint8Array;
  /** Step of the latency scale. */
  readonly latency: Uint16Array;
  /** Whether any point stands for several. */
  readonly sampled: Uint8Array;
}

type NumberName = "atMs" | "weight" | "cost" | "limiterMs" | "requests";

/** The columns to read where a run is loaded. */
export const HOT_COLUMNS: readonly string[] = [
  ...(["atMs", "weight", "cost", "limiterMs", "requests"] as const).map(columnOf),
  ...DIMENSIONS.map(columnOf),
];

export class EmbeddedColumns {
  readonly dictionaries: Readonly<Record<Dimension, Dictionary>> = {
    account: new Dictionary(),
    route: new Dictionary(),
    tier: new Dictionary(),
    outcome: new Dictionary(),
    reason: new Dictionary(),
    source: new Dictionary(),
    keyId: new Dictionary(),
  };
  readonly #segments = new Map<number, HotSegment>();
  readonly #steps = new Map<number, number>();
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }

  get segments(): Iterable<HotSegment> {
    return this.#segments.values();
  }

  /** Texts that are kept for points that may be gone. */
  get isBloated(): boolean {
    return this.dictionaries.account.values.length > 2 * this.#rows + 10_000;
  }

  /** Puts a run in the place of that of its id. */
  put(id: number, rows: readonly Row[]): void {
    const texts = (name: Dimension): TextColumn => ({
      values: rows.map((row) => row[name]),
      indices: rows.map((_, i) => i),
    });
    this.#place(id, rows.length, (name) => rows.map((row) => row[name]), texts);
  }

  /** Takes a run as it is stored. @throws where it is none of ours. */
  load(stored: Readonly<Record<string, unknown>>): void {
    const numbers = (name: NumberName) => readNumbers(stored[columnOf(name)]);
    this.#place(Number(stored["id"]), Number(stored["rows"]), numbers, (name) =>
      readTexts(stored[columnOf(name)]),
    );
  }

  drop(id: number): void {
    this.#rows -= this.#segments.get(id)?.rows ?? 0;
    this.#segments.delete(id);
  }

  #place(
    id: number,
    count: number,
    numbersOf: (name: NumberName) => readonly number[],
    textsOf: (name: Dimension) => TextColumn,
  ): void {
    this.drop(id);
    const texts = this.#translate(count, textsOf);
    const [times, weights, costs, latencies, requests] = [
      numbersOf("atMs"),
      numbersOf("weight"),
      numbersOf("cost"),
      numbersOf("limiterMs"),
      numbersOf("requests"),
    ];
    const segment = {
      id,
      rows: count,
      atMs: new Float64Array(count),
      texts,
      requests: new Float64Array(count),
      cost: new Float64Array(count),
      admitted: new Uint8Array(count),
      latency: new Uint16Array(count),
      sampled: new Uint8Array(count),
    };
    const { outcome, reason, source } = this.dictionaries;
    let firstMs = Number.POSITIVE_INFINITY;
    let lastMs = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const atMs = valueAt(times, i, 0);
      const weight = valueAt(weights, i, 1);
      const why = reason.values[texts.reason[i] ?? 0] ?? "";
      const what = outcome.values[texts.outcome[i] ?? 0] ?? "";
      const where = source.values[texts.source[i] ?? 0] ?? "";
      if (what === "denied") texts.outcome[i] = outcome.idOf(outcomeOf(what, why, where));
      firstMs = Math.min(firstMs, atMs);
      lastMs = Math.max(lastMs, atMs);
      segment.atMs[i] = atMs;
      segment.requests[i] = valueAt(requests, i, 1) * weight;
      segment.admitted[i] = isAdmitted(what, why, where) ? 1 : 0;
      segment.cost[i] = isCharged(what, why) ? valueAt(costs, i, 0) * weight : 0;
      segment.latency[i] = this.#stepOf(valueAt(latencies, i, 0));
      segment.sampled[i] = weight > 1 ? 1 : 0;
    }
    this.#segments.set(id, { ...segment, firstMs, lastMs });
    this.#rows += count;
  }

  #translate(count: number, textsOf: (name: Dimension) => TextColumn): Record<Dimension, Uint32Array> {
    const one = (name: Dimension): Uint32Array => {
      const { values, indices } = textsOf(name);
      const ids = values.map((value) => this.dictionaries[name].idOf(value));
      const column = new Uint32Array(count);
      for (let i = 0; i < count; i++) column[i] = ids[valueAt(indices, i, 0)] ?? 0;
      return column;
    };
    return {
      account: one("account"),
      route: one("route"),
      tier: one("tier"),
      outcome: one("outcome"),
      reason: one("reason"),
      source: one("source"),
      keyId: one("keyId"),
    };
  }

  /** Stored latencies are on the scale already, so there are as many of them as it has steps. */
  #stepOf(ms: number): number {
    const known = this.#steps.get(ms);
    if (known !== undefined) return known;
    const step = stepOfMs(ms);
    this.#steps.set(ms, step);
    return step;
  }
}
