/**
 * What the policy in force offers an account: the terms of a tier, with the account's own amount of the overage quota, and the cap.
 *
 * Pure: no I/O and no clock.
 */
import type { PeriodRules } from "../../../src/billing/billed-period.ts";
import { exponentOf } from "../../../src/billing/currency.ts";
import type { TaxRate } from "../../../src/billing/tax.ts";
import { type OverageQuota, termsOf } from "../../../src/billing/terms.ts";
import type { TierOffer } from "../../../src/billing/tier-change.ts";
import { adjustTier, type Overrides } from "../../../src/policy/adjust.ts";
import { type Policy, tierOf } from "../../../src/policy/compile.ts";
import type { Tier } from "../../../src/policy/compiled.ts";

export interface Offer extends TierOffer {
  /** Null: none. */
  readonly spendCap: string | null;
}

/** The offer of a tier of this name, or of the default tier if the policy has none of it. Without its grants: those count apart. */
export function offerOf(policy: Policy, name: string, overrides: Overrides): Offer {
  const tier = tierOf(policy, name);
  const { plan = {}, overage = null } = tier.billing ?? {};
  return {
    tier: tier.name,
    revision: policy.revision,
    terms: termsOf(plan, overage && overageQuota(tier, overrides, overage.limit)),
    trialDays: plan.trialDays ?? 0,
    spendCap: overage?.fields.spendCap ?? null,
  };
}

/** What bills have in common by this policy; null: it has no billing. */
export function rulesOf(
  { billing }: Policy,
  ownAnchorDay: number | null,
): (PeriodRules & { readonly taxes: readonly TaxRate[] }) | null {
  if (billing === null) return null;
  const { currency, anchorDay = 1, taxes = [] } = billing;
  return { currency, anchorDay: ownAnchorDay ?? anchorDay, taxes };
}

/**
 * The decimals of a currency that the policy has accepted.
 * @throws RangeError if there is no such currency.
 */
export function decimalsOf(currency: string): number {
  const exponent = exponentOf(currency);
  if (exponent === null) throw new RangeError(`unknown currency: ${currency}`);
  return exponent;
}

function overageQuota(tier: Tier, overrides: Overrides, limit: string): OverageQuota | null {
  const { limits } = adjustTier(tier, overrides, []);
  const document = limits.find(({ document: { name } }) => name === limit)?.document;
  return document?.kind === "quota"
    ? { name: limit, amount: document.amount, overage: document.overage }
    : null;
}
