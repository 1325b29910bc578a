/**
 * SHA-256 digests of secrets, in lower-case hex: the form in which keys and tokens are stored and compared.
 *
 * A fast hash is enough for long random secrets; it would not protect a password. Never logs its input.
 */

/** 64 characters, whatever the secret's length. */
export async function secretDigest(secret: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
