/**
 * How alike two trait sets are: a weighted Jaccard index with partial credit for strings that share words.
 * Pure, and symmetric to the last bit: sums run over the sorted union, in one order whichever side comes
 * first.
 *
 * Lay the two sets on each other: the weight of what coincides over the weight of what either has. A trait
 * that only one side has counts in the second sum alone.
 */
import { comparisonBits } from "./entropy.ts";
import type { Traits, TraitValue } from "./traits.ts";

export interface Comparison {
  /** 0 to 1 in ten-thousandths: 1 where the sets are equal and only there, 0 where nothing is shared. */
  readonly similarity: number;
  /** Whether it is at least {@link SAME_FROM}. */
  readonly same: boolean;
  /** Names of the traits that are equal on both sides, sorted. */
  readonly matched: readonly string[];
  /** Names of all the others, sorted. */
  readonly differing: readonly string[];
}

/** A browser's update stays above it; another browser on the same machine falls below. */
export const SAME_FROM = 0.85;

/**
 * The most that unequal strings can earn, as when the words are the same in another order: alike, never
 * equal.
 */
const PARTIAL_CEILING = 0.99;

/** One step below 1, so that rounding never calls unequal sets equal. */
const MOST_UNEQUAL = 0.9999;

/** Two empty sets are equal: 1. */
export function compareTraits(a: Traits, b: Traits): Comparison {
  const matched: string[] = [];
  const differing: string[] = [];
  let shared = 0;
  let total = 0;

  for (const name of [...new Set([...a.keys(), ...b.keys()])].toSorted()) {
    const left = a.get(name);
    const right = b.get(name);
    const bits = comparisonBits(name);
    (left === right ? matched : differing).push(name);
    shared += bits * likeness(left, right);
    total += bits;
  }

  const rounded = Math.round((shared / total) * 10_000) / 10_000;
  const similarity = differing.length === 0 ? 1 : Math.min(rounded, MOST_UNEQUAL);
  return { similarity, same: similarity >= SAME_FROM, matched, differing };
}

function likeness(a: TraitValue | undefined, b: TraitValue | undefined): number {
  if (a === b) return 1;
  if (typeof a !== "string" || typeof b !== "string") return 0;
  const left = words(a);
  const right = words(b);
  const common = [...left].filter((word) => right.has(word)).length;
  return common === 0 ? 0 : (PARTIAL_CEILING * common) / (left.size + right.size - common);
}

/**
 * Runs of letters, digits and dots: a version is one word, so that 120.0.1 and 121.0.1 do not agree on
 * ".0.1".
 */
function words(value: string): Set<string> {
  return new Set(value.toLowerCase().match(/[\p{L}\p{N}.]+/gu) ?? []);
}
