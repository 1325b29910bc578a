/** Documents as the register lists them, and what it answers, as the outbox exchanges them. */
import * as z from "zod/mini";
import { type InvoiceDocument, issued, periodOf } from "../../../src/billing/invoice-document.ts";
import type { RegisterEntry } from "../../../src/objects/billing-register.ts";
import type { StoredCreditNote, StoredInvoice } from "./invoice-store.ts";

/** The register's answer to an entry, with the SHA-256 of the document that it makes; or why there will be no number. */
export const acceptedSchema = z.union([
  z.strictObject({ number: z.string(), issuedMs: z.number(), sha256: z.string() }),
  // `fields`: names of those of the document that differ from the registered one's.
  z.strictObject({ refused: z.enum(["differs", "currency-differs"]), fields: z.array(z.string()) }),
]);

/** What is left to pay of an invoice. */
export function openMinorOf({ status, document }: StoredInvoice, notes: readonly StoredCreditNote[]): bigint {
  if (status === "paid" || status === "void") return 0n;
  const credited = notes.reduce((sum, note) => sum + BigInt(note.document.totalMinor), 0n);
  const open = BigInt(document.dueMinor) - credited;
  return open > 0n ? open : 0n;
}

export function entryOf(invoice: StoredInvoice, notes: readonly StoredCreditNote[]): RegisterEntry {
  const { document, series, status, dueDays, version } = invoice;
  const isUnpaid = document.dueMinor !== "0";
  // An entry that waits for its number has its status with it.
  const issuedAs = isUnpaid ? "issued" : "paid";
  return {
    ...entryParts(document),
    series,
    openMinor: String(openMinorOf(invoice, notes)),
    status: status === "pending" ? issuedAs : status,
    dueDays: isUnpaid ? dueDays : null,
    version,
  };
}

export function noteEntryOf({ document, series, version }: StoredCreditNote): RegisterEntry {
  return { ...entryParts(document), series, openMinor: "0", status: "issued", dueDays: null, version };
}

function entryParts(document: InvoiceDocument) {
  const { kind, id, user, currency, exponent, totalMinor } = document;
  const { startMs, endMs } = periodOf(document);
  return { kind, id, user, periodStartMs: startMs, periodEndMs: endMs, currency, exponent, totalMinor };
}

type Accepted = Exclude<z.infer<typeof acceptedSchema>, { refused: unknown }>;

/** The invoice with its number. If credits have paid all of it, it is paid. */
export function issuedInvoice(invoice: StoredInvoice, { number, issuedMs, sha256 }: Accepted): StoredInvoice {
  const document = issued(invoice.document, number, issuedMs, invoice.dueDays);
  const isPaid = document.dueMinor === "0";
  const dueMs = isPaid || document.dueAt === null ? null : Date.parse(document.dueAt);
  const paidMs = isPaid ? issuedMs : null;
  return { ...invoice, status: isPaid ? "paid" : "issued", document, sha256, dueMs, paidMs };
}

export function issuedNote(note: StoredCreditNote, { number, issuedMs, sha256 }: Accepted): StoredCreditNote {
  const document = issued(note.document, number, issuedMs, null);
  return { ...note, document, sha256, version: note.version + 1 };
}
