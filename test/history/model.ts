/**
 * What one user may still spend, by definition: whole numbers, one counter per limit, nothing forgotten. Shares neither code
 * nor representation with the product, and has no floors, rows or isolates.
 *
 * If the product may choose (the rate at which a pause is paid off, whether a lease that was never settled is charged), two
 * models bracket it: the generous one never has less left than the product may have, the stingy one never more.
 */
import { HOUR_MS } from "../../src/core/time.ts";
import { originOf } from "./history.ts";
import { type Per, periodStartMs, type Rule } from "./policies.ts";

/** An admission: it counts in every quota of its period, whatever limits were in force. */
interface Admission {
  readonly milli: number;
  /** The first key of its key's lineage; null: without a key. */
  readonly origin: string | null;
  readonly atMs: number;
  /** The latest time that the object's clock had shown before. */
  readonly seenMs: number;
  /** The beginning of the last period that it was counted for, and of the periods of both times. */
  per: Per | null;
  fromMs: number;
  seenFromMs: number;
  /** Whether a quota that counts it was in force, per user or per key: then a crash cannot hide it from another quota. */
  readonly isCovered: { readonly user: boolean; readonly key: boolean };
}

interface Counter {
  usedMilli: number;
  /** When it was last charged, or known to be held until. */
  atMs: number;
  /** The latest time that the object's clock has shown since. */
  seenMs: number;
  /** The highest (generous) or lowest (stingy) of the rates in force since then. */
  milliPerMs: number;
}

export class Model {
  readonly #isGenerous: boolean;
  readonly #counters = new Map<string, Counter>();
  readonly #admitted: Admission[] = [];
  /** The number of admissions when a limit was last reset, by its name; "" for all limits. */
  readonly #resets = new Map<string, number>();
  #seenMs = 0;
  #hasLost = false;
  #lostMilli = 0;

  constructor(isGenerous: boolean) {
    this.#isGenerous = isGenerous;
  }

