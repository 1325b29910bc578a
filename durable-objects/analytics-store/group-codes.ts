/** Numbers the groups of an aggregation, in the order in which their first rows come. Pure. */
import type { Aggregation } from "../../src/analytics/reports/facts.ts";
import type { Dimension } from "../../src/analytics/reports/report-query.ts";
import type { ChunkColumns, Dictionary } from "./stored-columns.ts";

/** A table of up to this many codes is an array; a larger one is a map. */
const MAX_DENSE = 4_000_000;

/** A group's code is its step and the numbers of its values, as digits of one integer. */
export class GroupCodes {
  readonly #by: readonly Dimension[];
  readonly #intervalMs: number | null;
  readonly #firstStep: number;
  readonly #dictionaries: readonly Dictionary[];
  /** How many values each dimension has. */
  readonly #sizes: readonly number[];
  readonly #dense: Int32Array | null;
  readonly #sparse = new Map<number, number>();
  /** The code of the i-th group. */
  readonly #codes: number[] = [];

  constructor(
    dictionaries: Readonly<Record<Dimension, Dictionary>>,
    { by, intervalMs, fromMs, toMs }: Aggregation,
  ) {
    this.#by = by;
    this.#intervalMs = intervalMs;
    this.#firstStep = intervalMs === null ? 0 : Math.floor(fromMs / intervalMs);
    this.#dictionaries = by.map((name) => dictionaries[name]);
    this.#sizes = this.#dictionaries.map(({ values }) => Math.max(1, values.length));
    const steps = intervalMs === null ? 1 : Math.max(1, Math.ceil(toMs / intervalMs) - this.#firstStep);
    const size = this.#sizes.reduce((product, values) => product * values, steps);
    this.#dense = size <= MAX_DENSE ? new Int32Array(size).fill(-1) : null;
  }

  /** How many groups there are so far. */
  get count(): number {
    return this.#codes.length;
  }

  /** A function from the chunk's rows to their groups. At most two dimensions. */
  of({ atMs, texts }: ChunkColumns): (row: number) => number {
    const [firstName, secondName] = this.#by;
    const first = firstName ? texts[firstName] : null;
    const second = secondName ? texts[secondName] : null;
    const [firstSize = 1, secondSize = 1] = this.#sizes;
    const intervalMs = this.#intervalMs;
    return (row) => {
      let code = intervalMs === null ? 0 : Math.floor((atMs[row] ?? 0) / intervalMs) - this.#firstStep;
      if (first) code = code * firstSize + (first[row] ?? 0);
      if (second) code = code * secondSize + (second[row] ?? 0);
      return this.#groupOf(code);
    };
  }

  /** The step of a group, counted from the epoch. */
  stepOf(group: number): number {
    const values = this.#sizes.reduce((product, size) => product * size, 1);
    return Math.floor((this.#codes[group] ?? 0) / values) + this.#firstStep;
  }

  /** A group's values, in the order of `by`. */
  keysOf(group: number): string[] {
    const keys: string[] = [];
    let rest = this.#codes[group] ?? 0;
    for (let d = this.#by.length - 1; d >= 0; d--) {
      const size = this.#sizes[d] ?? 1;
      keys.unshift(this.#dictionaries[d]?.values[rest % size] ?? "");
      rest = Math.floor(rest / size);
    }
    return keys;
  }

  #groupOf(code: number): number {
    const known = this.#dense ? (this.#dense[code] ?? -1) : (this.#sparse.get(code) ?? -1);
    if (known >= 0) return known;
    const group = this.#codes.push(code) - 1;
    if (this.#dense) this.#dense[code] = group;
    else this.#sparse.set(code, group);
    return group;
  }
}
