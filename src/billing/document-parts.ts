/**
 * What tiers and routes add to a document's subtotal, for reports: each line belongs to one tier and one route.
 *
 * Pure: no I/O and no clock.
 */
import type { InvoiceDocument, InvoiceLine } from "./invoice-document.ts";

/** What sums of documents are grouped by: the month in which the billing period begins (UTC), the lines' tier or route, or the customer. */
export const SUM_KEYS = ["month", "tier", "route", "customer"] as const;
export type SumKey = (typeof SUM_KEYS)[number];

/** What one tier and one route add. The parts of a document add up to its subtotal. */
export interface DocumentPart {
  /** A line without a segment has its kind in brackets instead, such as "(adjustment)". */
  readonly tier: string;
  /** A line without a route has its kind in brackets instead, such as "(base)". */
  readonly route: string;
  /** Before tax. Positive in a credit note, which takes it back. */
  readonly minor: string;
}

/**
 * The parts of a document, ordered by tier and route.
 * @param corrected the invoice that a credit note corrects: its lines say which tier a note's amounts are of. Null: the document is an invoice.
 */
export function documentParts(document: InvoiceDocument, corrected: InvoiceDocument | null): DocumentPart[] {
  const { lines, segments } = corrected ?? document;
  return sumsOf(
    document.lines.map((line) => {
      const { kind, segment, route } = corrected === null ? line : lineOf(lines, line);
      const other = `(${kind})`;
      const { tier = other } = segment === null ? {} : (segments[segment] ?? {});
      return { tier, route: route ?? other, minor: line.minor };
    }),
  );
}

/**
 * What is left of a void invoice: what its credit notes take back, so that all of them together are nothing. A note is a document of its
 * own, and stays when the invoice is voided.
 */
export function voidParts(notes: readonly InvoiceDocument[], invoice: InvoiceDocument): DocumentPart[] {
  return sumsOf(notes.flatMap((note) => documentParts(note, invoice)));
}

function lineOf(lines: readonly InvoiceLine[], { corrects }: InvoiceLine): InvoiceLine {
  const line = corrects === null ? undefined : lines[corrects];
  if (line === undefined) throw new RangeError("a credit note corrects a line that its invoice lacks");
  return line;
}

function sumsOf(parts: readonly DocumentPart[]): DocumentPart[] {
  const sums = new Map<string, DocumentPart>();
  for (const { tier, route, minor } of parts) {
    const name = `${tier}\n${route}`;
    const before = sums.get(name)?.minor ?? "0";
    sums.set(name, { tier, route, minor: String(BigInt(before) + BigInt(minor)) });
  }
  return [...sums].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part);
}
