/**
 * What one user may still spend, by definition: whole numbers, one counter for each limit, nothing forgotten. Shares neither code
 * nor representation with the product, and knows nothing of floors, rows or isolates.
 *
 * Where the product may choose (at which of two rates a pause is paid, whether a lease that was never settled is charged), two
 * models bracket it: the generous one never holds less than the product may, the stingy one never more.
 */
import { HOUR_MS, type Rule } from "./policies.ts";

interface Counter {
  usedMilli: number;
  /** When it was last charged. */
  atMs: number;
  /** Of the rates in force since then, the one that suits this model. */
  milliPerMs: number;
  /** Since when it has not been full, and the slowest rate in force since then. */
  readonly busySinceMs: number;
  readonly slowestPerMs: number;
}

export class Model {
  readonly #isGenerous: boolean;
  readonly #counters = new Map<string, Counter>();
  #seenMs = 0;
  #hasLost = false;

  constructor(isGenerous: boolean) {
    this.#isGenerous = isGenerous;
  }

  /** The object's clock has been there: what was refilled by then may have been forgotten, though the clock steps back after. */
  see(nowMs: number): void {
    this.#seenMs = Math.max(this.#seenMs, nowMs);
  }

  /**
   * What was in memory alone is gone. Storage knows the debt as of an earlier moment; where the rate is raised after that, the time
   * since is paid at the new rate, though some of it was paid before.
   */
  lose(): void {
    this.#hasLost = true;
  }

  /** What of a rule is used at a moment of the object's clock. */
  usedMilli(name: string, rule: Rule, nowMs: number): number {
    const counter = this.#counters.get(name);
    if (!counter) return 0;
    const latestMs = this.#isGenerous ? Math.max(nowMs, this.#seenMs) : nowMs;
    if (rule.kind === "quota") return hourOf(latestMs) > hourOf(counter.atMs) ? 0 : counter.usedMilli;
    counter.milliPerMs = this.#isGenerous
      ? Math.max(counter.milliPerMs, rule.milliPerMs)
      : Math.min(counter.milliPerMs, rule.milliPerMs);
    if (counter.usedMilli <= counter.milliPerMs * (latestMs - counter.atMs)) return 0;
    const twicePaid =
      this.#isGenerous && this.#hasLost
        ? (counter.milliPerMs - counter.slowestPerMs) * (counter.atMs - counter.busySinceMs)
        : 0;
    const refilled = counter.milliPerMs * Math.max(0, nowMs - counter.atMs) + Math.max(0, twicePaid);
    return Math.max(0, counter.usedMilli - refilled);
  }

  charge(name: string, rule: Rule, milli: number, nowMs: number): void {
    const before = this.usedMilli(name, rule, nowMs);
    const counter = this.#counters.get(name);
    const known = counter?.atMs ?? nowMs;
    const isBusy = counter !== undefined && before > 0;
    // A full bucket may have been forgotten, and then refills from now on though the clock has stepped back.
    const mayBeForgotten = this.#isGenerous && before === 0;
    this.#counters.set(name, {
      usedMilli: before + milli,
      atMs: mayBeForgotten ? nowMs : Math.max(known, nowMs),
      milliPerMs: rule.milliPerMs,
      busySinceMs: isBusy ? counter.busySinceMs : nowMs,
      slowestPerMs: isBusy ? Math.min(counter.slowestPerMs, rule.milliPerMs) : rule.milliPerMs,
    });
  }

  /** Forgets what was used of these limits, whatever key they count by; of all where null. */
  reset(limits: readonly string[] | null): void {
    for (const name of this.#counters.keys()) {
      if (limits === null || limits.includes(limitOf(name))) this.#counters.delete(name);
    }
  }

  /** When this counter's period began, for a quota. */
  periodStartMs(name: string, nowMs: number): number {
    return hourOf(Math.max(nowMs, this.#counters.get(name)?.atMs ?? nowMs)) * HOUR_MS;
  }
}

/** The counter of a rule for a request of this key; null where it does not count it. */
export function counterOf(rule: Rule, keyId: string | null): string | null {
  if (!rule.byKey) return rule.name;
  return keyId === null ? null : `${rule.name}#${keyId}`;
}

function limitOf(counter: string): string {
  return counter.split("#", 1)[0] ?? counter;
}

export function hourOf(ms: number): number {
  return Math.floor(ms / HOUR_MS);
}
