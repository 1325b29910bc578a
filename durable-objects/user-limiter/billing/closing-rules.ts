/** What a policy says of closing a period, with its defaults. Pure. */
import { floorToMinor, parsePrice } from "../../../src/billing/money.ts";
import type { InvoiceSeller } from "../../../src/billing/invoice-document.ts";
import type { TaxRate } from "../../../src/billing/tax.ts";
import { MINUTE_MS } from "../../../src/core/time.ts";
import { crc32 } from "../../../src/identity/crc32.ts";
import type { BillingDocument } from "../../../src/policy/billing-schema.ts";

const DEFAULT_SERIES = "INV";
const DEFAULT_DUE_DAYS = 14;
const DEFAULT_REVIEW_MINUTES = 60;

/** Periods of all accounts end together: their documents reach the register over this time. */
const SPREAD_MS = 30 * MINUTE_MS;

export interface ClosingRules {
  readonly series: string;
  readonly dueDays: number;
  readonly reviewMs: number;
  readonly seller: InvoiceSeller | null;
  readonly taxes: readonly TaxRate[];
  /** Totals below this are carried to the next invoice. */
  readonly carryBelowMinor: (exponent: number) => bigint;
}

export function closingRules({
  series = DEFAULT_SERIES,
  dueDays = DEFAULT_DUE_DAYS,
  reviewMinutes = DEFAULT_REVIEW_MINUTES,
  carryBelow = "0",
  seller,
  taxes = [],
}: BillingDocument): ClosingRules {
  return {
    series,
    dueDays,
    reviewMs: reviewMinutes * MINUTE_MS,
    seller: seller ?? null,
    taxes,
    carryBelowMinor: (exponent) => floorToMinor(parsePrice(carryBelow) ?? 0n, exponent),
  };
}

/** Until when a draft may be adjusted that was made at `draftedMs`. */
export function finalizeAtMs(draftedMs: number, { reviewMs }: ClosingRules, user: string): number {
  return draftedMs + reviewMs + Math.floor((crc32(user) / 2 ** 32) * SPREAD_MS);
}

/**
 * The id of a period's invoice: an account has one for each start of a period, also if it is closed again after its object was restored.
 * Such as `acme.20260101`, or with the time if it did not begin at midnight.
 */
export function invoiceId(user: string, startMs: number): string {
  const time = new Date(startMs).toISOString().replaceAll(/[-:.]/g, "");
  return `${user}.${time.replace("T000000000Z", "")}`;
}
