/**
 * How often an object is called, and how long isolates should repeat its denials for that reason. An object takes about a thousand calls
 * a second, and a user far above a limit would otherwise cause that many: each isolate asks again when its denial ends.
 *
 * A repeated denial never admits more. It may deny a request that the object would admit by then: for at most a second (G2).
 */
import { MAX_REPEAT_MS } from "../../src/core/decision.ts";

/** Calls a second that need no longer repeats. */
const CALLS_PER_SECOND = 400;
/** The shortest of longer repeats: a shorter one saves no call. */
const MIN_REPEAT_MS = 100;
/** Calls are counted for this time. */
const WINDOW_MS = 500;

export class CallRate {
  #calls = 0;
  #sinceMs = -Infinity;
  #perSecond = 0;

  called(nowMs: number): void {
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs < 0 || elapsedMs >= WINDOW_MS) {
      // Of a window that ended long ago, nothing is known.
      this.#perSecond = elapsedMs > 0 && elapsedMs < 2 * WINDOW_MS ? (this.#calls * 1_000) / elapsedMs : 0;
      this.#calls = 0;
      this.#sinceMs = nowMs;
    }
    this.#calls += 1;
  }

  /** How long denials should be repeated at least; null: as long as they hold. Milliseconds. */
  get repeatMs(): number | null {
    const perSecond = this.#perSecond;
    if (perSecond <= CALLS_PER_SECOND) return null;
    const repeatMs = (1_000 * perSecond) / CALLS_PER_SECOND - 1_000;
    return Math.ceil(Math.min(MAX_REPEAT_MS, Math.max(MIN_REPEAT_MS, repeatMs)));
  }
}
