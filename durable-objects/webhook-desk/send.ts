/** Sends one event to one endpoint, once. Never rejects: a failure is an outcome. */
import { messageOf } from "../../src/log.ts";
import { endpointFault } from "../../src/objects/webhook-address.ts";
import { signatureOf } from "./signature.ts";

/** Receivers should answer at once and work afterwards. */
const TIMEOUT_MS = 10_000;
const TIMED_OUT = `No answer within ${TIMEOUT_MS / 1_000} s`;
const MAX_ERROR_LENGTH = 200;

/** What is sent. */
export interface Message {
  readonly url: string;
  readonly secrets: readonly string[];
  readonly id: string;
  readonly body: string;
}

export interface Outcome {
  /** Of the answer; null: there was none. */
  readonly status: number | null;
  /** Why it is not delivered; null: it is. */
  readonly error: string | null;
}

export type Send = (message: Message, nowMs: number) => Promise<Outcome>;

export const send: Send = async ({ url, secrets, id, body }, nowMs) => {
  // A rule that became stricter applies to stored endpoints too. Loopback was rejected when it was stored, if at all.
  const fault = endpointFault(url, true);
  if (fault !== null) return { status: null, error: `The URL ${fault}` };
  // Not AbortSignal.timeout: its timer stays for all of its time, and an object may have 10,000.
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), TIMEOUT_MS);
  try {
    const timestamp = Math.floor(nowMs / 1_000);
    const request = {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "User-Agent": "Edge-Limiter-Webhooks/1",
        "webhook-id": id,
        "webhook-timestamp": String(timestamp),
        "webhook-signature": await signatureOf(secrets, id, timestamp, body),
      },
      body,
      redirect: "manual",
      signal: deadline.signal,
    } as const;
    const response = await fetch(url, request).catch(async (thrown: unknown) => {
      if (deadline.signal.aborted) throw thrown;
      // A receiver may close a connection just when it is used again. That says nothing of the receiver, and is no attempt.
      return fetch(url, request);
    });
    // Nothing of the body is read: an endless one would keep the connection.
    await response.body?.cancel().catch(() => undefined);
    return { status: response.status, error: errorOf(response.status) };
  } catch (thrown) {
    const reason = deadline.signal.aborted ? TIMED_OUT : messageOf(thrown);
    return { status: null, error: reason.slice(0, MAX_ERROR_LENGTH) };
  } finally {
    clearTimeout(timer);
  }
};

function errorOf(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  return status >= 300 && status < 400 ? `Redirects are not followed (${status})` : `Answered ${status}`;
}
