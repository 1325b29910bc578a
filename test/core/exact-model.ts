/**
 * The limits by definition, in rational arithmetic: the reference that the core is compared with.
 *
 * A bucket is a water level that rises in real time up to a cap; a quota is the list of all admissions ever; a plan checks
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

/** One limit of the model. Remembers the latest time it was advanced to; an earlier one does not move it back. */
export interface ExactLimit {
  advance(nowMs: number): void;
  holds(costMilli: number): boolean;
  charge(costMilli: number): void;
  /** 0 if the cost passes now, Infinity if it never will. */
  retryAtMs(costMilli: number): number;
  remainingMilli(): number;
  resetsAtMs(): number;
}

/** A bucket of `capacityMilli` that refills evenly by `refillMilli` per `periodMs`. */
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

  /** Changes the limit. What was used stays used, so the level may be negative afterwards. */
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
    // A cost of 0 passes even if a lowered limit is overdrawn.
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

  /** The first whole millisecond at which the level reaches `target` (which is not below the level). */
  #reachesMs(target: Fraction): number {
    return this.#nowMs + Number(ceiling(over(minus(target, this.#level), this.#perMs)));
  }
}

/** An amount per calendar period. Keeps every admission forever and adds up those of the current period. */
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

/** The model's decision about one cost under several limits. */
export interface ExactDecision {
  readonly allowed: boolean;
  /** Positions of the limits that reject the cost. */
  readonly rejecting: readonly number[];
  readonly retryAtMs: number;
}

/** Checks every limit first, then charges all of them or none. */
export function decideExactly(
  limits: readonly ExactLimit[],
  costMilli: number,
  nowMs: number,
): ExactDecision {
  for (const limit of limits) limit.advance(nowMs);
  const rejecting = limits.flatMap((limit, position) => (limit.holds(costMilli) ? [] : [position]));
  const retryAtMs = Math.max(0, ...limits.map((limit) => limit.retryAtMs(costMilli)));
  const allowed = rejecting.length === 0;
  if (allowed) for (const limit of limits) limit.charge(costMilli);
  return { allowed, rejecting, retryAtMs };
}
