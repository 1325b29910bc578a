/**
 * Sends the demo's requests at their time, and counts what becomes of them. Never more at once than a bound: what is due while so
 * many are under way is left out, and counted.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { DemoKeys } from "../demo-accounts.ts";
import type { PlannedRequest } from "./plan.ts";

const MOST_AT_ONCE = 64;
const DEADLINE_MS = 10_000;

export interface Counts {
  sent: number;
  allowed: number;
  denied: number;
  /** Another answer, or none. */
  failed: number;
  /** Left out, because too many were under way. */
  skipped: number;
}

export class Sender {
  readonly counts: Counts = { sent: 0, allowed: 0, denied: 0, failed: 0, skipped: 0 };
  readonly #url: URL;
  readonly #keys: DemoKeys;
  readonly #underWay = new Set<Promise<void>>();

  constructor(url: URL, keys: DemoKeys) {
    this.#url = url;
    this.#keys = keys;
  }

  /** Sends the requests of one second; ends when that second is over, or early with the signal. Never rejects. */
  async second(requests: readonly PlannedRequest[], signal: AbortSignal): Promise<void> {
    const startMs = performance.now();
    for (const { afterMs, ...request } of requests) {
      await until(startMs + afterMs, signal);
      if (signal.aborted) return;
      this.#send(request, signal);
    }
    await until(startMs + 1_000, signal);
  }

  /** Until all are answered. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #send({ user, path }: Omit<PlannedRequest, "afterMs">, signal: AbortSignal): void {
    if (this.#underWay.size >= MOST_AT_ONCE) {
      this.counts.skipped += 1;
      return;
    }
    this.counts.sent += 1;
    const done: Promise<void> = this.#ask(user, path, signal).finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }

  async #ask(user: string, path: string, signal: AbortSignal): Promise<void> {
    try {
      const response = await fetch(new URL(path, this.#url), {
        headers: { "X-API-Key": this.#keys[user] ?? "" },
        signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]),
      });
      await response.body?.cancel();
      if (response.status === 429) this.counts.denied += 1;
      // The demo origin knows no /api/refresh, and says so.
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
