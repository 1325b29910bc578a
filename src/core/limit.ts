/**
 * Any limit, whatever its kind: one vocabulary over the token bucket and the calendar quota.
 *
 * A new kind of limit is a file of its own with the same functions, and one case here in each switch.
 *
 * Pure: no I/O and no clock.
 */
import * as quota from "./calendar-quota.ts";
import * as bucket from "./token-bucket.ts";

export type Limit = bucket.TokenBucket | quota.CalendarQuota;
export type LimitState = bucket.BucketState | quota.QuotaState;

/** A limit with its state at one moment, so that the two always match in kind. */
export type Meter =
  | { readonly kind: "bucket"; readonly limit: bucket.TokenBucket; readonly state: bucket.BucketState }
  | { readonly kind: "quota"; readonly limit: quota.CalendarQuota; readonly state: quota.QuotaState };

/** Brings a state to `nowMs`. No state, or one of another kind (the policy changed it), starts fresh. */
export function meterAt(limit: Limit, state: LimitState | undefined, nowMs: number): Meter {
  switch (limit.kind) {
    case "bucket": {
      const now = state?.kind === "bucket" ? bucket.at(limit, state, nowMs) : bucket.fresh(limit, nowMs);
      return { kind: "bucket", limit, state: now };
    }
    case "quota": {
      const now = state?.kind === "quota" ? quota.at(limit, state, nowMs) : quota.fresh(limit, nowMs);
      return { kind: "quota", limit, state: now };
    }
  }
}

/** Until when `costMilli` is refused: 0 where it passes now, Infinity where it never will. */
export function blockedUntilMs(meter: Meter, costMilli: number): number {
  return meter.kind === "bucket"
    ? bucket.blockedUntilMs(meter.limit, meter.state, costMilli)
    : quota.blockedUntilMs(meter.limit, meter.state, costMilli);
}

/** The meter after `costMilli` more is spent, whether or not the limit holds it. */
export function spend(meter: Meter, costMilli: number): Meter {
  return meter.kind === "bucket"
    ? { ...meter, state: bucket.spend(meter.limit, meter.state, costMilli) }
    : { ...meter, state: quota.spend(meter.limit, meter.state, costMilli) };
}

/** Whether `floor` allows for at least all that `meter` has spent. Both must be brought to the same moment. */
export function covers(floor: Meter, meter: Meter): boolean {
  if (floor.kind === "bucket" && meter.kind === "bucket") {
    // The meter may be ahead of the clock, where that stepped back: the floor is refilled up to the meter's own time.
    return bucket.covers(bucket.at(floor.limit, floor.state, meter.state.atMs), meter.state);
  }
  if (floor.kind === "quota" && meter.kind === "quota") return quota.covers(floor.state, meter.state);
  return false;
}

/** Whether nothing is spent, so that forgetting the state changes nothing. */
export function isAtRest(meter: Meter): boolean {
  return meter.kind === "bucket" ? meter.state.debtGrains === 0 : meter.state.usedMilli === 0;
}

/** When nothing will be spent any more if nobody spends: the bucket is full, the quota's period over. */
export function restsAtMs(meter: Meter): number {
  return meter.kind === "bucket" ? bucket.fullAtMs(meter.limit, meter.state) : meter.state.endMs;
}

/** The most a limit holds, in millitokens. */
export function capacityMilli(limit: Limit): number {
  return limit.kind === "bucket" ? limit.capacityMilli : limit.amountMilli;
}

/** What a client may know of one limit, in millitokens and milliseconds. */
export interface Reading {
  readonly name: string;
  readonly limitMilli: number;
  readonly remainingMilli: number;
  /** Until full again (bucket), until the next token (empty bucket) or until the period ends (quota). */
  readonly resetMs: number;
  /** In which an empty bucket fills, or the length of the quota's period. */
  readonly windowMs: number;
}

/** Reads a meter as of `nowMs`. */
export function read(meter: Meter, nowMs: number): Reading {
  const { kind, limit, state } = meter;
  if (kind === "bucket") {
    return {
      name: limit.name,
      limitMilli: limit.capacityMilli,
      remainingMilli: bucket.remainingMilli(limit, state),
      resetMs: bucket.resetsAtMs(limit, state) - nowMs,
      windowMs: bucket.windowMs(limit),
    };
  }
  return {
    name: limit.name,
    limitMilli: limit.amountMilli,
    remainingMilli: quota.remainingMilli(limit, state),
    resetMs: quota.resetsAtMs(limit, state) - nowMs,
    windowMs: quota.windowMs(limit, state),
  };
}
