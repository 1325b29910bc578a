/**
 * The fingerprint of a trait set: SHA-256 over one canonical form, in hex. Equal sets have equal
 * fingerprints, in whatever order and spelling they came. Must never take in a clock, a random number or an
 * address.
 */
import type { Traits } from "./traits.ts";

/**
 * Part of what is hashed: a change of the canonical form raises it, so that old and new never pass for each
 * other.
 */
const FORM = "edge-limiter-origin/1";

/** What a fingerprint looks like. */
export const FINGERPRINT = /^[0-9a-f]{64}$/;

/** JSON keeps the types apart: the number 1 and the string "1" are two traits. */
export async function fingerprint(traits: Traits): Promise<string> {
  const canonical = `${FORM}\n${JSON.stringify([...traits])}`;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(canonical));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
