/** What an account's object reports to the register of a document's tiers and routes, for reports. */
import { type DocumentPart, documentParts, voidParts } from "../../../src/billing/document-parts.ts";
import type { InvoiceStatus } from "../../../src/objects/billing-register.ts";
import type { InvoiceStore } from "./invoice-store.ts";

/**
 * @param id of an invoice or a credit note.
 * @param status with which it is reported.
 * @throws if the account has no document of this id.
 */
export function reportedParts(invoices: InvoiceStore, id: string, status: InvoiceStatus): DocumentPart[] {
  const invoice = invoices.find(id);
  if (invoice) {
    const { document, periodMs } = invoice;
    if (status !== "void") return documentParts(document, null);
    const notes = invoices.notesOf(periodMs).map((note) => note.document);
    return voidParts(notes, document);
  }
  const note = invoices.findNote(id);
  const corrected = note && invoices.at(note.periodMs);
  if (!note || !corrected) throw new Error(`the account has no document ${id}`);
  return documentParts(note.document, corrected.document);
}
