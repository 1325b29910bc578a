/**
 * Secrets as their SHA-256, in lower-case hex: how keys and tokens are kept at rest and compared.
 *
 * A fast hash is enough for what is random and long; it would protect no password. Never logs what it is given.
 */

/** 64 characters, whatever the secret's length. */
export async function secretDigest(secret: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether two digests are the same, in a time that says nothing of where they differ. */
export function equalDigests(a: string, b: string): boolean {
  const encoder = new TextEncoder();
  const [left, right] = [encoder.encode(a), encoder.encode(b)];
  // Digests are all of one length: that it differs is no secret.
  return left.byteLength === right.byteLength && crypto.subtle.timingSafeEqual(left, right);
}
