/**
 * Asks users' objects for a checkpoint when their users pause: an object has no timer of its own, since one that waits is billed and an
 * isolate that waits is not. If this isolate is gone by then, the object's floors still hold: only exactness is lost.
 */
import { BoundedCache } from "../bounded-cache.ts";
import { CHECKPOINT_AFTER_MS } from "../objects/object-call.ts";
import type { WaitUntil } from "../wait-until.ts";
import type { LastHeard } from "./last-heard.ts";

/** Subjects that may have state to write. Those beyond are written by other isolates, or not exactly. */
const SUBJECTS = 10_000;

export class Checkpoints {
  readonly #heard: LastHeard;
  readonly #send: (subject: string) => Promise<unknown>;
  readonly #waiting = new BoundedCache<true>(SUBJECTS);

  /** @param send asks an object for a checkpoint. */
  constructor(heard: LastHeard, send: (subject: string) => Promise<unknown>) {
    this.#heard = heard;
    this.#send = send;
  }

  /** Asks for one when the subject's object has not been called for a while. */
  later(subject: string, waitUntil: WaitUntil): void {
    const nowMs = Date.now();
    if (this.#waiting.get(subject, nowMs)) return;
    // If this work is cancelled, a later call asks.
    this.#waiting.set(subject, true, nowMs + 2 * CHECKPOINT_AFTER_MS);
    waitUntil(this.#wait(subject));
  }

  async #wait(subject: string): Promise<void> {
    await scheduler.wait(CHECKPOINT_AFTER_MS);
    this.#waiting.delete(subject);
    const leftMs = this.#activeForMs(subject);
    if (leftMs > 0) await scheduler.wait(leftMs);
    // A call since then has begun another wait.
    if (this.#waiting.getStale(subject) || this.#activeForMs(subject) > 0) return;
    await this.#send(subject);
  }

  /** How long until the subject's object has not been called for a while. */
  #activeForMs(subject: string): number {
    const idleMs = Date.now() - (this.#heard.latest(subject)?.atMs ?? 0);
    return CHECKPOINT_AFTER_MS - Math.max(0, idleMs);
  }
}
