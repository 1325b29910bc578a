/**
 * Weighted percentiles of many groups at once, by counting sort over the steps of the latency scale. A percentile is the least value at
 * which the weights of the values up to it reach `ceil(level * sum of weights)`, as in ClickHouse's quantileExactWeighted, so that both
 * back ends agree.
 */
import { SCALE_STEPS } from "../../src/analytics/reports/latency-scale.ts";

/** Up to this many groups get a histogram each: half a megabyte. */
const FEW_GROUPS = 8;

export class PercentileCounter {
  readonly #groups: Uint32Array;
  readonly #steps: Uint16Array;
  readonly #weights: Float64Array;
  #count = 0;

  /** @param capacity the most rows that may be added. */
  constructor(capacity: number) {
    this.#groups = new Uint32Array(capacity);
    this.#steps = new Uint16Array(capacity);
    this.#weights = new Float64Array(capacity);
  }

  add(group: number, step: number, weight: number): void {
    this.#groups[this.#count] = group;
    this.#steps[this.#count] = step;
    this.#weights[this.#count++] = weight;
  }

  /** For each level, the step of each group. @param totals the sum of weights of each group. */
  of(totals: readonly number[], levels: readonly number[]): Uint16Array[] {
    const order = this.#sorted();
    if (totals.length <= FEW_GROUPS) return this.#counted(totals, levels);
    const sums = new Float64Array(totals.length);
    const reached = new Uint8Array(totals.length);
    const found = levels.map(() => new Uint16Array(totals.length));
    for (const row of order) {
      const group = this.#groups[row] ?? 0;
      const sum = (sums[group] ?? 0) + (this.#weights[row] ?? 0);
      sums[group] = sum;
      let level = reached[group] ?? 0;
      while (level < levels.length && sum >= Math.ceil((totals[group] ?? 0) * (levels[level] ?? 1))) {
        const of = found[level];
        if (of) of[group] = this.#steps[row] ?? 0;
        level += 1;
      }
      reached[group] = level;
    }
    return found;
  }

  /** By a histogram for each group: rows need no order, so memory is read sequentially. */
  #counted(totals: readonly number[], levels: readonly number[]): Uint16Array[] {
    const histograms = new Float64Array(totals.length * SCALE_STEPS);
    for (let row = 0; row < this.#count; row++) {
      const place = (this.#groups[row] ?? 0) * SCALE_STEPS + (this.#steps[row] ?? 0);
      histograms[place] = (histograms[place] ?? 0) + (this.#weights[row] ?? 0);
    }
    const found = levels.map(() => new Uint16Array(totals.length));
    for (const [group, total] of totals.entries()) {
      let sum = 0;
      let level = 0;
      for (let step = 0; step < SCALE_STEPS && level < levels.length; step++) {
        sum += histograms[group * SCALE_STEPS + step] ?? 0;
        while (level < levels.length && sum >= Math.ceil(total * (levels[level] ?? 1))) {
          const of = found[level];
          if (of) of[group] = step;
          level += 1;
        }
      }
    }
    return found;
  }

  /** The rows' indices, ordered by step. */
  #sorted(): Uint32Array {
    const ends = new Uint32Array(SCALE_STEPS + 1);
    for (let row = 0; row < this.#count; row++) {
      const step = this.#steps[row] ?? 0;
      ends[step + 1] = (ends[step + 1] ?? 0) + 1;
    }
    for (let step = 1; step <= SCALE_STEPS; step++) ends[step] = (ends[step] ?? 0) + (ends[step - 1] ?? 0);
    const order = new Uint32Array(this.#count);
    for (let row = 0; row < this.#count; row++) {
      const step = this.#steps[row] ?? 0;
      const place = ends[step] ?? 0;
      order[place] = row;
      ends[step] = place + 1;
    }
    return order;
  }
}
