/**
 * A deadline for a remote call: every call out of the Worker has one.
 *
 * It counts the time in which the isolate can receive the answer. A busy isolate reads answers late, and a client can keep an
 * isolate busy: a deadline by the clock alone would mistake that for a failing callee.
 *
 * The call itself goes on (a platform promise cannot be cancelled); its late result is dropped. Never shared between
 * requests.
 */

/** A timer that fires this late finds the isolate busy. A larger value blames callees for a busy isolate; a smaller one counts jitter. */
const LATE_MS = 100;
/** Less busy time than this is ignored, however short the wait was. */
const MIN_BUSY_MS = 500;
/** However busy the isolate is, a wait ends after this many times its length. */
const MAX_STRETCH = 3;

export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
  /** The isolate was busy for as long as the wait itself, so this says nothing about the callee. */
  readonly wasBusy: boolean;

  constructor(message: string, wasBusy = false) {
    super(message);
    this.wasBusy = wasBusy;
  }
}

/** By how much one wait is longer because the isolate is busy. */
export class Stretch {
  readonly #timeoutMs: number;
  #usedMs = 0;

  /** @param timeoutMs the wait's own length. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Whether the isolate was busy for at least as long as the wait's own length. */
  get wasBusy(): boolean {
    return this.#usedMs >= Math.max(this.#timeoutMs, MIN_BUSY_MS);
  }

  /** How much longer to wait, ms: by how much a timer fired late, 0 if it was on time or the wait is long enough. */
  after(setAtMs: number, timerMs: number, nowMs: number): number {
    const lateMs = nowMs - setAtMs - timerMs;
    if (lateMs <= LATE_MS) return 0;
    const moreMs = Math.min(lateMs, (MAX_STRETCH - 1) * this.#timeoutMs - this.#usedMs);
    this.#usedMs += moreMs;
    return moreMs;
  }
}

/** The promise's result, or a rejection with {@link DeadlineExceeded} after `timeoutMs` in which the isolate was not busy. */
export function withDeadline<T>(call: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const stretch = new Stretch(timeoutMs);
    let timer = waitFor(timeoutMs);
    function waitFor(ms: number): ReturnType<typeof setTimeout> {
      const setAtMs = Date.now();
      return setTimeout(() => {
        const moreMs = stretch.after(setAtMs, ms, Date.now());
        if (moreMs > 0) timer = waitFor(moreMs);
        else reject(new DeadlineExceeded(`${what}: no answer in ${timeoutMs} ms`, stretch.wasBusy));
      }, ms);
    }
    call.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (fault) => {
        clearTimeout(timer);
        reject(fault);
      },
    );
  });
}
