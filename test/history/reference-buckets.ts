/** The buckets of the judge from outside: what each owes, in true time, whatever is lent. */
import { limitOf } from "./model.ts";

interface Debt {
  milli: number;
  /** By the object's clock. */
  atMs: number;
  /** How fast it has been refilled since then. */
  perMs: number;
  /** When it was last charged by that clock, the latest time that has shown since, and how often the object had lost its memory by then. */
  chargedMs: number;
  seenMs: number;
  /** When it is full again if nothing else is charged, at this rate, in true time. */
  fullMs: number;
  losses: number;
}

/** After a crash, no bucket is held for longer. */
const FLOOR_HOLD_MS = 5_000;

export class ReferenceBuckets {
  readonly #milliPerMs: (counter: string) => number;
  readonly #debts = new Map<string, Debt>();
  #losses = 0;

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
    this.#losses += 1;
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

  /** An object that has restarted knows no old rate of a bucket that it has not charged since: all its time counts at the new one. */
  setRates(nowMs: number): void {
    for (const [counter, debt] of this.#debts) {
      const perMs = this.#milliPerMs(counter);
      const isForgotten = debt.losses < this.#losses && perMs > debt.perMs;
      const elapsedMs = Math.max(0, nowMs - debt.chargedMs);
      if (isForgotten) debt.milli = Math.max(0, debt.milli - (perMs - debt.perMs) * elapsedMs);
      debt.perMs = perMs;
    }
  }

  /** How often the object has lost its memory. */
  get losses(): number {
    return this.#losses;
  }

  /**
   * @param life how often the object had lost its memory when it admitted this, or lent for it: of what an earlier life has lent, a later
   * one does not hear before it is settled.
   * @returns what the bucket owes then.
   */
  charge(counter: string, milli: number, localMs: number, atMs: number, life: number): number {
    const unused: Debt = {
      milli: 0,
      atMs: localMs,
      perMs: this.#milliPerMs(counter),
      chargedMs: localMs,
      seenMs: localMs,
      fullMs: atMs,
      losses: life,
    };
    const debt = this.#debts.get(counter) ?? unused;
    this.#debts.set(counter, debt);
    bring(debt, localMs);
    debt.milli += milli;
    debt.seenMs = localMs;
    debt.fullMs = atMs + debt.milli / debt.perMs;
    if (life === this.#losses) {
      debt.chargedMs = localMs;
      debt.losses = life;
    }
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
