/** Repeats work that fails for a moment: busy and restarting servers, lost connections. */
import { setTimeout } from "node:timers/promises";
import { Failure } from "./failure.ts";

/** With the waits below, about four minutes: a server restarts in less. */
export const MAX_ATTEMPTS = 9;
const FIRST_WAIT_MS = 1_000;
/** A server that asks for longer is asked again later all the same. */
export const MAX_WAIT_MS = 60_000;

export interface RetryOptions {
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** Reports that another attempt follows, and why. */
  readonly note: (line: string) => void;
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** At least 0, below 1. */
  readonly random?: () => number;
}

/** @throws the last fault: one that does not pass, or that has not passed in {@link MAX_ATTEMPTS} attempts. */
export async function retrying<T>(
  work: () => Promise<T>,
  { signal, note, pause = sleep, random = Math.random }: RetryOptions,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof Failure) || !thrown.isPassing || attempt === MAX_ATTEMPTS) throw thrown;
      signal.throwIfAborted();
      // Half of it at random, so that several exports do not come back together.
      const backOffMs = FIRST_WAIT_MS * 2 ** (attempt - 1) * (0.5 + random() / 2);
      const waitMs = Math.min(MAX_WAIT_MS, Math.max(backOffMs, thrown.retryAfterMs ?? 0));
      note(`${thrown.message}; trying again in ${Math.ceil(waitMs / 1_000)} s`);
      await pause(waitMs, signal);
    }
  }
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal });
}
