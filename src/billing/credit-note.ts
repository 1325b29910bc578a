/**
 * Credit notes: what takes back all or part of an invoice's lines, with their tax.
 *
 * A note takes back at most what earlier notes have not, of each line and in total. Its tax is rounded like an invoice's. The last one,
 * after which nothing is left, takes exactly the remaining tax of each rate, so all notes together are the invoice, to the cent.
 */
import { sumOf } from "./money.ts";
import { type TaxAmount, taxMinor } from "./tax.ts";

/** An issued invoice, as far as a credit note needs it. */
export interface Creditable {
  readonly lines: readonly { readonly minor: bigint }[];
  readonly taxes: readonly TaxAmount[];
}

/** An amount, above 0, of the line with this index. */
export interface CreditedLine {
  readonly line: number;
  readonly minor: bigint;
}

/** The amounts of a credit note, as positive numbers. */
export interface CreditNote {
  readonly lines: readonly CreditedLine[];
  /** One for each of the invoice's, in its order. */
  readonly taxes: readonly TaxAmount[];
  readonly totalMinor: bigint;
}

/** `line`: the first that asks for too much; nothing of an unknown or negative line can be credited. */
export type CreditNoteOrExcess =
  | ({ readonly kind: "note" } & CreditNote)
  | { readonly kind: "exceeds-uncredited"; readonly line: number; readonly uncreditedMinor: bigint };

/**
 * A credit note for parts of an invoice's lines.
 * @param earlier all credit notes of the invoice so far.
 * @throws RangeError if an amount is not above 0.
 */
export function creditNote(
  invoice: Creditable,
  earlier: readonly CreditNote[],
  request: readonly CreditedLine[],
): CreditNoteOrExcess {
  const uncredited = invoice.lines.map(({ minor }) => minor);
  for (const { line, minor } of earlier.flatMap(({ lines }) => lines)) {
    uncredited[line] = (uncredited[line] ?? 0n) - minor;
  }
  let uncreditedMinor = uncredited.reduce((sum, minor) => sum + minor, 0n);
  for (const { line, minor } of request) {
    if (minor <= 0n) throw new RangeError("a credit note takes back amounts above 0");
    const mostMinor = least(uncredited[line] ?? 0n, uncreditedMinor);
    if (minor > mostMinor) {
      return { kind: "exceeds-uncredited", line, uncreditedMinor: mostMinor < 0n ? 0n : mostMinor };
    }
    uncredited[line] = (uncredited[line] ?? 0n) - minor;
    uncreditedMinor -= minor;
  }
  const netMinor = sumOf(request);
  const taxes = invoice.taxes.map(({ name, percent, minor }, index): TaxAmount => {
    const takenMinor = earlier.reduce((sum, note) => sum + (note.taxes[index]?.minor ?? 0n), 0n);
    const leftMinor = minor - takenMinor;
    const isLast = uncreditedMinor === 0n;
    return { name, percent, minor: isLast ? leftMinor : least(taxMinor(netMinor, percent), leftMinor) };
  });
  return { kind: "note", lines: request, taxes, totalMinor: netMinor + sumOf(taxes) };
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
