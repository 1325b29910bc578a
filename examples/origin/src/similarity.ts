/**
 * How similar two trait sets are: a weighted Jaccard index with partial credit for strings that share words. Pure and exactly
 * symmetric: the sums run over the sorted union, in the same order for (a, b) and (b, a).
 *
 * The index is the weight of the common traits divided by the weight of the union. A trait of only one side counts only in the
 * union.
 */
import { comparisonBits } from "./entropy.ts";
import type { Traits, TraitValue } from "./traits.ts";

export interface Comparison {
  /** 0 to 1, in ten-thousandths: 1 if and only if the sets are equal, 0 if they have nothing in common. */
  readonly similarity: number;
  /** Whether it is at least {@link SAME_FROM}. */
  readonly same: boolean;
  /** Names of the traits that are equal on both sides, sorted. */
  readonly matched: readonly string[];
  /** Names of all other traits, sorted. */
  readonly differing: readonly string[];
}

/** An update of the same browser stays above it; another browser on the same machine is below. */
export const SAME_FROM = 0.85;

/**
 * The maximum credit for different strings, as when they have the same words in another order.
 */
const PARTIAL_CEILING = 0.99;

/** One step below 1, so that rounding never calls unequal sets equal. */
const MAX_UNEQUAL = 0.9999;

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
    shared += bits * valueSimilarity(left, right);
    total += bits;
  }

  const rounded = Math.round((shared / total) * 10_000) / 10_000;
  const similarity = differing.length === 0 ? 1 : Math.min(rounded, MAX_UNEQUAL);
  return { similarity, same: similarity >= SAME_FROM, matched, differing };
}

function valueSimilarity(a: TraitValue | undefined, b: TraitValue | undefined): number {
  if (a === b) return 1;
  if (typeof a !== "string" || typeof b !== "string") return 0;
  const left = words(a);
  const right = words(b);
  const common = [...left].filter((word) => right.has(word)).length;
  return common === 0 ? 0 : (PARTIAL_CEILING * common) / (left.size + right.size - common);
}

/**
 * Sequences of letters, digits and dots. A version is one word, so that 120.0.1 and 121.0.1 do not share ".0.1".
 */
function words(value: string): Set<string> {
  return new Set(value.toLowerCase().match(/[\p{L}\p{N}.]+/gu) ?? []);
}