  /** Notes a time of the object's clock: what was refilled by then may be forgotten, even if the clock steps back afterwards. */
  see(nowMs: number): void {
    this.#seenMs = Math.max(this.#seenMs, nowMs);
    for (const counter of this.#counters.values()) counter.seenMs = Math.max(counter.seenMs, nowMs);
  }

  /**
   * Loses what was only in memory. Storage has the debt as of an earlier time.
   * @param milli how much the ledger may lack because of it.
   * @param nextMs the time by the clock of the next life, which holds its counters for five seconds at most.
   */
  lose(milli: number, nextMs: number): void {
    this.#hasLost = true;
    this.#lostMilli += milli;
    if (!this.#isGenerous) return;
    for (const counter of this.#counters.values()) {
      // What is on disk may be as of the latest time.
      if (counter.seenMs > counter.atMs) {
        const refilledMilli = counter.milliPerMs * (counter.seenMs - counter.atMs);
        counter.usedMilli = Math.max(0, counter.usedMilli - refilledMilli);
        counter.atMs = counter.seenMs;
      }
      counter.atMs = Math.min(counter.atMs, nextMs + 5_000);
    }
  }

  /** Notes an admission under these rules, for quotas of any definition. @param seenMs the latest time that the clock had shown. */
  admit(
    milli: number,
    rules: readonly Rule[],
    keyId: string | null,
    atMs: number,
    seenMs = Math.max(this.#seenMs, atMs),
  ): void {
    const quotas = rules.filter(({ kind }) => kind === "quota");
    const isCovered = { user: quotas.length > 0, key: quotas.some(({ byKey }) => byKey) };
    const origin = keyId && originOf(keyId);
    this.#admitted.push({ milli, origin, atMs, seenMs, per: null, fromMs: 0, seenFromMs: 0, isCovered });
  }

  /** The highest (generous) or lowest (stingy) of the rates in force since the bucket was last charged; undefined: it never was. */
  rateOf(name: string): number | undefined {
    return this.#counters.get(name)?.milliPerMs;
  }

  /** How much of a rule is used at a time of the object's clock. */
  usedMilli(name: string, rule: Rule, nowMs: number): number {
    if (rule.kind === "quota") return this.#usedOfQuota(name, rule, nowMs);
    const counter = this.#counters.get(name);
    if (!counter) return 0;
    // An object that starts with a clock that is behind holds its counters for five seconds at most.
    if (this.#isGenerous && this.#hasLost) counter.atMs = Math.min(counter.atMs, nowMs + 5_000);
    const latestMs = this.#isGenerous ? Math.max(nowMs, counter.seenMs) : nowMs;
    counter.milliPerMs = this.#isGenerous
      ? Math.max(counter.milliPerMs, rule.milliPerMs)
      : Math.min(counter.milliPerMs, rule.milliPerMs);
    if (counter.usedMilli <= counter.milliPerMs * (latestMs - counter.atMs)) return 0;
    return Math.max(0, counter.usedMilli - counter.milliPerMs * Math.max(0, nowMs - counter.atMs));
  }

  /** After the clock steps back, a quota stays in the newer period, or is in the older one if it was forgotten meanwhile. */
  #usedOfQuota(name: string, rule: Rule, nowMs: number): number {
    const since = Math.max(this.#resets.get("") ?? 0, this.#resets.get(rule.name) ?? 0);
    const nowStartMs = periodStartMs(rule.per, nowMs);
    const seenStartMs = periodStartMs(rule.per, Math.max(nowMs, this.#seenMs));
    const used = this.#usedSince(since, name, rule, nowStartMs);
    if (seenStartMs === nowStartMs) return used;
    const usedOfSeen = this.#usedSince(since, name, rule, seenStartMs);
    return this.#isGenerous ? Math.min(used, usedOfSeen) : Math.max(used, usedOfSeen);
  }

  /** What was admitted in the period that begins then. Without allocations: every reading of a quota looks at every admission. */
  #usedSince(since: number, name: string, { per, byKey, name: limit }: Rule, startMs: number): number {
    let milli = 0;
    let uncoveredMilli = 0;
    for (let i = since; i < this.#admitted.length; i++) {
      const one = this.#admitted[i];
      if (!one || (byKey && name !== `${limit}#${one.origin}`)) continue;
      if (one.per !== per) {
        one.per = per;
        one.fromMs = periodStartMs(per, one.atMs);
        one.seenFromMs = periodStartMs(per, one.seenMs);
      }
      const isIn = this.#isGenerous
        ? one.fromMs === startMs
        : one.fromMs <= startMs && startMs <= one.seenFromMs;
      if (!isIn) continue;
      milli += one.milli;
      if (!(byKey ? one.isCovered.key : one.isCovered.user)) uncoveredMilli += one.milli;
    }
    return this.#isGenerous ? milli - Math.min(this.#lostMilli, uncoveredMilli) : milli;
  }

  /** Charges a bucket. */
  charge(name: string, rule: Rule, milli: number, nowMs: number): void {
    const before = this.usedMilli(name, rule, nowMs);
    const counter = this.#counters.get(name);
    const known = counter?.atMs ?? nowMs;
    // A full bucket may have been forgotten, and then refills from now on even if the clock has stepped back.
    const mayBeForgotten = this.#isGenerous && before === 0;
    this.#counters.set(name, {
      usedMilli: before + milli,
      atMs: mayBeForgotten ? nowMs : Math.max(known, nowMs),
      seenMs: nowMs,
      milliPerMs: rule.milliPerMs,
    });
  }

  /** Forgets what was used of these limits by any key; null: of all limits. */
  reset(limits: readonly string[] | null): void {
    for (const limit of limits ?? [""]) this.#resets.set(limit, this.#admitted.length);
    for (const name of this.#counters.keys()) {
      if (limits === null || limits.includes(limitOf(name))) this.#counters.delete(name);
    }
  }

  /** The latest time that the object's clock has shown. */
  get seenMs(): number {
    return this.#seenMs;
  }
}

/** The counter of a rule for a request of this key; null if the rule does not count the request. */
export function counterOf(rule: Rule, keyId: string | null): string | null {
  if (!rule.byKey) return rule.name;
  return keyId === null ? null : `${rule.name}#${originOf(keyId)}`;
}

/** The name of the limit that a counter is of. */
export function limitOf(counter: string): string {
  return counter.split("#", 1)[0] ?? counter;
}

export function hourOf(ms: number): number {
  return Math.floor(ms / HOUR_MS);
}
