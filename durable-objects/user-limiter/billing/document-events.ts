/** What events report of invoices, credit notes and credits. Pure. */
import type { InvoiceDocument } from "../../../src/billing/invoice-document.ts";
import { formatMinor } from "../../../src/billing/money.ts";
import type { EventKind } from "../../../src/event-kinds.ts";
import type { InvoiceStatus } from "../../../src/objects/billing-register.ts";
import type { StoredCredit } from "./billing-rows.ts";
import { decimalsOf } from "./offers.ts";

/** The event of an invoice that comes to have a status; without: none. */
const KINDS: Partial<Record<InvoiceStatus, EventKind>> = {
  draft: "invoice.drafted",
  issued: "invoice.issued",
  paid: "invoice.paid",
  past_due: "invoice.past_due",
  void: "invoice.voided",
};

/** @param before null: the invoice is new. @returns null: nothing to report. */
export function invoiceEvent(before: InvoiceStatus | null, after: InvoiceStatus): EventKind | null {
  return before === after ? null : (KINDS[after] ?? null);
}

export function documentData(
  document: InvoiceDocument,
  { dueMs, status }: { readonly dueMs: number | null; readonly status: InvoiceStatus | null },
): object {
  const { id, number, corrects, currency, exponent, totalMinor, period } = document;
  return {
    ...(corrects === null ? { invoice: id } : { creditNote: id, invoice: corrects.id }),
    number,
    ...(status === null ? {} : { status }),
    currency,
    total: formatMinor(BigInt(totalMinor), exponent),
    periodStart: period.start,
    periodEnd: period.end,
    dueAt: dueMs === null ? null : new Date(dueMs).toISOString(),
  };
}

export function creditData(credit: StoredCredit): object {
  const { id: creditId, kind, currency, amountMinor, leftMinor, expiresMs } = credit;
  const [amount, left] = [amountMinor, leftMinor].map((minor) => formatMinor(minor, decimalsOf(currency)));
  const expires = expiresMs === null ? null : new Date(expiresMs).toISOString();
  return { creditId, kind, currency, amount, left, expires };
}
