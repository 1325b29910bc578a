/**
 * Any limit, whatever its kind: one vocabulary over the token bucket, the calendar quota and the concurrency limit.
 *
 * A new kind of limit is a file of its own with the same functions, and one case here in each switch.
 *
 * Pure: no I/O and no clock.
 */
import * as quota from "./calendar-quota.ts";
import * as concurrency from "./concurrency.ts";
import * as bucket from "./token-bucket.ts";
import { MILLI } from "./units.ts";

export type Limit = bucket.TokenBucket | quota.CalendarQuota | concurrency.ConcurrencyLimit;
export type LimitState = bucket.BucketState | quota.QuotaState | concurrency.ConcurrencyState;

/** A limit with its state brought to one moment, so that the two always match in kind. */
export type Meter =
  | {
      readonly kind: "bucket";
      readonly limit: bucket.TokenBucket;
      readonly state: bucket.BucketState;
      readonly nowMs: number;
    }
  | {
      readonly kind: "quota";
      readonly limit: quota.CalendarQuota;
      readonly state: quota.QuotaState;
      readonly nowMs: number;
    }
  | {
      readonly kind: "concurrency";
      readonly limit: concurrency.ConcurrencyLimit;
      readonly state: concurrency.ConcurrencyState;
      readonly nowMs: number;
    };

/** Brings a state to `nowMs`. No state, or one of another kind (the policy changed it), starts fresh. */
export function meterAt(limit: Limit, state: LimitState | undefined, nowMs: number): Meter {
  switch (limit.kind) {
    case "bucket": {
      const now = state?.kind === "bucket" ? bucket.at(limit, state, nowMs) : bucket.fresh(limit, nowMs);
      return { kind: "bucket", limit, state: now, nowMs };
    }
    case "quota": {
      const now = state?.kind === "quota" ? quota.at(limit, state, nowMs) : quota.fresh(limit, nowMs);
      return { kind: "quota", limit, state: now, nowMs };
    }
    case "concurrency": {
      const now = state?.kind === "concurrency" ? concurrency.at(state, nowMs) : concurrency.fresh();
      return { kind: "concurrency", limit, state: now, nowMs };
    }
  }
}

/** Until when `costMilli` is refused: 0 where it passes now, Infinity where it never will. */
export function blockedUntilMs(meter: Meter, costMilli: number): number {
  switch (meter.kind) {
    case "bucket":
      return bucket.blockedUntilMs(meter.limit, meter.state, costMilli);
    case "quota":
      return quota.blockedUntilMs(meter.limit, meter.state, costMilli);
    case "concurrency":
      return concurrency.blockedUntilMs(meter.limit, meter.state);
  }
}

/** The meter after `costMilli` more is spent (a slot is taken), whether or not the limit holds it. */
export function spend(meter: Meter, costMilli: number): Meter {
  const { kind, limit, state, nowMs } = meter;
  switch (kind) {
    case "bucket":
      return { kind, limit, state: bucket.spend(limit, state, costMilli), nowMs };
    case "quota":
      return { kind, limit, state: quota.spend(limit, state, costMilli), nowMs };
    case "concurrency":
      return { kind, limit, state: concurrency.take(limit, state, nowMs), nowMs };
  }
}

/** Whether `floor` allows for at least all that `meter` has spent. Both must be brought to the same moment. */
export function covers(floor: Meter, meter: Meter): boolean {
  if (floor.kind === "bucket" && meter.kind === "bucket") {
    // The meter may be ahead of the clock, where that stepped back: the floor is refilled up to the meter's own time.
    return bucket.covers(bucket.at(floor.limit, floor.state, meter.state.atMs), meter.state);
  }
  if (floor.kind === "quota" && meter.kind === "quota") return quota.covers(floor.state, meter.state);
  if (floor.kind === "concurrency" && meter.kind === "concurrency") {
    return concurrency.covers(floor.state, meter.state);
  }
  return false;
}

/** Whether nothing is spent, so that forgetting the state changes nothing. */
export function isAtRest(meter: Meter): boolean {
  switch (meter.kind) {
    case "bucket":
      return meter.state.debtGrains === 0;
    case "quota":
      return meter.state.usedMilli === 0;
    case "concurrency":
      return meter.state.slotsUntilMs.length === 0;
  }
}

/** When nothing will be spent any more if nobody spends: the bucket is full, the quota's period over, every slot free. */
export function restsAtMs(meter: Meter): number {
  switch (meter.kind) {
    case "bucket":
      return bucket.fullAtMs(meter.limit, meter.state);
    case "quota":
      return meter.state.endMs;
    case "concurrency":
      return meter.state.slotsUntilMs.at(-1) ?? meter.nowMs;
  }
}

/** The most that a cost may be, in millitokens. A concurrency limit takes any cost: a request is one slot. */
export function capacityMilli(limit: Limit): number {
  switch (limit.kind) {
    case "bucket":
      return limit.capacityMilli;
    case "quota":
      return limit.amountMilli;
    case "concurrency":
      return Infinity;
  }
}

/** What a client may know of one limit, in millitokens and milliseconds. */
export interface Reading {
  readonly kind: Limit["kind"];
  readonly name: string;
  readonly limitMilli: number;
  readonly remainingMilli: number;
  /**
   * Until full again (bucket), until the next token if there is none, or until the period ends (quota). Of slots, when to ask
   * again: at most a second.
   */
  readonly resetMs: number;
  /** In which an empty bucket fills, the length of the quota's period, or how long a slot may be held. */
  readonly windowMs: number;
}

/** Reads a meter as of `nowMs`. */
export function read(meter: Meter, nowMs: number): Reading {
  const { kind, limit, state } = meter;
  const { name } = limit;
  switch (kind) {
    case "bucket":
      return {
        kind,
        name,
        limitMilli: limit.capacityMilli,
        remainingMilli: bucket.remainingMilli(limit, state),
        resetMs: bucket.resetsAtMs(limit, state) - nowMs,
        windowMs: bucket.windowMs(limit),
      };
    case "quota":
      return {
        kind,
        name,
        limitMilli: limit.amountMilli,
        remainingMilli: quota.remainingMilli(limit, state),
        resetMs: quota.resetsAtMs(limit, state) - nowMs,
        windowMs: quota.windowMs(limit, state),
      };
    case "concurrency":
      return {
        kind,
        name,
        limitMilli: limit.max * MILLI,
        remainingMilli: concurrency.remainingMilli(limit, state),
        resetMs: concurrency.resetsAtMs(limit, state, nowMs) - nowMs,
        windowMs: limit.ttlMs,
      };
  }
}
