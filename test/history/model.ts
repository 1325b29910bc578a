/**
 * What one user may still spend, by definition: whole numbers, one counter for each limit, nothing forgotten. Shares neither code
 * nor representation with the product, and knows nothing of floors, rows or isolates.
 *
 * Where the product may choose (at which of two rates a pause is paid, whether a lease that was never settled is charged), two
 * models bracket it: the generous one never holds less than the product may, the stingy one never more.
 */
import { HOUR_MS } from "../../src/core/time.ts";
import { periodStartMs, type Rule } from "./policies.ts";

/** Something that was admitted: it counts in every quota of its time, whatever limits were in force. */
interface Admission {
  readonly milli: number;
  readonly keyId: string | null;
  readonly atMs: number;
  /** The latest moment that the object's clock had seen by then. */
  readonly seenMs: number;
  /** Whether a quota that counted it was in force, of the user or of the key: then a crash cannot hide it from another. */
  readonly isCovered: { readonly user: boolean; readonly key: boolean };
}

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
  readonly #admitted: Admission[] = [];
  /** How much had been admitted when a limit was reset last, by its name; "" for all limits. */
  readonly #resets = new Map<string, number>();
  #seenMs = 0;
  #hasLost = false;
  #lostMilli = 0;

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
   * @param milli what the ledger may lack by it.
   */
  lose(milli: number): void {
    this.#hasLost = true;
    this.#lostMilli += milli;
  }

  /** Counts something admitted under these rules in the quotas to come. */
  admit(milli: number, rules: readonly Rule[], keyId: string | null, atMs: number): void {
    const quotas = rules.filter(({ kind }) => kind === "quota");
    const isCovered = { user: quotas.length > 0, key: quotas.some(({ byKey }) => byKey) };
    this.#admitted.push({ milli, keyId, atMs, seenMs: Math.max(this.#seenMs, atMs), isCovered });
  }

  /** What of a rule is used at a moment of the object's clock. */
  usedMilli(name: string, rule: Rule, nowMs: number): number {
    if (rule.kind === "quota") return this.#usedOfQuota(name, rule, nowMs);
    const counter = this.#counters.get(name);
    if (!counter) return 0;
    const latestMs = this.#isGenerous ? Math.max(nowMs, this.#seenMs) : nowMs;
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

  /** A clock that steps back leaves a quota in the newer period, or in the older one if it was forgotten meanwhile. */
  #usedOfQuota(name: string, rule: Rule, nowMs: number): number {
    const since = Math.max(this.#resets.get("") ?? 0, this.#resets.get(rule.name) ?? 0);
    const admitted = this.#admitted
      .slice(since)
      .filter(({ keyId }) => !rule.byKey || name === counterOf(rule, keyId));
    const starts = [nowMs, Math.max(nowMs, this.#seenMs)].map((atMs) => periodStartMs(rule, atMs));
    const used = starts.map((startMs) => {
      const counted = admitted.filter(({ atMs, seenMs }) => {
        const from = periodStartMs(rule, atMs);
        return this.#isGenerous
          ? from === startMs
          : from <= startMs && startMs <= periodStartMs(rule, seenMs);
      });
      const sum = (of: readonly Admission[]): number => of.reduce((all, { milli }) => all + milli, 0);
      if (!this.#isGenerous) return sum(counted);
      const uncovered = counted.filter(({ isCovered }) => !(rule.byKey ? isCovered.key : isCovered.user));
      return sum(counted) - Math.min(this.#lostMilli, sum(uncovered));
    });
    return this.#isGenerous ? Math.min(...used) : Math.max(...used);
  }

  /** Charges a bucket. */
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
    for (const limit of limits ?? [""]) this.#resets.set(limit, this.#admitted.length);
    for (const name of this.#counters.keys()) {
      if (limits === null || limits.includes(limitOf(name))) this.#counters.delete(name);
    }
  }

  /** The latest moment that the object's clock has seen. */
  get seenMs(): number {
    return this.#seenMs;
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
