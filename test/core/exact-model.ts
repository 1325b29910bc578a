/**
 * What the limits are by definition, in rational arithmetic: the reference that the core is compared to.
 *
 * A bucket is a level of water that rises in real time and is capped; a quota is the list of all that was ever admitted; a plan asks
 * every limit and then charges every limit. Slow and obviously right. Never imports the code under test, and shares no
 * representation with it (the core counts debt in whole grains, and a quota as one number).
 */
import { walkedPeriod } from "./day-walk.ts";
import {
  ceiling,
  floor,
  type Fraction,
  fraction,
  isLess,
  least,
  minus,
  over,
  plus,
  times,
} from "./fraction.ts";

/** One limit of the model. It knows the latest moment it was told of; earlier ones do not turn it back. */
export interface ExactLimit {
  advance(nowMs: number): void;
  holds(costMilli: number): boolean;
  charge(costMilli: number): void;
  /** 0 where the cost passes, Infinity where it never will. */
  retryAtMs(costMilli: number): number;
  remainingMilli(): number;
  resetsAtMs(): number;
}

/** A bucket of `capacityMilli` that `refillMilli` flow into, evenly, over each `periodMs`. */
export class ExactBucket implements ExactLimit {
  #level: Fraction;
  #capacity: Fraction;
  #perMs: Fraction;
  #nowMs: number;

  constructor(refillMilli: number, periodMs: number, capacityMilli: number, nowMs: number) {
    this.#perMs = fraction(refillMilli, periodMs);
    this.#capacity = fraction(capacityMilli);
    this.#level = this.#capacity;
    this.#nowMs = nowMs;
  }

  /** Another limit from now on. What was used stays used, so the level may be below zero afterwards. */
  change(refillMilli: number, periodMs: number, capacityMilli: number): void {
    const used = minus(this.#capacity, this.#level);
    this.#perMs = fraction(refillMilli, periodMs);
    this.#capacity = fraction(capacityMilli);
    this.#level = minus(this.#capacity, used);
  }

  advance(nowMs: number): void {
    if (nowMs <= this.#nowMs) return;
    const inflow = times(this.#perMs, fraction(nowMs - this.#nowMs));
    this.#level = least(this.#capacity, plus(this.#level, inflow));
    this.#nowMs = nowMs;
  }

  holds(costMilli: number): boolean {
    // What costs nothing passes, also where a lowered limit is overdrawn.
    return costMilli === 0 || !isLess(this.#level, fraction(costMilli));
  }

  charge(costMilli: number): void {
    this.#level = minus(this.#level, fraction(costMilli));
  }

  retryAtMs(costMilli: number): number {
    if (isLess(this.#capacity, fraction(costMilli))) return Infinity;
    return this.holds(costMilli) ? 0 : this.#reachesMs(fraction(costMilli));
  }

  remainingMilli(): number {
    return Math.max(0, Number(floor(this.#level)));
  }

  resetsAtMs(): number {
    const oneToken = least(fraction(1000), this.#capacity);
    return this.#reachesMs(isLess(this.#level, oneToken) ? oneToken : this.#capacity);
  }

  /** The first whole millisecond at which the level is at `target` (which is not below the level). */
  #reachesMs(target: Fraction): number {
    return this.#nowMs + Number(ceiling(over(minus(target, this.#level), this.#perMs)));
  }
}

/** So much per calendar period. Keeps every admission for ever and adds up those of the current period. */
export class ExactQuota implements ExactLimit {
  readonly #amountMilli: number;
  readonly #period: "hour" | "day" | "month";
  readonly #anchorDay: number;
  readonly #admitted: { atMs: number; costMilli: number }[] = [];
  #nowMs: number;

  constructor(amountMilli: number, period: "hour" | "day" | "month", anchorDay: number, nowMs: number) {
    this.#amountMilli = amountMilli;
    this.#period = period;
    this.#anchorDay = anchorDay;
    this.#nowMs = nowMs;
  }

  advance(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
  }

  holds(costMilli: number): boolean {
    return costMilli === 0 || this.#used() + BigInt(costMilli) <= BigInt(this.#amountMilli);
  }

  charge(costMilli: number): void {
    this.#admitted.push({ atMs: this.#nowMs, costMilli });
  }

  retryAtMs(costMilli: number): number {
    if (costMilli > this.#amountMilli) return Infinity;
    return this.holds(costMilli) ? 0 : this.resetsAtMs();
  }

  remainingMilli(): number {
    return Number(BigInt(this.#amountMilli) - this.#used());
  }

  resetsAtMs(): number {
    return walkedPeriod(this.#period, this.#nowMs, this.#anchorDay).endMs;
  }

  #used(): bigint {
    const { startMs, endMs } = walkedPeriod(this.#period, this.#nowMs, this.#anchorDay);
    return this.#admitted
      .filter(({ atMs }) => startMs <= atMs && atMs < endMs)
      .reduce((sum, { costMilli }) => sum + BigInt(costMilli), 0n);
  }
}

/** What the model says of one cost against several limits. */
export interface ExactDecision {
  readonly allowed: boolean;
  /** Positions of the limits that refused. */
  readonly refusing: readonly number[];
  readonly retryAtMs: number;
}

/** Asks every limit first, charges every limit afterwards, or none. */
export function decideExactly(
  limits: readonly ExactLimit[],
  costMilli: number,
  nowMs: number,
): ExactDecision {
  for (const limit of limits) limit.advance(nowMs);
  const refusing = limits.flatMap((limit, position) => (limit.holds(costMilli) ? [] : [position]));
  const retryAtMs = Math.max(0, ...limits.map((limit) => limit.retryAtMs(costMilli)));
  const allowed = refusing.length === 0;
  if (allowed) for (const limit of limits) limit.charge(costMilli);
  return { allowed, refusing, retryAtMs };
}
