/** An account's open period in short, rated as its close would: for a report of all accounts. */
import { lastSegment } from "../../../src/billing/billed-period.ts";
import { overageOf } from "../../../src/billing/ceiling.ts";
import { formatMinor, roundToMinor } from "../../../src/billing/money.ts";
import { compileTerms } from "../../../src/billing/terms.ts";
import type { Account } from "../../../src/objects/account.ts";
import type { RunningPeriod } from "../../../src/objects/billing.ts";
import type { Policy } from "../../../src/policy/compile.ts";
import type { BillingDesk } from "./billing-desk.ts";
import { decimalsOf } from "./offers.ts";

/** Null: the account has no open period. */
export function runningPeriod(desk: BillingDesk, policy: Policy, { tier }: Account): RunningPeriod | null {
  const billed = desk.snapshot();
  if (billed === null) return null;
  const { period, currency } = billed;
  const exponent = decimalsOf(currency);
  const { lines, totals } = desk.bill(policy, billed);
  const { baseFemto } = compileTerms(lastSegment(billed).terms);
  return {
    tier,
    currency,
    base: formatMinor(roundToMinor(baseFemto, exponent), exponent),
    subtotal: formatMinor(totals.subtotalMinor, exponent),
    overage: formatMinor(overageOf(lines), exponent),
    requests: desk.usageOf(billed).reduce((sum, { count }) => sum + count, 0),
    periodStartMs: period.startMs,
    periodEndMs: period.endMs,
  };
}
