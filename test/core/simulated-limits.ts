/** The limits of a simulated object: fast, slow, tiny, full again within two seconds, and hourly, with rates that give odd fractions. */
import type { Charge } from "../../src/core/plan.ts";
import { type BucketSpec, compiled, compiledQuota, type QuotaSpec } from "./arbitraries.ts";

export const FAST: BucketSpec = {
  kind: "bucket",
  refillMilli: 997_000,
  per: "minute",
  capacityMilli: 400_000,
};
export const SLOW: BucketSpec = { kind: "bucket", refillMilli: 700_001, per: "day", capacityMilli: 250_500 };
export const TINY: BucketSpec = { kind: "bucket", refillMilli: 5_000, per: "minute", capacityMilli: 5_000 };
/** A tenth of it refills in a fifth of a second, so that its floors are held. */
export const QUICK: BucketSpec = {
  kind: "bucket",
  refillMilli: 50_003,
  per: "second",
  capacityMilli: 100_500,
};
export const HOURLY: QuotaSpec = { kind: "quota", amountMilli: 900_000, period: "hour", anchorDay: 1 };

export const buckets: Record<string, BucketSpec> = { fast: FAST, slow: SLOW, tiny: TINY, quick: QUICK };
export const fast: Charge = { counter: "fast", limit: compiled(FAST, "fast") };
export const slow: Charge = { counter: "slow", limit: compiled(SLOW, "slow") };
export const tiny: Charge = { counter: "tiny", limit: compiled(TINY, "tiny") };
export const quick: Charge = { counter: "quick", limit: compiled(QUICK, "quick") };
export const hourly: Charge = { counter: "hourly", limit: compiledQuota(HOURLY, "hourly") };
export const all: readonly Charge[] = [fast, slow, tiny, quick, hourly];
