/**
 * The format of an API key: `el_live_` or `el_test_`, 30 random base62 characters, 6 of checksum.
 *
 * The prefix lets secret scanners find leaked keys; the checksum lets the edge reject a mistyped key without I/O. Only the SHA-256 is
 * stored: 30 base62 characters carry 178 bits, so a slow hash would add no protection.
 *
 * Customers who move in keep their keys: any text within bounds, of which the import brings the hash alone (docs/moving-in.md).
 *
 * Never logs or stores a key.
 */
import { crc32 } from "./crc32.ts";
import type { KeyMode } from "./key-mode.ts";
import { secretDigest } from "./secret-digest.ts";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH = 30;
const CHECKSUM_LENGTH = 6;
/** Shorter keys could be guessed; longer ones are no keys. */
const IMPORTED = /^[\x21-\x7e]{16,200}$/;
const FORMAT = /^el_(live|test)_([0-9A-Za-z]{30})([0-9A-Za-z]{6})$/;

/** Whether a bearer token has the form of an API key rather than of a JWT. Does not check it. */
export function looksLikeApiKey(token: string): boolean {
  return token.startsWith("el_");
}

/**
 * Whether a credential may be a key of another system, which was imported by its hash: it has no checksum, so only a look-up can tell. The
 * alphabet and the length bound what a cache of such keys holds. Keys that begin as ours never are.
 */
export function mayBeImportedKey(key: string): boolean {
  return IMPORTED.test(key) && !looksLikeApiKey(key);
}

/** A new key from the platform's random source. The plaintext is shown once and never stored. */
export function generateApiKey(mode: KeyMode): string {
  const random = randomBase62(RANDOM_LENGTH);
  return `el_${mode}_${random}${checksum(random)}`;
}

/** Whether the format and the checksum are right. Does not check that the key exists. */
export function isWellFormedApiKey(key: string): boolean {
  const [, , random, sum] = FORMAT.exec(key) ?? [];
  return random !== undefined && sum === checksum(random);
}

/** SHA-256 in lower-case hex: the stored form, and the name of the key's KV entry. */
export async function hashApiKey(key: string): Promise<string> {
  return secretDigest(key);
}

/** CRC-32 over the random characters in base62, left-padded with `0`. */
function checksum(random: string): string {
  let rest = crc32(random);
  let text = "";
  while (rest > 0) {
    text = ALPHABET.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text.padStart(CHECKSUM_LENGTH, "0");
}

/** Uniform over the alphabet: bytes that would favour its first characters are discarded. */
function randomBase62(length: number): string {
  let text = "";
  while (text.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length))) {
      if (byte < 248 && text.length < length) text += ALPHABET.charAt(byte % 62);
    }
  }
  return text;
}
