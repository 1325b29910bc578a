/** Signatures of webhooks: HMAC-SHA256 over id, time and body (Standard Webhooks 1.0, "Signature scheme"). */

/** What a secret begins with; base64 follows. */
const PREFIX = "whsec_";

/**
 * The value of `webhook-signature`: a signature by each secret.
 * @param timestamp Unix seconds of the attempt.
 * @param body exactly as it is sent.
 */
export async function signatureOf(
  secrets: readonly string[],
  id: string,
  timestamp: number,
  body: string,
): Promise<string> {
  const content = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  const signed = secrets.map(async (secret) => {
    const signature = await crypto.subtle.sign("HMAC", await keyOf(secret), content);
    return `v1,${btoa(String.fromCharCode(...new Uint8Array(signature)))}`;
  });
  return (await Promise.all(signed)).join(" ");
}

async function keyOf(secret: string) {
  const bytes = Uint8Array.from(atob(secret.slice(PREFIX.length)), (char) => char.charCodeAt(0));
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}
