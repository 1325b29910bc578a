/**
 * Counts the distinct things seen in the last minutes, in bounded memory: a window of bottom-k sketches.
 *
 * Hashes are spread evenly, so the k-th smallest of n distinct hashes is at about k/n of the range; so n is about (k - 1) divided by that
 * share (Bar-Yossef et al. 2002). Below k things the sketch holds them all and is exact. Pure: the clock is an argument.
 */
import { MINUTE_MS } from "../../core/time.ts";
import { DISTINCT_EXACT, WINDOW_MS } from "./families.ts";

/** The step by which the window moves. */
const SLICE_MS = MINUTE_MS;
const SLICES = WINDOW_MS / SLICE_MS;
/** Hashes are below this: the integers that a number represents exactly. */
const RANGE = 2 ** 53;

/** A subject as an even hash of 53 bits (cyrb53 by bryc, public domain). Not for secrets. */
export function subjectHash(subject: string): number {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < subject.length; i++) {
    const unit = subject.charCodeAt(i);
    a = Math.imul(a ^ unit, 2_654_435_761);
    b = Math.imul(b ^ unit, 1_597_334_677);
  }
  a = Math.imul(a ^ (a >>> 16), 2_246_822_507) ^ Math.imul(b ^ (b >>> 13), 3_266_489_909);
  b = Math.imul(b ^ (b >>> 16), 2_246_822_507) ^ Math.imul(a ^ (a >>> 13), 3_266_489_909);
  return 4_294_967_296 * (2_097_151 & b) + (a >>> 0);
}

/** A slice of a {@link Distinct} as it is stored: a step of the clock, and its smallest hashes. */
export type DistinctSlice = readonly [step: number, hashes: readonly number[]];

export class Distinct {
  /** The smallest hashes by step of the clock; at most {@link SLICES} + 2 steps. */
  readonly #slices = new Map<number, Set<number>>();

  /** Adds hashes seen now; ignores numbers that are not hashes. */
  add(hashes: readonly number[], nowMs: number): void {
    this.#merge(Math.floor(nowMs / SLICE_MS), hashes);
    this.#forget(nowMs);
  }

  /** Distinct things of the last five to six minutes. */
  count(nowMs: number): number {
    const newest = Math.floor(nowMs / SLICE_MS);
    const all = new Set<number>();
    for (const [step, hashes] of this.#slices) {
      if (step < newest - SLICES || step > newest) continue;
      for (const hash of hashes) all.add(hash);
    }
    if (all.size < DISTINCT_EXACT) return all.size;
    const largest = smallest(all).at(-1) ?? RANGE;
    return Math.round(((DISTINCT_EXACT - 1) * RANGE) / largest);
  }

  dump(): DistinctSlice[] {
    return [...this.#slices].map(([step, hashes]) => [step, smallest(hashes)] as const);
  }

  /** Adds the slices of another. */
  load(slices: readonly DistinctSlice[], nowMs: number): void {
    for (const [step, hashes] of slices) this.#merge(step, hashes);
    this.#forget(nowMs);
  }

  #merge(step: number, hashes: readonly number[]): void {
    const slice = this.#slices.get(step) ?? new Set<number>();
    for (const hash of hashes) if (hash >= 0 && hash < RANGE) slice.add(hash);
    // Trimmed from time to time: the set holds at most twice what is needed, plus one batch.
    this.#slices.set(step, slice.size > 2 * DISTINCT_EXACT ? new Set(smallest(slice)) : slice);
  }

  #forget(nowMs: number): void {
    const newest = Math.floor(nowMs / SLICE_MS);
    for (const step of this.#slices.keys()) {
      if (step < newest - SLICES || step > newest + 1) this.#slices.delete(step);
    }
  }
}

function smallest(hashes: ReadonlySet<number>): number[] {
  return [...hashes].toSorted((a, b) => a - b).slice(0, DISTINCT_EXACT);
}
