/**
 * Sends the demo's requests on schedule and counts their results. Never has more than MAX_IN_FLIGHT requests in flight:
 * requests due beyond that are skipped and counted.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { DemoKeys } from "../demo-accounts.ts";
import type { PlannedRequest } from "./plan.ts";

const MAX_IN_FLIGHT = 64;
const DEADLINE_MS = 10_000;

export interface Counts {
  sent: number;
  allowed: number;
  denied: number;
  /** Another status, or no response. */
  failed: number;
  /** Not sent, because too many were in flight. */
  skipped: number;
}

export class Sender {
  readonly counts: Counts = { sent: 0, allowed: 0, denied: 0, failed: 0, skipped: 0 };
  readonly #url: URL;
  readonly #keys: DemoKeys;
  readonly #inFlight = new Set<Promise<void>>();

  constructor(url: URL, keys: DemoKeys) {
    this.#url = url;
    this.#keys = keys;
  }

  /** Sends the requests of one second. Resolves at the end of that second, or when the signal aborts. Never rejects. */
  async second(requests: readonly PlannedRequest[], signal: AbortSignal): Promise<void> {
    const startMs = performance.now();
    for (const { afterMs, ...request } of requests) {
      await until(startMs + afterMs, signal);
      if (signal.aborted) return;
      this.#send(request, signal);
    }
    await until(startMs + 1_000, signal);
  }

  /** Resolves when no request is in flight. */
  async finished(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  #send({ user, path }: Omit<PlannedRequest, "afterMs">, signal: AbortSignal): void {
    if (this.#inFlight.size >= MAX_IN_FLIGHT) {
      this.counts.skipped += 1;
      return;
    }
    this.counts.sent += 1;
    const done: Promise<void> = this.#ask(user, path, signal).finally(() => this.#inFlight.delete(done));
    this.#inFlight.add(done);
  }

  async #ask(user: string, path: string, signal: AbortSignal): Promise<void> {
    try {
      const response = await fetch(new URL(path, this.#url), {
        headers: { "X-API-Key": this.#keys[user] ?? "" },
        signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]),
      });
      await response.body?.cancel();
      if (response.status === 429) this.counts.denied += 1;
      // The demo origin has no /api/refresh and answers 404.
      else if (response.ok || response.status === 404) this.counts.allowed += 1;
      else this.counts.failed += 1;
    } catch {
      this.counts.failed += 1;
    }
  }
}

async function until(timeMs: number, signal: AbortSignal): Promise<void> {
  const ms = timeMs - performance.now();
  if (ms > 0 && !signal.aborted) await wait(ms, undefined, { signal }).catch(() => {});
}
