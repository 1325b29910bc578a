/** The buckets of the judge from outside: what each owes, in true time, whatever is lent. */
import { limitOf } from "./model.ts";

interface Debt {
  milli: number;
  /** By the object's clock. */
  atMs: number;
  /** How fast it has been refilled since then. */
  perMs: number;
  /** The latest time that this clock has shown since it was last charged. */
  seenMs: number;
  /** When it is full again if nothing else is charged, at this rate, in true time. */
  fullMs: number;
}

/** After a crash, no bucket is held for longer. */
const FLOOR_HOLD_MS = 5_000;

export class ReferenceBuckets {
  readonly #milliPerMs: (counter: string) => number;
  readonly #debts = new Map<string, Debt>();

  /** @param milliPerMs how fast a counter's bucket refills now. */
  constructor(milliPerMs: (counter: string) => number) {
    this.#milliPerMs = milliPerMs;
  }

  /** Notes a time of the object's clock. */
  see(nowMs: number): void {
    for (const debt of this.#debts.values()) debt.seenMs = Math.max(debt.seenMs, nowMs);
  }

  /** The object loses its memory. @param nextMs the time by the clock of the next life. */
  lose(nextMs: number): void {
    for (const debt of this.#debts.values()) {
      // What is on disk may be as of the latest time. By the clock of the object that follows, no bucket is held for longer.
      bring(debt, debt.seenMs);
      debt.atMs = Math.min(debt.atMs, nextMs + FLOOR_HOLD_MS);
    }
  }

  /** Refills all buckets up to now. */
  bring(nowMs: number): void {
    for (const debt of this.#debts.values()) bring(debt, nowMs);
  }

  /** The rates have changed. Call {@link bring} before: the time until now counts at the old ones. */
  setRates(): void {
    for (const [counter, debt] of this.#debts) debt.perMs = this.#milliPerMs(counter);
  }

  /** @returns what the bucket owes then. */
  charge(counter: string, milli: number, localMs: number, atMs: number): number {
    const unused: Debt = {
      milli: 0,
      atMs: localMs,
      perMs: this.#milliPerMs(counter),
      seenMs: localMs,
      fullMs: atMs,
    };
    const debt = this.#debts.get(counter) ?? unused;
    this.#debts.set(counter, debt);
    bring(debt, localMs);
    debt.milli += milli;
    debt.seenMs = localMs;
    debt.fullMs = atMs + debt.milli / debt.perMs;
    return debt.milli;
  }

  /** Since when a bucket is full, or will be if nothing else is charged, in true time. */
  fullMs(counter: string): number {
    return this.#debts.get(counter)?.fullMs ?? -Infinity;
  }

  /** Forgets what was used of these limits; null: of all. */
  reset(limits: readonly string[] | null): void {
    for (const counter of this.#debts.keys()) {
      if (limits === null || limits.includes(limitOf(counter))) this.#debts.delete(counter);
    }
  }
}

/**
 * Refills a bucket up to now by the object's clock. If that has stepped back, nothing refills until it has caught up; but the object may
 * have forgotten a bucket that was full by then.
 */
function bring(debt: Debt, nowMs: number): void {
  if (debt.milli <= debt.perMs * (debt.seenMs - debt.atMs)) {
    debt.milli = 0;
    debt.atMs = nowMs;
  } else if (nowMs > debt.atMs) {
    debt.milli = Math.max(0, debt.milli - debt.perMs * (nowMs - debt.atMs));
    debt.atMs = nowMs;
  }
}
