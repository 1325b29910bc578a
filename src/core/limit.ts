/**
 * Any limit, whatever its kind: one vocabulary over the token bucket, the calendar quota and the concurrency limit.
 *
 * To add a kind of limit, add a file with the same functions and a case to each switch here.
 *
 * Pure: no I/O and no clock.
 */
import * as quota from "./calendar-quota.ts";
import * as concurrency from "./concurrency.ts";
import * as bucket from "./token-bucket.ts";
import { MILLI } from "./units.ts";

export type Limit = bucket.TokenBucket | quota.CalendarQuota | concurrency.ConcurrencyLimit;
export type LimitState = bucket.BucketState | quota.QuotaState | concurrency.ConcurrencyState;

/** A limit with its state at one moment. The two always match in kind. */
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

/** The limit with its state brought to `nowMs`: a fresh one if there is none, or if it is of another kind since the policy changed. */
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

/** Until when `costMilli` is rejected: 0 if it passes now, Infinity if it never passes. */
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

/** The meter after `costMilli` more is spent, or a slot is taken, even if the limit does not hold it. */
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

/** Whether `floor` has at least as much spent as `meter`. Both must be at the same moment. */
export function covers(floor: Meter, meter: Meter): boolean {
  if (floor.kind === "bucket" && meter.kind === "bucket") {
    // If the clock stepped back, the meter is ahead of it: refill the floor up to the meter's own time.
    return bucket.covers(bucket.at(floor.limit, floor.state, meter.state.atMs), meter.state);
  }
  if (floor.kind === "quota" && meter.kind === "quota") return quota.covers(floor.state, meter.state);
  if (floor.kind === "concurrency" && meter.kind === "concurrency") {
    return concurrency.covers(floor.state, meter.state);
  }
  return false;
}

/** Whether nothing is spent, so that the state can be dropped without effect. */
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

/** When the meter comes to rest if nothing is spent: the bucket is full, the quota's period is over, every slot is free. */
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

/** The largest cost that can pass, in millitokens. A concurrency limit takes any cost: a request is one slot. */
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

/** One limit as a client may see it, in millitokens and milliseconds. */
export interface LimitReading {
  readonly kind: Limit["kind"];
  readonly name: string;
  readonly unit: string;
  readonly limitMilli: number;
  readonly remainingMilli: number;
  /** Of a quota with an allowance; null for others. */
  readonly includedMilli: number | null;
  /** As `LimitView.resetMs` in decision.ts. */
  readonly resetMs: number;
  /** As `LimitView.windowMs`. */
  readonly windowMs: number;
}

/** Reads a meter as of `nowMs`. */
export function read(meter: Meter, nowMs: number): LimitReading {
  const { kind, limit, state } = meter;
  const { name, unit } = limit;
  switch (kind) {
    case "bucket":
      return {
        kind,
        name,
        unit,
        limitMilli: limit.capacityMilli,
        remainingMilli: bucket.remainingMilli(limit, state),
        includedMilli: null,
        resetMs: bucket.resetsAtMs(limit, state) - nowMs,
        windowMs: bucket.windowMs(limit),
      };
    case "quota":
      return {
        kind,
        name,
        unit,
        limitMilli: limit.amountMilli,
        remainingMilli: quota.remainingMilli(limit, state),
        includedMilli: limit.includedMilli,
        resetMs: quota.resetsAtMs(limit, state) - nowMs,
        windowMs: quota.windowMs(limit, state),
      };
    case "concurrency":
      return {
        kind,
        name,
        unit,
        limitMilli: limit.max * MILLI,
        remainingMilli: concurrency.remainingMilli(limit, state),
        includedMilli: null,
        resetMs: concurrency.resetsAtMs(limit, state, nowMs) - nowMs,
        windowMs: limit.ttlMs,
      };
  }
}
