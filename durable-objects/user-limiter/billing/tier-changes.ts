/**
 * Changes of an account's terms: of its tier, or of its own amount of the overage quota. A change is planned first, on values, which is
 * all that a preview does; storing the plan is the change.
 */
import {
  type BilledPeriod,
  changeTerms,
  lastSegment,
  openPeriod,
} from "../../../src/billing/billed-period.ts";
import { mayBeCapped } from "../../../src/billing/plan-faults.ts";
import type { Terms } from "../../../src/billing/terms.ts";
import {
  type ChangeTime,
  defaultTime,
  isSameTerms,
  termsAt,
  trialEndMs,
} from "../../../src/billing/tier-change.ts";
import type { Account, AccountChange } from "../../../src/objects/account.ts";
import type { TierChange, TierRejection } from "../../../src/objects/billing.ts";
import type { Overrides } from "../../../src/policy/adjust.ts";
import type { Policy } from "../../../src/policy/compile.ts";
import type { BillingDesk } from "./billing-desk.ts";
import type { BillingAccount } from "./billing-rows.ts";
import { offerOf, rulesOf } from "./offers.ts";

/** What a change of tier would store. */
export interface TierPlan {
  readonly kind: "plan";
  readonly at: ChangeTime;
  readonly effectiveMs: number;
  readonly own: BillingAccount;
  /** The open period with the change, if it is made now. */
  readonly billed: BilledPeriod;
  /** The account's tier now. */
  readonly tier: string;
}

/** Plans a change of tier. The desk must have advanced to `nowMs` and have an open period. */
export function planTier(
  desk: BillingDesk,
  policy: Policy,
  account: Account,
  { tier, at: wanted }: TierChange,
  nowMs: number,
): TierPlan | TierRejection {
  const billed = desk.current();
  const own = desk.store.account;
  if (billed === null || own === null) throw new Error("the account has no open period");
  const offer = desk.offer(policy, account, tier);
  const current = lastSegment(billed);
  const at = wanted ?? defaultTime(current, offer);
  if (own.budget !== null && !hasCappablePrices(offer.terms)) return { kind: "no-cap" };
  if (at === "period_end") {
    const pendingTier = tier === account.tier ? null : tier;
    const effectiveMs = billed.period.endMs;
    return { kind: "plan", at, effectiveMs, own: { ...own, pendingTier }, billed, tier: account.tier };
  }
  if (policy.billing?.currency !== billed.currency) {
    return { kind: "currency-differs", currency: billed.currency };
  }
  const isOther = tier !== account.tier;
  const trialEndsMs = isOther ? trialEndMs(own.trialEndsMs, offer, nowMs) : own.trialEndsMs;
  const terms = termsAt(offer, trialEndsMs, nowMs);
  const planned = {
    kind: "plan",
    at,
    effectiveMs: nowMs,
    own: { ...own, trialEndsMs, pendingTier: null },
    tier,
  } as const;
  if (isSameTerms(terms, current)) return { ...planned, billed };
  const changed = changeTerms(billed, nowMs, terms, desk.usageOf(billed));
  return changed.kind === "changed" ? { ...planned, billed: changed.billed } : changed;
}

/** The period after the open one, as it would begin after this plan, without usage. */
export function nextPeriodOf(
  desk: BillingDesk,
  policy: Policy,
  account: Account,
  { own, billed, tier, effectiveMs }: TierPlan,
): BilledPeriod {
  const rules = rulesOf(policy, own.anchorDay);
  if (rules === null) throw new Error("the policy has no billing");
  const startMs = billed.period.endMs;
  const nextTier = own.pendingTier ?? tier;
  const offer = offerOf(policy, nextTier, account.overrides);
  const entersMs = own.pendingTier === null ? effectiveMs : startMs;
  const trialEndsMs =
    nextTier === account.tier ? own.trialEndsMs : trialEndMs(own.trialEndsMs, offer, entersMs);
  return openPeriod(startMs, rules, termsAt(offer, trialEndsMs, startMs), desk.grants());
}

/**
 * Plans a change of the account's own amount of the overage quota: other terms stay those of the segment. Null: it changes nothing.
 * @param overrides the account's, after the change.
 */
export function planOverrides(
  desk: BillingDesk,
  policy: Policy,
  account: Account,
  overrides: Overrides,
  nowMs: number,
): BilledPeriod | TierRejection | null {
  const billed = desk.current();
  if (billed === null) return null;
  const before = desk.offer(policy, account).terms.quota;
  const after = offerOf(policy, account.tier, overrides).terms.quota;
  const current = lastSegment(billed);
  const { quota } = current.terms;
  if (after === null || quota?.name !== after.name || before?.includedMilli === after.includedMilli)
    return null;
  const terms: Terms = { ...current.terms, quota: { ...quota, includedMilli: after.includedMilli } };
  const { tier, revision } = current;
  const changed = changeTerms(billed, nowMs, { tier, revision, terms }, desk.usageOf(billed));
  return changed.kind === "changed" ? changed.billed : changed;
}

/**
 * Stores what a change of an account means for its terms. Call in the transaction of the change.
 * @returns the change of the account itself: without a tier that waits for the period's end.
 * @throws if the account has an open period but no policy is loaded: its terms are unknown.
 */
export function putTerms(
  desk: BillingDesk,
  policy: Policy | null,
  account: Account,
  change: AccountChange,
  nowMs: number,
): AccountChange | TierRejection {
  if (desk.store.period === null) return change;
  if (policy === null || policy.billing === null) throw new Error("no policy is loaded");
  const { tier: wanted, overrides = account.overrides, ...others } = change;
  const own: Account = { ...account, overrides };
  const plan = wanted === undefined ? null : planTier(desk, policy, own, { tier: wanted, at: null }, nowMs);
  if (plan !== null && plan.kind !== "plan") return plan;
  // A change of tier now takes the new amount with it.
  const isCut = plan !== null && plan.billed.segments.length !== desk.store.period.segments.length;
  const amount = isCut ? null : planOverrides(desk, policy, account, overrides, nowMs);
  if (amount !== null && "kind" in amount) return amount;
  if (plan !== null) putPlan(desk, plan, nowMs);
  if (amount !== null) desk.store.putPeriod(amount);
  const tier = plan === null ? {} : { tier: plan.tier };
  return { ...others, ...tier, ...(change.overrides === undefined ? {} : { overrides }) };
}

/** Stores a planned change of tier, but for the account's tier itself. Call in a transaction. */
export function putPlan(desk: BillingDesk, { own, billed }: TierPlan, nowMs: number): void {
  desk.putAccount(own, nowMs);
  desk.store.putPeriod(billed);
}

/** Whether a budget can be enforced on these terms. */
export function hasCappablePrices({ quota, prices }: Terms): boolean {
  return quota === null || quota.price === null || mayBeCapped(quota.price, { prices });
}
