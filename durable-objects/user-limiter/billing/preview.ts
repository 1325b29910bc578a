/**
 * What a change of tier would do, before it is made: by the plan of the change, and rated as a close rates. Changes nothing.
 */
import type { Account } from "../../../src/objects/account.ts";
import type { TierPreview } from "../../../src/objects/billing.ts";
import type { Policy } from "../../../src/policy/compile.ts";
import type { BillingDesk } from "./billing-desk.ts";
import { allowanceView } from "./billing-views.ts";
import { billOf, billView, creditsAfter } from "./rating.ts";
import { nextPeriodOf, type TierPlan } from "./tier-changes.ts";

/** What a change of tier would do to the open period and the next one. */
export function previewOf(desk: BillingDesk, policy: Policy, account: Account, plan: TierPlan): TierPreview {
  const before = desk.current() ?? plan.billed;
  const { at, effectiveMs, own, billed, tier } = plan;
  const { currency } = billed;
  const capped = desk.capped(policy, billed, desk.offer(policy, account, tier), own.budget);
  const next = nextPeriodOf(desk, policy, account, plan);
  const after = desk.bill(policy, capped);
  const context = desk.context(policy, next.currency);
  const left = { ...context, credits: creditsAfter(context.credits, [after]) };
  return {
    at,
    effectiveMs,
    currency,
    periodEndMs: billed.period.endMs,
    before: billView(desk.bill(policy, before), currency),
    after: billView(after, currency),
    next: billView(billOf(next, [], left), next.currency),
    allowance: allowanceView(desk, policy, account, own, capped, tier),
  };
}
