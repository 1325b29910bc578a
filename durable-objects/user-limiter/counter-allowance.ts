/** An account's allowance in decisions: its overage quota with the two amounts that its billing has computed (billing/allowances.ts). */
import { type QuotaAllowance, withAllowance } from "../../src/core/calendar-quota.ts";
import type { ScopedLimit, Tier } from "../../src/policy/compiled.ts";

/** An allowance by the quota's counter. */
export interface CounterAllowance extends QuotaAllowance {
  /** Name of the quota. */
  readonly limit: string;
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
    if (scope !== "user") return scoped;
    const testLimit = { ...limit, anchorDay: allowance.anchorDay };
    return { ...scoped, limit: withAllowance(limit, allowance), testLimit };
  });
  return { ...tier, limits };
}
