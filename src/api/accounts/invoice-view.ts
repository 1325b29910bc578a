/** An invoice or a credit note as answers have it: in full, or a row of a list. */
import { formatMinor } from "../../billing/money.ts";
import type { InvoiceView } from "../../objects/invoices.ts";
import { isoOrNull } from "../rfc3339.ts";

/** Without the document. Amounts are of the currency's major unit. */
export function invoiceSummary({
  status,
  document,
  sha256,
  finalizeMs,
  open,
  paidMs,
  creditNotes,
  stripe = null,
}: InvoiceView) {
  const { id, number, kind, corrects, period, issuedAt, dueAt, currency, exponent } = document;
  const amount = (minor: string): string => formatMinor(BigInt(minor), exponent);
  return {
    id,
    number,
    kind,
    status,
    corrects,
    period: { start: period.start, end: period.end },
    currency,
    total: amount(document.totalMinor),
    due: amount(document.dueMinor),
    open,
    finalizesAt: isoOrNull(finalizeMs),
    issuedAt,
    dueAt,
    paidAt: isoOrNull(paidMs),
    creditNotes,
    sha256,
    stripe,
  };
}

/** With the document, whose bytes `sha256` is of. */
export function invoiceResponse(invoice: InvoiceView) {
  return { ...invoiceSummary(invoice), document: invoice.document };
}
