/**
 * An account's allowance in decisions: its overage quota with the two amounts that its billing has computed
 * (durable-objects/user-limiter/billing/allowances.ts). Pure: no I/O and no clock.
 */
import { REQUESTS } from "../core/unit-costs.ts";
import { type QuotaAllowance, withAllowance } from "../core/calendar-quota.ts";
import type { ScopedLimit, Tier } from "./compiled.ts";

/** An allowance by the quota's counter. */
export interface CounterAllowance extends QuotaAllowance {
  /** Name of the quota. */
  readonly limit: string;
}

/** Whether decisions by both are the same. */
export function isSameAllowance(a: CounterAllowance | null, b: CounterAllowance | null): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.limit === b.limit &&
    a.includedMilli === b.includedMilli &&
    a.amountMilli === b.amountMilli &&
    a.cap === b.cap &&
    a.anchorDay === b.anchorDay
  );
}

/**
 * The tier with its overage quota as the allowance has it: grants and overrides are part of that. Requests of test keys are not billed, so
 * they have a counter of their own, which stops at what the tier includes in a month.
 */
export function withOwnAllowance(tier: Tier, allowance: CounterAllowance | null): Tier {
  if (allowance === null) return tier;
  const limits = tier.limits.map((scoped): ScopedLimit => {
    const { limit, scope } = scoped;
    if (limit.kind !== "quota" || limit.name !== allowance.limit || limit.period !== "month") return scoped;
    if (scope !== "user" || limit.unit !== REQUESTS) return scoped;
    const testLimit = { ...limit, anchorDay: allowance.anchorDay };
    return { ...scoped, limit: withAllowance(limit, allowance), testLimit };
  });
  return { ...tier, limits };
}
