/** `/traits`: the table of known traits. The same for every caller, so it may be stored. Must never use the request. */
import { IDENTIFYING_BITS, TRAIT_BITS } from "./entropy.ts";

/** How long a cache may keep it, seconds. */
const MAX_AGE = 300;

/** GET: bits of entropy by trait, and when this answer was computed, by which a stored one can be recognized. */
export function knownTraits(): Response {
  const body = {
    bits: Object.fromEntries(TRAIT_BITS),
    identifyingBits: IDENTIFYING_BITS,
    computedAt: new Date().toISOString(),
  };
  return Response.json(body, { headers: { "Cache-Control": `public, max-age=${MAX_AGE}` } });
}
