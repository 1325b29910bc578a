/**
 * The columns that reports sum and filter by, in the hub's memory: typed arrays, one set for each stored chunk, texts as numbers of a
 * dictionary. A report is one pass over them: 63 bytes a point, and 8 for each unit that its chunk has costs in; some milliseconds for a hundred thousand points.
 *
 * Only a copy of the table, loaded again whenever the object starts. Never touches storage.
 */
import { lowerCase, type Row } from "../../src/analytics/reports/facts.ts";
import { isAdmitted, isCharged, outcomeOf } from "../../src/analytics/outcome.ts";
import { amountsOf } from "../../src/analytics/unit-text.ts";
import { stepOfMs } from "../../src/analytics/reports/latency-scale.ts";
import { byDimension, DIMENSIONS, type Dimension } from "../../src/analytics/reports/report-query.ts";
import { columnOf, readNumbers, readTexts, type TextColumn, valueAt } from "./chunk.ts";

/** The values of a column, numbered in the order in which they were first seen. */
export class Dictionary {
  readonly #ids = new Map<string, number>();
  readonly values: string[] = [];

  idOf(value: string): number {
    const known = this.#ids.get(value);
    if (known !== undefined) return known;
    this.#ids.set(value, this.values.length);
    return this.values.push(value) - 1;
  }

  /** 1 for each value that starts with the text, by its number. */
  startingWith(prefix: string): Uint8Array {
    return Uint8Array.from(this.values, (value) => (value.startsWith(prefix) ? 1 : 0));
  }

  /** 1 for each value that contains the text, ignoring the case of ASCII letters, by its number. */
  containing(text: string): Uint8Array {
    const wanted = lowerCase(text);
    return Uint8Array.from(this.values, (value) => (lowerCase(value).includes(wanted) ? 1 : 0));
  }

  /** Null if no point ever had the value. */
  find(value: string): number | null {
    return this.#ids.get(value) ?? null;
  }
}

/** A chunk of points. Index i of every array belongs to the i-th point. */
export interface ChunkColumns {
  readonly id: number;
  readonly rows: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly atMs: Float64Array;
  /** Outcomes are those of reports ({@link outcomeOf}). */
  readonly texts: Readonly<Record<Dimension, Uint32Array>>;
  /** Requests, weighted. */
  readonly requests: Float64Array;
  /** Charged cost, weighted. */
  readonly cost: Float64Array;
  /** The same in other units, of those that any point has a cost in. */
  readonly units: ReadonlyMap<string, Float64Array>;
  /** Whether the user's ledger counts it as admitted. */
  readonly admitted: Uint8Array;
  /** Steps of the latency scale. */
  readonly latency: Uint16Array;
  /** How often sampling has doubled the point's weight: 0 if it stands for itself only. */
  readonly halvings: Uint8Array;
}

const NUMBERS = ["atMs", "weight", "cost", "limiterMs", "requests"] as const;
type NumberName = (typeof NUMBERS)[number];
const UNITS = "units" as const;
type TextName = Dimension | typeof UNITS;

/** The table's columns that {@link StoredColumns.load} reads. */
export const HOT_COLUMNS: readonly string[] = [...NUMBERS, ...DIMENSIONS, UNITS].map((name) =>
  columnOf(name),
);

export class StoredColumns {
  readonly dictionaries: Readonly<Record<Dimension, Dictionary>> = byDimension(() => new Dictionary());
  readonly #chunks = new Map<number, ChunkColumns>();
  readonly #steps = new Map<number, number>();
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }

  get chunks(): Iterable<ChunkColumns> {
    return this.#chunks.values();
  }

  /** Whether dictionaries hold many texts of points that may be gone. */
  get isBloated(): boolean {
    return this.dictionaries.account.values.length > 2 * this.#rows + 10_000;
  }

  /** Puts a chunk in the place of the one with its id. */
  put(id: number, rows: readonly Row[]): void {
    const texts = (name: TextName): TextColumn => ({
      values: rows.map((row) => row[name]),
      indices: rows.map((_, i) => i),
    });
    this.#place(id, rows.length, (name) => rows.map((row) => row[name]), texts);
  }

  /** Takes a chunk as it is stored. @throws TypeError if it is malformed. */
  load(stored: Readonly<Record<string, unknown>>): void {
    const numbers = (name: NumberName) => readNumbers(stored[columnOf(name)]);
    this.#place(Number(stored["id"]), Number(stored["rows"]), numbers, (name) =>
      readTexts(stored[columnOf(name)]),
    );
  }

  drop(id: number): void {
    this.#rows -= this.#chunks.get(id)?.rows ?? 0;
    this.#chunks.delete(id);
  }

  #place(
    id: number,
    count: number,
    numbersOf: (name: NumberName) => readonly number[],
    textsOf: (name: TextName) => TextColumn,
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
    const unitTexts = textsOf(UNITS);
    const units = new Map<string, Float64Array>();
    const chunk = {
      id,
      rows: count,
      atMs: new Float64Array(count),
      texts,
      requests: new Float64Array(count),
      cost: new Float64Array(count),
      units,
      admitted: new Uint8Array(count),
      latency: new Uint16Array(count),
      halvings: new Uint8Array(count),
    };
    const { outcome, reason, source } = this.dictionaries;
    let firstMs = Number.POSITIVE_INFINITY;
    let lastMs = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const atMs = valueAt(times, i, 0);
      const weight = valueAt(weights, i, 1);
      const reasonText = reason.values[texts.reason[i] ?? 0] ?? "";
      const outcomeText = outcome.values[texts.outcome[i] ?? 0] ?? "";
      const sourceText = source.values[texts.source[i] ?? 0] ?? "";
      if (outcomeText === "denied") {
        texts.outcome[i] = outcome.idOf(outcomeOf(outcomeText, reasonText, sourceText));
      }
      firstMs = Math.min(firstMs, atMs);
      lastMs = Math.max(lastMs, atMs);
      chunk.atMs[i] = atMs;
      chunk.requests[i] = valueAt(requests, i, 1) * weight;
      chunk.admitted[i] = isAdmitted(outcomeText, reasonText, sourceText) ? 1 : 0;
      if (isCharged(outcomeText, reasonText)) {
        chunk.cost[i] = valueAt(costs, i, 0) * weight;
        for (const [unit, amount] of amountsOf(unitTexts.values[valueAt(unitTexts.indices, i, 0)] ?? "")) {
          const column = units.get(unit) ?? new Float64Array(count);
          column[i] = amount * weight;
          units.set(unit, column);
        }
      }
      chunk.latency[i] = this.#stepOf(valueAt(latencies, i, 0));
      chunk.halvings[i] = Math.ceil(Math.log2(Math.max(1, weight)));
    }
    this.#chunks.set(id, { ...chunk, firstMs, lastMs });
    this.#rows += count;
  }

  #translate(count: number, textsOf: (name: Dimension) => TextColumn): Record<Dimension, Uint32Array> {
    return byDimension((name) => {
      const { values, indices } = textsOf(name);
      const ids = values.map((value) => this.dictionaries[name].idOf(value));
      const column = new Uint32Array(count);
      for (let i = 0; i < count; i++) column[i] = ids[valueAt(indices, i, 0)] ?? 0;
      return column;
    });
  }

  /** Stored latencies are on the scale, so there are no more of them than steps. */
  #stepOf(ms: number): number {
    const known = this.#steps.get(ms);
    if (known !== undefined) return known;
    const step = stepOfMs(ms);
    this.#steps.set(ms, step);
    return step;
  }
}
