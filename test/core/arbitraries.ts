/**
 * Generators for fast-check: limits with awkward numbers, and schedules of requests with awkward clocks.
 *
 * A generated limit is a plain specification from which a test builds both the compiled limit and the exact model.
 */
import fc from "fast-check";
import { type CalendarQuota, calendarQuota } from "../../src/core/calendar-quota.ts";
import type { CalendarPeriod } from "../../src/core/calendar.ts";
import { type Period, PERIOD_MS, type TokenBucket, tokenBucket } from "../../src/core/token-bucket.ts";
import { ExactBucket, ExactQuota } from "./exact-model.ts";
import { fraction } from "./fraction.ts";
import type { Bound } from "./window-bound.ts";

/** Noon of 14 November 2024, a moment like any other. */
export const START_MS = 1_731_585_600_000;

const YEAR_MS = 365 * 86_400_000;

/** Largest count of the core: grains of a bucket, millitokens of a quota. */
const LARGEST = 2n ** 52n;

export interface BucketSpec {
  readonly kind: "bucket";
  readonly refillMilli: number;
  readonly per: Period;
  readonly capacityMilli: number;
}

export interface QuotaSpec {
  readonly kind: "quota";
  readonly amountMilli: number;
  readonly period: CalendarPeriod;
  readonly anchorDay: number;
}

/** The largest capacity that a rate permits: the rate's denominator is the number of grains in a millitoken. */
export function largestCapacityMilli(refillMilli: number, per: Period): number {
  return Number(LARGEST / fraction(refillMilli, PERIOD_MS[per]).d);
}

const period = fc.constantFrom<Period[]>("second", "minute", "hour", "day");

const refill = fc.oneof(
  fc.integer({ min: 1, max: 5_000 }),
  fc.integer({ min: 1, max: 5_000 }).map((tokens) => tokens * 1000),
  // Primes share no divisor with any period: the most grains per millitoken there can be.
  fc.constantFrom(7, 997, 104_729, 86_028_121, 999_999_937),
  fc.constantFrom(2 ** 40, 2 ** 40 + 1),
);

/** Any bucket the core accepts, from a thousandth of a token to the largest. */
export const bucketSpec: fc.Arbitrary<BucketSpec> = fc
  .record({
    refillMilli: refill,
    per: period,
    wishedMilli: fc.oneof(
      fc.integer({ min: 1, max: 2_000 }),
      fc.integer({ min: 1, max: 2_000 }).map((tokens) => tokens * 1000),
      fc.constant(Number(LARGEST)),
    ),
  })
  .map(({ refillMilli, per, wishedMilli }) => ({
    kind: "bucket",
    refillMilli,
    per,
    capacityMilli: Math.min(wishedMilli, largestCapacityMilli(refillMilli, per)),
  }));

export const quotaSpec: fc.Arbitrary<QuotaSpec> = fc.record({
  kind: fc.constant("quota" as const),
  amountMilli: fc.oneof(
    fc.integer({ min: 1, max: 5_000 }),
    fc.integer({ min: 1, max: 5_000 }).map((tokens) => tokens * 1000),
    fc.constant(Number(LARGEST)),
  ),
  period: fc.constantFrom<CalendarPeriod[]>("hour", "day", "month"),
  anchorDay: fc.integer({ min: 1, max: 31 }),
});

/** Compiles a valid bucket. */
export function compiled(spec: BucketSpec, name = "bucket"): TokenBucket {
  const limit = tokenBucket(name, spec.refillMilli, spec.per, spec.capacityMilli);
  if (limit === null) throw new Error(`not permitted: ${JSON.stringify(spec)}`);
  return limit;
}

/** Compiles a valid quota. */
export function compiledQuota(spec: QuotaSpec, name = "quota"): CalendarQuota {
  const limit = calendarQuota(name, spec.amountMilli, spec.period, spec.anchorDay);
  if (limit === null) throw new Error(`not permitted: ${JSON.stringify(spec)}`);
  return limit;
}

export function exactBucket(spec: BucketSpec, nowMs: number): ExactBucket {
  return new ExactBucket(spec.refillMilli, PERIOD_MS[spec.per], spec.capacityMilli, nowMs);
}

export function exactQuota(spec: QuotaSpec, nowMs: number): ExactQuota {
  return new ExactQuota(spec.amountMilli, spec.period, spec.anchorDay, nowMs);
}

/** The bound that a bucket promises. */
export function boundOf(spec: BucketSpec): Bound {
  return {
    refillMilli: spec.refillMilli,
    periodMs: PERIOD_MS[spec.per],
    burstMilli: spec.capacityMilli,
  };
}

/**
 * A step of a schedule: how the clock moves before the next request.
 * - `by`: moves by this much; 0 stands still, a negative value steps back.
 * - `retry`: moves to the retry time of the last denial plus this much (-1: one millisecond too early).
 */
export type ClockStep =
  | { readonly kind: "by"; readonly ms: number }
  | { readonly kind: "retry"; readonly plusMs: number };

/** A cost: a number of millitokens, or a share of the limit's capacity plus a few millitokens, which may exceed the capacity. */
export type CostStep =
  | { readonly kind: "milli"; readonly milli: number }
  | { readonly kind: "share"; readonly thousandths: number; readonly plusMilli: number };

export interface Step {
  readonly clock: ClockStep;
  readonly cost: CostStep;
}

const forward = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 5_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 5_000, max: 40 * 86_400_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 10 }).map((years) => years * YEAR_MS + 1) },
);

/** Clocks that stand still, step back, and leap over years. */
export const clockStep: fc.Arbitrary<ClockStep> = fc.oneof(
  { weight: 6, arbitrary: forward.map((ms) => ({ kind: "by" as const, ms })) },
  { weight: 1, arbitrary: fc.integer({ min: -100_000, max: -1 }).map((ms) => ({ kind: "by" as const, ms })) },
  {
    weight: 3,
    arbitrary: fc.integer({ min: -1, max: 1 }).map((plusMs) => ({ kind: "retry" as const, plusMs })),
  },
);

export const costStep: fc.Arbitrary<CostStep> = fc.oneof(
  fc.integer({ min: 0, max: 3_000 }).map((milli) => ({ kind: "milli" as const, milli })),
  fc.record({
    kind: fc.constant("share" as const),
    thousandths: fc.integer({ min: 0, max: 1_000 }),
    plusMilli: fc.integer({ min: 0, max: 1 }),
  }),
);

export const schedule: fc.Arbitrary<Step[]> = fc.array(fc.record({ clock: clockStep, cost: costStep }), {
  minLength: 1,
  maxLength: 40,
});

/** The time after a step. `retryAtMs` is that of the last decision: 0 or Infinity if it has none. */
export function movedMs(step: ClockStep, nowMs: number, retryAtMs: number): number {
  if (step.kind === "by") return nowMs + step.ms;
  const known = retryAtMs > 0 && retryAtMs < START_MS + 400 * YEAR_MS;
  return known ? retryAtMs + step.plusMs : nowMs;
}

/** Millitokens of a step, for a limit that holds `capacityMilli`. */
export function costOf(step: CostStep, capacityMilli: number): number {
  if (step.kind === "milli") return step.milli;
  return Number((BigInt(capacityMilli) * BigInt(step.thousandths)) / 1000n) + step.plusMilli;
}
