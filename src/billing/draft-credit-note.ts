/**
 * A credit note from the invoice that it corrects, and the amounts of both as `creditNote` takes them (credit-note.ts).
 *
 * Pure: no I/O and no clock.
 */
import type { CreditNote } from "./credit-note.ts";
import {
  type InvoiceDocument,
  type InvoiceLine,
  type InvoiceTax,
  NOT_RATED,
  toTax,
} from "./invoice-document.ts";
import type { TaxAmount } from "./tax.ts";

/** The draft of a credit note. @param note computed by `creditNote` for this invoice. */
export function draftCreditNote(
  invoice: InvoiceDocument,
  id: string,
  note: CreditNote,
  reason: string,
): InvoiceDocument {
  if (invoice.number === null) throw new RangeError("a draft is changed, not corrected");
  const lines = note.lines.map(({ line, minor }): InvoiceLine => {
    const corrected = invoice.lines[line];
    if (corrected === undefined) throw new RangeError(`the invoice has no line ${line}`);
    const { kind, route, description } = corrected;
    return { ...NOT_RATED, kind, route, description, minor: String(minor), corrects: line };
  });
  return {
    ...invoice,
    id,
    number: null,
    kind: "credit_note",
    corrects: { id: invoice.id, number: invoice.number },
    reason,
    issuedAt: null,
    dueAt: null,
    segments: [],
    ceilings: { overageMinor: null, subtotalMinor: null },
    lines,
    subtotalMinor: String(note.lines.reduce((sum, { minor }) => sum + minor, 0n)),
    taxes: note.taxes.map(toTax),
    totalMinor: String(note.totalMinor),
    credits: [],
    dueMinor: String(note.totalMinor),
  };
}

/** A credit note's amounts, as `creditNote` takes those of earlier ones. */
export function creditNoteOf({ lines, taxes, totalMinor }: InvoiceDocument): CreditNote {
  return {
    lines: lines.map(({ corrects, minor }) => ({ line: corrects ?? -1, minor: BigInt(minor) })),
    taxes: taxAmounts(taxes),
    totalMinor: BigInt(totalMinor),
  };
}

/** An invoice's amounts, as `creditNote` takes them. */
export function creditableOf({ lines, taxes }: InvoiceDocument): {
  readonly lines: readonly { readonly minor: bigint }[];
  readonly taxes: readonly TaxAmount[];
} {
  return { lines: lines.map(({ minor }) => ({ minor: BigInt(minor) })), taxes: taxAmounts(taxes) };
}

function taxAmounts(taxes: readonly InvoiceTax[]): TaxAmount[] {
  return taxes.map(({ name, percent, minor }) => ({ name, percent, minor: BigInt(minor) }));
}
