/**
 * Bills of an account's stored periods: the same functions for what has accrued, for a preview, for the close, and for what earlier
 * periods take from credits.
 *
 * A bill is rated from what is stored with its period, and only its taxes follow the policy: they apply when the bill is made.
 */
import type { BilledPeriod } from "../../../src/billing/billed-period.ts";
import type { Credit } from "../../../src/billing/credit.ts";
import type { Line } from "../../../src/billing/line.ts";
import { formatMinor } from "../../../src/billing/money.ts";
import { type BillingRules, type BillingStanding, linesOf } from "../../../src/billing/standing.ts";
import { ratesFor, type TaxRate } from "../../../src/billing/tax.ts";
import { type Totals, totalsOf } from "../../../src/billing/totals.ts";
import type { UsageRow } from "../../../src/billing/usage.ts";
import type { BillView, Customer } from "../../../src/objects/billing.ts";
import { decimalsOf } from "./offers.ts";

/** Whom a bill is for, and what applies to it besides its period. */
export interface BillContext {
  readonly customer: Customer;
  readonly taxes: readonly TaxRate[];
  /** With what earlier bills leave of each. */
  readonly credits: readonly Credit[];
}

export interface Bill {
  readonly lines: readonly Line[];
  readonly totals: Totals;
}

/** @param usage of the period: so far, or at its end. */
export function billOf(billed: BilledPeriod, usage: readonly UsageRow[], context: BillContext): Bill {
  const lines = linesOf(standingOf(billed, context), rulesOf(billed, context), usage);
  const rates = ratesFor(context.taxes, taxStanding(context.customer));
  const totals = totalsOf(lines, rates, context.credits, billed.period);
  if (totals.kind === "negative") throw new RangeError("rated lines are never negative");
  return { lines, totals };
}

/** The period as its bill sees it: with the cap that is stored, not with the policy's. */
export function standingOf(billed: BilledPeriod, { customer, credits }: BillContext): BillingStanding {
  const { period, segments, grants, keptMinor } = billed;
  return { period, segments, grants, credits, budget: null, keptMinor, customer: taxStanding(customer) };
}

/** By what the lines of the period are computed. */
export function rulesOf({ currency, capMinor }: BilledPeriod, { taxes }: BillContext): BillingRules {
  const exponent = decimalsOf(currency);
  return { exponent, taxes, spendCap: capMinor === null ? null : formatMinor(capMinor, exponent) };
}

/** What is left of each credit after these bills. */
export function creditsAfter(credits: readonly Credit[], bills: readonly Bill[]): Credit[] {
  const taken = new Map<string, bigint>();
  for (const { totals } of bills) {
    for (const { id, minor } of totals.credits) taken.set(id, (taken.get(id) ?? 0n) + minor);
  }
  return credits.map((credit) => ({ ...credit, leftMinor: credit.leftMinor - (taken.get(credit.id) ?? 0n) }));
}

export function billView({ lines, totals }: Bill, currency: string): BillView {
  const exponent = decimalsOf(currency);
  const amount = (minor: bigint): string => formatMinor(minor, exponent);
  return {
    lines: lines.map(({ kind, description, quantity, unitPrice, detail, minor }) => ({
      kind,
      description,
      quantity,
      unitPrice,
      detail,
      amount: amount(minor),
    })),
    subtotal: amount(totals.subtotalMinor),
    taxes: totals.taxes.map(({ name, percent, minor }) => ({ name, percent, amount: amount(minor) })),
    total: amount(totals.totalMinor),
    credits: totals.credits.map(({ id, minor }) => ({ id, amount: amount(minor) })),
    due: amount(totals.dueMinor),
  };
}

function taxStanding({ country, taxExempt = false }: Customer): BillingStanding["customer"] {
  return { country: country ?? null, taxExempt };
}
