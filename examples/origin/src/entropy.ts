/**
 * How identifying traits are: bits of entropy by trait name, and the confidence of a whole set. Pure. Must never depend on
 * how rare a value is: that requires a population, which a demo does not have.
 *
 * A trait works like a question in Guess Who: each bit halves the crowd, and about 33 halvings single out one of 8 billion
 * people. Traits overlap (a user agent implies its client hints), so hints have low weights, and the sum is still an upper
 * bound.
 */
import type { Traits } from "./traits.ts";

/** log2 of the world's population, rounded up. At this sum, confidence is 1. */
export const IDENTIFYING_BITS = 33;

/** The weight of an unknown trait in a comparison: that of a coin toss. */
export const UNKNOWN_BITS = 1;

/**
 * Rounded from the orders of magnitude in Eckersley, "How Unique Is Your Web Browser?" (2010) and Laperdrix et al., "Beauty
 * and the Beast" (2016). Changing a value changes confidence and similarity, but no fingerprint.
 */
export const TRAIT_BITS: ReadonlyMap<string, number> = new Map([
  ["user-agent", 10],
  ["accept-language", 6],
  ["accept", 2],
  ["accept-encoding", 1],
  ["sec-ch-ua", 2],
  ["sec-ch-ua-arch", 0.5],
  ["sec-ch-ua-bitness", 0.5],
  ["sec-ch-ua-form-factors", 0.5],
  ["sec-ch-ua-full-version-list", 3],
  ["sec-ch-ua-mobile", 0.5],
  ["sec-ch-ua-model", 4],
  ["sec-ch-ua-platform", 1],
  ["sec-ch-ua-platform-version", 3],
  ["sec-ch-ua-wow64", 0.5],
  ["audio", 5],
  ["canvas", 8],
  ["color-depth", 1],
  ["device-memory", 2],
  ["fonts", 8],
  ["hardware-concurrency", 2],
  ["platform", 2],
  ["plugins", 8],
  ["screen", 5],
  ["timezone", 3],
  ["touch-points", 1],
  ["webgl-renderer", 5],
  ["webgl-vendor", 2],
]);

/**
 * 0 to 1, in thousandths: the bits of the known traits as a share of {@link IDENTIFYING_BITS}. Unknown traits add nothing,
 * since a client could post 33 of them; empty ones add nothing either. Additional traits never lower it.
 */
export function confidence(traits: Traits): number {
  let bits = 0;
  for (const [name, value] of traits) if (value !== "") bits += TRAIT_BITS.get(name) ?? 0;
  return Math.round(Math.min(1, bits / IDENTIFYING_BITS) * 1000) / 1000;
}

/** The weight of a trait in a comparison. */
export function comparisonBits(name: string): number {
  return TRAIT_BITS.get(name) ?? UNKNOWN_BITS;
}
