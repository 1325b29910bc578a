/**
 * Deadlines for remote calls: every call out of the Worker has one.
 *
 * A deadline counts only the time in which the isolate can receive the answer. A busy isolate reads answers late, and clients can keep an
 * isolate busy: a deadline by the clock alone would take that for a failing callee.
 *
 * The call itself continues, since a platform promise cannot be cancelled; its late result is dropped. Never shared between requests.
 */

/** If a timer fires later than this, the isolate was busy. A larger value blames callees for a busy isolate; a smaller one counts jitter. */
const LATE_MS = 100;
/** Less busy time is ignored, however short the wait was. */
const MIN_BUSY_MS = 500;
/** A wait ends after at most this many times its length, however busy the isolate is. */
export const MAX_STRETCH = 3;

export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
  /** Whether the isolate was busy for as long as the wait itself: then this says nothing about the callee. */
  readonly wasBusy: boolean;

  constructor(message: string, wasBusy = false) {
    super(message);
    this.wasBusy = wasBusy;
  }
}

/** Extends one wait while the isolate is busy. */
export class Stretch {
  readonly #timeoutMs: number;
  #usedMs = 0;

  /** @param timeoutMs the length of the wait without extension. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Whether the isolate was busy for at least that length. */
  get wasBusy(): boolean {
    return this.#usedMs >= Math.max(this.#timeoutMs, MIN_BUSY_MS);
  }

  /** How much longer to wait, ms: the time by which a timer fired late; 0 if it was on time or the wait must end. */
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
