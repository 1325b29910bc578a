/** HTTP calls with a deadline, whose failures are {@link Failure}s. Follows no redirect: it would take a credential elsewhere. */
import { reasonOf } from "../doctor/target.ts";
import { Failure } from "./failure.ts";

/** A page takes the product some seconds, and a batch the destination. */
const DEADLINE_MS = 30_000;
/** A page of the largest size is smaller. Anything longer is not an answer of what was asked. */
const MAX_BODY_BYTES = 32 * 2 ** 20;
/** Of an error's text. */
const SHOWN_LENGTH = 300;

export interface Call {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The service that is called, for messages. */
  readonly who: string;
  /** What to check if there is no answer. */
  readonly advice: string;
  /** Ends the call. */
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** The answer, whatever its status. @throws Failure if there is none; the signal's reason if it ended the call. */
export async function call(url: URL, { method, headers, body, who, advice, signal }: Call): Promise<Answer> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  try {
    const response = await fetch(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      redirect: "manual",
      signal: signal ? AbortSignal.any([deadline, signal]) : deadline,
    });
    return { status: response.status, headers: response.headers, text: await textOf(response, who) };
  } catch (thrown) {
    signal?.throwIfAborted();
    if (thrown instanceof Failure) throw thrown;
    const reason = deadline.aborted ? `no answer within ${DEADLINE_MS / 1_000} s` : reasonOf(thrown);
    throw new Failure(`${who} does not answer (${reason}): ${advice}`, { isPassing: true });
  }
}

/** What an answer of another status than expected means. */
export function rejection(who: string, { status, headers, text }: Answer): Failure {
  const shown = text.trim().slice(0, SHOWN_LENGTH);
  const isPassing = status === 429 || status === 408 || status >= 500;
  return new Failure(`${who} answers ${status}${shown && `: ${shown}`}`, {
    isPassing,
    retryAfterMs: retryAfterMs(headers),
  });
}

/** Only seconds: what a date says depends on two clocks. */
function retryAfterMs(headers: Headers): number | null {
  const seconds = headers.get("Retry-After");
  return seconds !== null && /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1_000 : null;
}

async function textOf(response: Response, who: string): Promise<string> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = "";
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES)
      throw new Failure(`${who} sends more than ${MAX_BODY_BYTES} bytes: check its URL`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
