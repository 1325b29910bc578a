/**
 * How much a trait tells: bits of entropy by name, and what a whole set of them is worth. Pure. Must never
 * look at how rare a value is: that needs a population, and a demo has none.
 *
 * Naming a trait is like a round of Guess Who: each bit halves the crowd. Some 33 halvings leave one of the 8
 * billion people there are. Traits overlap (a user agent implies its client hints), so the hints are weighed
 * low, and the sum is an upper bound all the same.
 */
import type { Traits } from "./traits.ts";

/** log2 of the people there are, rounded up. At this sum confidence is 1. */
export const IDENTIFYING_BITS = 33;

/** In a comparison every trait counts, known or not; an unknown one as much as a coin. */
export const UNKNOWN_BITS = 1;

/**
 * Round figures after the orders of magnitude in Eckersley, "How Unique Is Your Web Browser?" (2010) and
 * Laperdrix et al., "Beauty and the Beast" (2016). Changing one changes confidence and similarity, and no
 * fingerprint.
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
 * 0 to 1, in thousandths: the known traits' bits as a share of {@link IDENTIFYING_BITS}. An unknown trait
 * adds nothing, as anybody could post 33 of them; neither does an empty one. More traits never make it less.
 */
export function confidence(traits: Traits): number {
  let bits = 0;
  for (const [name, value] of traits) if (value !== "") bits += TRAIT_BITS.get(name) ?? 0;
  return Math.round(Math.min(1, bits / IDENTIFYING_BITS) * 1000) / 1000;
}

/** How much a trait weighs in a comparison. */
export function comparisonBits(name: string): number {
  return TRAIT_BITS.get(name) ?? UNKNOWN_BITS;
}
