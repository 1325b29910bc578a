/** Digests of invoices and credit notes: of an issued one's bytes, and what the register compares if a document comes again. */
import type { InvoiceDocument } from "../../../src/billing/invoice-document.ts";
import type { DocumentDigests } from "../../../src/objects/billing-register.ts";
import { readDocument, writeDocument } from "../../../src/objects/invoice.ts";

/** Hex digits of a field's digest: enough to tell two documents of one id apart. */
const FIELD_DIGITS = 32;

/** @throws if it is not a document. */
export async function digestsOf(document: InvoiceDocument): Promise<DocumentDigests> {
  // What it has with its number only.
  const text = writeDocument({ ...document, number: null, issuedAt: null, dueAt: null });
  const fields = await Promise.all(
    Object.entries(readDocument(text)).map(async ([name, value]): Promise<[string, string]> => [
      name,
      (await sha256Of(JSON.stringify(value))).slice(0, FIELD_DIGITS),
    ]),
  );
  return { sha256: await sha256Of(text), fields: Object.fromEntries(fields) };
}

/** In lower-case hex. */
export async function sha256Of(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
