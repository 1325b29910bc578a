/**
 * The fingerprint of a trait set: SHA-256 of a canonical form, in hex. Equal sets have equal fingerprints, regardless of
 * order and spelling. Must never depend on a clock, a random number or an address.
 */
import type { Traits } from "./traits.ts";

/**
 * Version of the canonical form. Part of the hash, so that fingerprints of different versions never match.
 */
const FORM = "edge-limiter-origin/1";

/** The format of a fingerprint. */
export const FINGERPRINT = /^[0-9a-f]{64}$/;

/** JSON distinguishes types, so the number 1 and the string "1" give different fingerprints. */
export async function fingerprint(traits: Traits): Promise<string> {
  const canonical = `${FORM}\n${JSON.stringify([...traits])}`;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(canonical));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
