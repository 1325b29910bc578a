/**
 * What an account's open period is expected to come to: the usage that its past days suggest, rated by the code that closes the period.
 * Changes nothing.
 */
import { type BilledPeriod, endTrial } from "../../../src/billing/billed-period.ts";
import { forecast } from "../../../src/billing/forecast.ts";
import { formatMinor } from "../../../src/billing/money.ts";
import { trend } from "../../../src/billing/trend.ts";
import { quantityMilli, type UsageRow } from "../../../src/billing/usage.ts";
import { horizonUntil, withUsageAhead } from "../../../src/billing/usage-ahead.ts";
import { DAY_MS } from "../../../src/core/time.ts";
import { REQUESTS as UNIT } from "../../../src/core/unit-costs.ts";
import { MAX_EXACT, toTokens } from "../../../src/core/units.ts";
import type { Account } from "../../../src/objects/account.ts";
import type { BillingForecast } from "../../../src/objects/billing.ts";
import type { Policy } from "../../../src/policy/compile.ts";
import { liveAllowance } from "./allowances.ts";
import type { BillingDesk } from "./billing-desk.ts";
import { decimalsOf } from "./offers.ts";
import { billOf } from "./rating.ts";

/** From this age on, the period itself shows how usage spreads over routes: it has had each weekday. */
const MIN_SHARES_MS = 7 * DAY_MS;
/** Before that, so much of the past does. */
const SHARES_MS = 28 * DAY_MS;

/** What decides how far usage is admitted: the customer's own cap and the policy's. */
interface Caps {
  readonly budget: string | null;
  readonly spendCap: string | null;
}

/** @returns null: there are too few complete days. */
export function periodForecast(
  desk: BillingDesk,
  policy: Policy,
  account: Account,
  billed: BilledPeriod,
  { budget, spendCap }: Caps,
  nowMs: number,
): BillingForecast | null {
  const { period, currency } = billed;
  const horizon = horizonUntil(period.endMs, nowMs);
  if (horizon === null) return null;
  const days = desk.billedDays(nowMs);
  const found = forecast(days, horizon);
  if (found === null) return null;

  const soFar = desk.usageOf(billed);
  const usedMilli = quantityMilli(soFar, null, UNIT);
  const moreMilli = (more: number): number => Math.min(Math.round(more), Math.max(0, MAX_EXACT - usedMilli));
  const usage = (more: number): number => toTokens(usedMilli + moreMilli(more));

  const context = desk.context(policy, currency);
  const shares = sharesOf(desk, billed, soFar, nowMs);
  /** Usage with so much more of it, as far as the quota admits that: what it rejects is not charged. */
  const admitted = (of: BilledPeriod, before: readonly UsageRow[], milli: number): readonly UsageRow[] => {
    const stopMilli = liveAllowance(of, context, budget, spendCap)?.amountMilli ?? MAX_EXACT;
    const leftMilli = Math.max(0, stopMilli - quantityMilli(before, null, UNIT));
    return withUsageAhead(before, shares, UNIT, Math.min(milli, leftMilli));
  };
  const trial = desk.endOfTrial(policy, account, billed, nowMs);
  const amount = (more: number): string => {
    const milli = moreMilli(more);
    const trialShare = trial === null ? 1 : (trial.endsMs - nowMs) / (period.endMs - nowMs);
    const firstMilli = Math.round(milli * trialShare);
    const first = admitted(billed, soFar, firstMilli);
    const ended = trial === null ? billed : endTrial(billed, trial.endsMs, trial.terms, first);
    const { totals } = billOf(ended, admitted(ended, first, milli - firstMilli), context);
    return formatMinor(totals.subtotalMinor, decimalsOf(currency));
  };
  const { expected, low, high, byWeekday } = found;
  const change = trend(days);
  return {
    byWeekday,
    usage: { expected: usage(expected), low: usage(low), high: usage(high) },
    amount: { expected: amount(expected), low: amount(low), high: amount(high) },
    trend: change && { perDay: toTokens(change.perDay), perWeekShare: change.perWeekShare },
  };
}

/** Usage whose routes and units have the shares that are expected. */
function sharesOf(
  desk: BillingDesk,
  { period }: BilledPeriod,
  soFar: readonly UsageRow[],
  nowMs: number,
): readonly UsageRow[] {
  if (nowMs - period.startMs >= MIN_SHARES_MS && quantityMilli(soFar, null, UNIT) > 0) return soFar;
  return desk.usageSince(nowMs - SHARES_MS);
}
