/** An account's billing as answers have it: plain data, money as decimal strings. */
import { type BilledPeriod, lastSegment } from "../../../src/billing/billed-period.ts";
import { usageBySegment } from "../../../src/billing/segment.ts";
import { quantityMilli } from "../../../src/billing/usage.ts";
import { toTokens } from "../../../src/core/units.ts";
import type { Account } from "../../../src/objects/account.ts";
import type { AllowanceView, BillingView, SegmentView } from "../../../src/objects/billing.ts";
import type { Policy } from "../../../src/policy/compile.ts";
import { liveAllowance } from "./allowances.ts";
import type { BillingDesk } from "./billing-desk.ts";
import type { BillingAccount } from "./billing-rows.ts";
import { periodForecast } from "./period-forecast.ts";
import { billView } from "./rating.ts";

/** Null: the account has no open period. */
export function billingView(
  desk: BillingDesk,
  policy: Policy,
  account: Account,
  nowMs: number,
): BillingView | null {
  const billed = desk.snapshot();
  const own = desk.store.account;
  if (billed === null || own === null) return null;
  const { period, currency } = billed;
  const { budget } = own;
  const spendCap = desk.spendCapOf(policy, billed, desk.offer(policy, account));
  return {
    tier: account.tier,
    pendingTier: own.pendingTier,
    trialEndsMs: own.trialEndsMs,
    currency,
    periodStartMs: period.startMs,
    periodEndMs: period.endMs,
    anchorDay: own.anchorDay,
    customer: own.customer,
    budget,
    spendCap,
    segments: segmentViews(desk, billed),
    accrued: billView(desk.bill(policy, billed), currency),
    allowance: allowanceView(desk, policy, account, own, billed),
    forecast: periodForecast(desk, policy, account, billed, { budget, spendCap }, nowMs),
  };
}

/** The overage quota of a period in tokens, by the caps of now; null if its terms have none. @param tier whose spend cap applies. */
export function allowanceView(
  desk: BillingDesk,
  policy: Policy,
  account: Account,
  { budget }: BillingAccount,
  billed: BilledPeriod,
  tier = account.tier,
): AllowanceView | null {
  const { quota } = lastSegment(billed).terms;
  const spendCap = desk.spendCapOf(policy, billed, desk.offer(policy, account, tier));
  const live = liveAllowance(billed, desk.context(policy, billed.currency), budget, spendCap);
  if (live === null || quota === null) return null;
  const { limit, includedMilli, amountMilli, stop } = live;
  return {
    limit,
    mode: quota.mode,
    included: toTokens(includedMilli),
    used: toTokens(quantityMilli(desk.usageOf(billed), null, quota.unit)),
    amount: amountMilli === null ? null : toTokens(amountMilli),
    stop,
  };
}

function segmentViews(desk: BillingDesk, billed: BilledPeriod): SegmentView[] {
  const usage = usageBySegment(billed.segments, desk.usageOf(billed));
  return billed.segments.map(({ startMs, endMs, tier, revision }, index) => ({
    startMs,
    endMs,
    tier,
    revision,
    usage: (usage[index] ?? []).map(({ route, unit, count, costMilli }) => ({
      route,
      unit,
      requests: count,
      cost: toTokens(costMilli),
    })),
  }));
}
