/**
 * How questions reach the limiter: over HTTP or a service binding. Each call has a deadline for all of its attempts. A call without an
 * answer (network error, 429 or 5xx) is repeated once, after a random wait, if the deadline leaves time for that.
 *
 * Every call must be safe to repeat: checks carry an idempotency key, settlements the id of their reservation.
 */
import { dispose } from "./dispose.ts";
import { EdgeLimiterError, isNoAnswer, noAnswer, rejected } from "./error.ts";
import type { EdgeLimiterBinding, Fault, Operation, Settlement } from "./types.ts";

/** What the limiter is asked, whichever way. Answers are not parsed yet. */
export interface Transport {
  checkMany(operations: readonly Operation[]): Promise<unknown>;
  settle(settlement: Settlement): Promise<unknown>;
  status(user: string): Promise<unknown>;
}

/** Spreads the second attempts of all callers that failed at once. Short, since a caller waits. */
const MAX_JITTER_MS = 100;

/** The timing of a call. */
export interface Attempts {
  /** For all attempts together. */
  readonly timeoutMs: number;
  /** Attempts after the first. */
  readonly retries: number;
}

/** @throws EdgeLimiterError `no_answer` if no attempt was answered in time, or as `attempt` does. */
export async function callWithin<T>(
  { timeoutMs, retries }: Attempts,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const untilMs = Date.now() + timeoutMs;
  for (let left = retries; ; left--) {
    try {
      return await withDeadline(untilMs - Date.now(), attempt, timeoutMs);
    } catch (thrown) {
      if (left === 0 || !(thrown instanceof EdgeLimiterError) || !isNoAnswer(thrown)) throw thrown;
      const waitMs = Math.max(thrown.retryAfterMs, Math.random() * MAX_JITTER_MS);
      if (Date.now() + waitMs >= untilMs) throw thrown;
      await new Promise((done) => setTimeout(done, waitMs));
    }
  }
}

/** Also ends calls that ignore the signal, as those of a binding do. */
async function withDeadline<T>(
  leftMs: number,
  attempt: (signal: AbortSignal) => Promise<T>,
  timeoutMs: number,
): Promise<T> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(noAnswer(`the limiter did not answer within ${timeoutMs} ms`));
      controller.abort();
    }, leftMs);
  });
  try {
    return await Promise.race([attempt(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** @param key an API key with the scope `check`. */
export function httpTransport(
  url: string | URL,
  key: string,
  send: typeof fetch,
  attempts: Attempts,
): Transport {
  const base = new URL(url);
  const call = (path: string, body?: unknown): Promise<unknown> =>
    callWithin(attempts, async (signal) => {
      let response: Response;
      let text: string;
      try {
        response = await send(new URL(`/api/v1/rate-limit/${path}`, base).href, {
          method: body === undefined ? "GET" : "POST",
          headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
          body: body === undefined ? null : JSON.stringify(body),
          // A redirect would lead away from the limiter.
          redirect: "manual",
          signal,
        });
        text = await response.text();
      } catch (cause) {
        throw noAnswer(`no connection to ${base.host}`, { cause });
      }
      return answerOf(response, text);
    });
  return {
    checkMany: (operations) => call("check/batch", operations),
    settle: (settlement) => call("settle", settlement),
    status: (user) => call(`status/${encodeURIComponent(user)}`),
  };
}

function answerOf({ ok, status, headers }: Response, text: string): unknown {
  const json = parsed(text);
  if (ok && json !== undefined) return json;
  const { code, detail, errors } = Object(json) as Problem;
  if (ok || status >= 500 || status === 429 || status === 408) {
    const retryAfterMs = 1_000 * (Number(headers.get("Retry-After")) || 0);
    throw noAnswer(`the limiter failed: ${status} ${code ?? "without a problem"}`, { status, retryAfterMs });
  }
  throw rejected(
    code ?? "unexpected_answer",
    detail ?? `${status} is not an answer of an Edge Limiter`,
    errors,
    status,
  );
}

interface Problem {
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: readonly Fault[];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** RPC errors keep only their message, which begins with the code. */
const RPC_REJECTED = /^(?:\w+: )?(invalid_request|idempotency_mismatch|reservation_gone): (.*)/s;

export function bindingTransport(binding: EdgeLimiterBinding, attempts: Attempts): Transport {
  const call = (ask: () => Promise<unknown>): Promise<unknown> =>
    callWithin(attempts, async () => {
      try {
        const answer = await ask();
        dispose(answer);
        return answer;
      } catch (cause) {
        const message = cause instanceof Error ? cause.message : String(cause);
        const [, code, detail] = RPC_REJECTED.exec(message) ?? [];
        // Faults come as JSON, other details as a sentence.
        const faults = parsed(detail ?? "");
        if (code) throw rejected(code, faults ? "" : detail, Array.isArray(faults) ? faults : []);
        throw noAnswer(`the limiter failed: ${message}`, { cause });
      }
    });
  return {
    checkMany: (operations) => call(() => binding.checkMany(operations)),
    settle: (settlement) => call(() => binding.settle(settlement)),
    status: (user) => call(() => binding.status(user)),
  };
}
