/** What an account's open period has come to, and its caps, as the account's status has them: for the customer. */
import { overageOf } from "../../../src/billing/ceiling.ts";
import { balanceMinor } from "../../../src/billing/credit.ts";
import { formatMinor } from "../../../src/billing/money.ts";
import type { Account } from "../../../src/objects/account.ts";
import type { StatusBilling } from "../../../src/objects/user-status.ts";
import type { Policy } from "../../../src/policy/compile.ts";
import type { BillingDesk } from "./billing-desk.ts";
import { decimalsOf } from "./offers.ts";
import { billOf } from "./rating.ts";

/** Null: the account has no open period. */
export function statusBilling(desk: BillingDesk, policy: Policy, account: Account): StatusBilling | null {
  const billed = desk.current();
  const own = desk.store.account;
  if (billed === null || own === null) return null;
  const { currency, period } = billed;
  const context = desk.context(policy, currency);
  const { lines, totals } = billOf(billed, desk.usageOf(billed), context);
  const amount = (minor: bigint): string => formatMinor(minor, decimalsOf(currency));
  return {
    currency,
    accrued: amount(totals.subtotalMinor),
    overage: amount(overageOf(lines)),
    spendCap: desk.spendCapOf(policy, billed, desk.offer(policy, account)),
    budget: own.budget,
    credits: amount(balanceMinor(context.credits, period)),
  };
}
