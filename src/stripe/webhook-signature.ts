/**
 * Stripe's signature of an event, by https://docs.stripe.com/webhooks/signature: an HMAC over the time and the raw body. While a secret is
 * rolled, a header has several signatures.
 */
import { equalDigests } from "../identity/equal-digests.ts";

/** How far the time of a signature may be from now, so that a recorded event is of no use later. */
export const TOLERANCE_MS = 300_000;

const MAX_HEADER_LENGTH = 2_000;
/** Bounds the work; Stripe sends two while a secret is rolled. */
const MAX_SIGNATURES = 10;

/** Whether the header signs the body, now. */
export async function isSigned(
  body: Uint8Array,
  header: string,
  secret: string,
  nowMs: number,
): Promise<boolean> {
  if (header.length > MAX_HEADER_LENGTH) return false;
  const parts = header.split(",").map((part) => part.trim());
  const times = parts.filter((part) => part.startsWith("t=")).map((part) => part.slice(2));
  const [time = ""] = times;
  if (times.length !== 1 || !/^\d{1,12}$/.test(time)) return false;
  if (Math.abs(nowMs - Number(time) * 1_000) > TOLERANCE_MS) return false;
  const signatures = parts.filter((part) => part.startsWith("v1=")).slice(0, MAX_SIGNATURES);
  if (signatures.length === 0) return false;
  const expected = await hmacOf(time, body, secret);
  let isFound = false;
  // All of them, so that the time says nothing of which one it is.
  for (const signature of signatures) {
    if (equalDigests(signature.slice("v1=".length), expected)) isFound = true;
  }
  return isFound;
}

async function hmacOf(time: string, body: Uint8Array, secret: string): Promise<string> {
  const encoder = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"]);
  const prefix = encoder.encode(`${time}.`);
  const signed = new Uint8Array(prefix.byteLength + body.byteLength);
  signed.set(prefix);
  signed.set(body, prefix.byteLength);
  const digest = await crypto.subtle.sign("HMAC", key, signed);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
