/** What the invoice of an ended period is drafted from: what is stored with it, the customer, the credits, and the policy's rules. */
import type { BilledPeriod } from "../../../src/billing/billed-period.ts";
import type { ExtraLine, InvoiceSource } from "../../../src/billing/draft-invoice.ts";
import { billCeilings, billedSegments } from "../../../src/billing/standing.ts";
import { ratesFor } from "../../../src/billing/tax.ts";
import type { BillingDesk } from "./billing-desk.ts";
import type { ClosingRules } from "./closing-rules.ts";
import { decimalsOf } from "./offers.ts";
import { rulesOf, standingOf } from "./rating.ts";

/** Earlier periods must be closed: their invoices have taken their credits. */
export function invoiceSource(
  desk: BillingDesk,
  billed: BilledPeriod,
  { seller, taxes }: ClosingRules,
  id: string,
  user: string,
  extraLines: readonly ExtraLine[],
): InvoiceSource {
  const { currency, period } = billed;
  const customer = desk.store.customerAt(period.endMs);
  const credits = desk.store.credits.filter((credit) => credit.currency === currency);
  const context = { customer, taxes, credits };
  const standing = standingOf(billed, context);
  return {
    id,
    user,
    currency,
    exponent: decimalsOf(currency),
    seller,
    customer,
    period,
    segments: billedSegments(standing, desk.usageOf(billed)),
    ceilings: billCeilings(standing, rulesOf(billed, context)),
    extraLines,
    rates: ratesFor(taxes, standing.customer),
    credits,
  };
}
