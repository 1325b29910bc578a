/**
 * Invoices and credit notes as documents: plain JSON with everything that they were rated by.
 *
 * A document is built from a period that has ended, numbered once, and never changed after that. It contains the terms, the usage and the
 * ceilings of its segments, so it can be rated again to the same bytes, whatever became of policy, tier and account ({@link rateAgain}).
 * Amounts are whole minor units as decimal strings: "33499" with an exponent of 2 is 334.99. Times are RFC 3339 in UTC.
 *
 * Pure: no I/O and no clock.
 */
import { DAY_MS } from "../core/time.ts";
import type { Ceilings } from "./ceiling.ts";
import type { Credit } from "./credit.ts";
import type { CreditNote } from "./credit-note.ts";
import type { Line, LineDetail, LineKind } from "./line.ts";
import type { Period } from "./period.ts";
import { ratePeriod } from "./rate.ts";
import type { BilledSegment } from "./standing.ts";
import { compileTerms, type Terms } from "./terms.ts";
import type { TaxAmount, TaxRate } from "./tax.ts";
import { totalsOf, type TotalsOrNegative } from "./totals.ts";
import type { UsageRow } from "./usage.ts";

/** Increase it for a document that an older reader would misread, and read the earlier ones for ever. */
export const DOCUMENT_FORMAT = 1;

export const DOCUMENT_KINDS = ["invoice", "credit_note"] as const;
export type DocumentKind = (typeof DOCUMENT_KINDS)[number];

/** Why a credit was given. Only paid ones are money that the customer has paid. */
export type AppliedCreditKind = "paid" | "promotional";

/** Who sends the document; from the policy. */
export interface InvoiceSeller {
  readonly name: string;
  readonly address: readonly string[];
  readonly taxId?: string | undefined;
}

/** Whom it is for; from the account. */
export interface InvoiceCustomer {
  readonly name?: string | undefined;
  readonly email?: string | undefined;
  readonly address?: readonly string[] | undefined;
  /** ISO 3166-1. */
  readonly country?: string | undefined;
  readonly taxId?: string | undefined;
  readonly taxExempt?: boolean | undefined;
}

export interface InvoiceSegment {
  readonly tier: string;
  /** The policy's revision that the terms were copied from. */
  readonly revision: number;
  readonly start: string;
  readonly end: string;
  readonly terms: Terms;
  /** What grants add to the included amount. */
  readonly grantedMilli: number;
  /** Of the segment alone. */
  readonly usage: readonly UsageRow[];
}

export interface InvoiceLine {
  readonly kind: LineKind;
  /** Index of the segment that it charges for; null for adjustments, carried amounts and lines of a credit note. */
  readonly segment: number | null;
  /** The route of a `usage` line; null for others. */
  readonly route: string | null;
  readonly description: string;
  readonly quantity: string | null;
  readonly unitPrice: string | null;
  readonly detail: readonly LineDetail[];
  /** Before tax. Positive in a credit note. */
  readonly minor: string;
  /** In a credit note: index of the invoice's line that it takes back; null in an invoice. */
  readonly corrects: number | null;
}

export interface InvoiceTax {
  readonly name: string;
  readonly percent: string;
  readonly minor: string;
}

export interface InvoiceCredit {
  readonly id: string;
  readonly kind: AppliedCreditKind;
  readonly minor: string;
}

export interface InvoiceDocument {
  readonly format: typeof DOCUMENT_FORMAT;
  readonly id: string;
  /** Null exactly if it is a draft. */
  readonly number: string | null;
  readonly kind: DocumentKind;
  /** The invoice that a credit note corrects; null in an invoice. */
  readonly corrects: { readonly id: string; readonly number: string } | null;
  /** Why a credit note was made, for the customer; null in an invoice. */
  readonly reason: string | null;
  readonly user: string;
  /** Of a credit note: the invoice's. `fullMs` is the length of the whole month that it is a part of. */
  readonly period: { readonly start: string; readonly end: string; readonly fullMs: number };
  /** Null in a draft. */
  readonly issuedAt: string | null;
  /** Null in a draft and in a credit note. */
  readonly dueAt: string | null;
  readonly currency: string;
  /** Decimals of the currency. */
  readonly exponent: number;
  readonly seller: InvoiceSeller | null;
  readonly customer: InvoiceCustomer;
  /** None in a credit note. */
  readonly segments: readonly InvoiceSegment[];
  /** What lines were cut to; null: nothing. */
  readonly ceilings: { readonly overageMinor: string | null; readonly subtotalMinor: string | null };
  readonly lines: readonly InvoiceLine[];
  readonly subtotalMinor: string;
  readonly taxes: readonly InvoiceTax[];
  readonly totalMinor: string;
  /** What credits pay of it, in the order in which they do. */
  readonly credits: readonly InvoiceCredit[];
  readonly dueMinor: string;
}

/** A line that does not follow from usage. Negative only if it is an adjustment. */
export interface ExtraLine {
  readonly kind: "adjustment" | "carried";
  readonly description: string;
  readonly minor: bigint;
}

/** A closed period, and what applies to its bill. */
export interface InvoiceSource {
  readonly id: string;
  readonly user: string;
  readonly currency: string;
  /** Of the currency (`exponentOf`). */
  readonly exponent: number;
  readonly seller: InvoiceSeller | null;
  readonly customer: InvoiceCustomer;
  readonly period: Period;
  readonly segments: readonly BilledSegment[];
  readonly ceilings: Ceilings;
  readonly extraLines: readonly ExtraLine[];
  /** Those that apply to the customer (`ratesFor`). */
  readonly rates: readonly Pick<TaxRate, "name" | "percent">[];
  /** With what is left of each. */
  readonly credits: readonly (Credit & { readonly kind: AppliedCreditKind })[];
}

export type DraftOrNegative =
  | { readonly kind: "draft"; readonly document: InvoiceDocument }
  | Extract<TotalsOrNegative, { kind: "negative" }>;

/** The draft of a closed period's invoice. */
export function draftInvoice(source: InvoiceSource): DraftOrNegative {
  const { id, user, period, currency, exponent, seller, customer, segments, ceilings, extraLines } = source;
  const rated = ratePeriod(
    segments.map((segment) => ({ ...segment, terms: compileTerms(segment.terms) })),
    { fullMs: period.fullMs, exponent, ceilings },
  );
  const lines = [...rated, ...extraLines.map(extra)];
  const rates = source.rates.map(({ name, percent }) => ({ country: "", name, percent }));
  const totals = totalsOf(lines, rates, source.credits, period);
  if (totals.kind === "negative") return totals;
  const kinds = new Map(source.credits.map((credit) => [credit.id, credit.kind]));
  const document: InvoiceDocument = {
    format: DOCUMENT_FORMAT,
    id,
    number: null,
    kind: "invoice",
    corrects: null,
    reason: null,
    user,
    period: { start: iso(period.startMs), end: iso(period.endMs), fullMs: period.fullMs },
    issuedAt: null,
    dueAt: null,
    currency,
    exponent,
    seller,
    customer,
    segments: segments.map(toSegment),
    ceilings: {
      overageMinor: textOf(ceilings.overageMinor),
      subtotalMinor: textOf(ceilings.subtotalMinor),
    },
    lines: lines.map(toLine),
    subtotalMinor: String(totals.subtotalMinor),
    taxes: totals.taxes.map(toTax),
    totalMinor: String(totals.totalMinor),
    credits: totals.credits.map((credit) => ({
      id: credit.id,
      kind: kinds.get(credit.id) ?? "promotional",
      minor: String(credit.minor),
    })),
    dueMinor: String(totals.dueMinor),
  };
  return { kind: "draft", document };
}

/** The same invoice, rated again from nothing but itself. */
export function rateAgain(document: InvoiceDocument): InvoiceDocument {
  if (document.kind !== "invoice") throw new RangeError("a credit note is not rated");
  const again = draftInvoice(sourceOf(document));
  if (again.kind === "negative") throw new RangeError("an invoice is never negative");
  const { number, issuedAt, dueAt } = document;
  return { ...again.document, number, issuedAt, dueAt };
}

/** What an invoice was built from. Its credits are those that it applied, with what they paid. */
export function sourceOf(document: InvoiceDocument): InvoiceSource {
  const { id, user, currency, exponent, seller, customer, ceilings, lines, taxes, credits } = document;
  return {
    id,
    user,
    currency,
    exponent,
    seller,
    customer,
    period: periodOf(document),
    segments: document.segments.map(({ start, end, tier, revision, terms, grantedMilli, usage }) => ({
      startMs: Date.parse(start),
      endMs: Date.parse(end),
      tier,
      revision,
      terms,
      grantedMilli,
      usage,
    })),
    ceilings: {
      overageMinor: minorOf(ceilings.overageMinor),
      subtotalMinor: minorOf(ceilings.subtotalMinor),
    },
    extraLines: lines.flatMap(({ kind, description, minor }) =>
      kind === "adjustment" || kind === "carried" ? [{ kind, description, minor: BigInt(minor) }] : [],
    ),
    rates: taxes,
    // In this order: each is in force before the next.
    credits: credits.map(({ id: creditId, kind, minor }, index) => ({
      id: creditId,
      kind,
      leftMinor: BigInt(minor),
      effectiveMs: index - credits.length,
      expiresMs: null,
    })),
  };
}

/** The period that a document is for. */
export function periodOf({ period }: Pick<InvoiceDocument, "period">): Period {
  return { startMs: Date.parse(period.start), endMs: Date.parse(period.end), fullMs: period.fullMs };
}

/** A draft with its number. @param dueDays null in a credit note. */
export function issued(
  draft: InvoiceDocument,
  number: string,
  issuedMs: number,
  dueDays: number | null,
): InvoiceDocument {
  const dueAt = dueDays === null ? null : iso(issuedMs + dueDays * DAY_MS);
  return { ...draft, number, issuedAt: iso(issuedMs), dueAt };
}

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

/** The bytes of a document, which its SHA-256 is of. */
export function documentText(document: InvoiceDocument): string {
  return JSON.stringify(document);
}

const NOT_RATED = { segment: null, route: null, quantity: null, unitPrice: null, detail: [] } as const;

function extra({ kind, description, minor }: ExtraLine): Line {
  return { ...NOT_RATED, kind, description, minor };
}

/** Field by field, so that the order of a document's bytes does not depend on where a value came from. */
function toLine(line: Line): InvoiceLine {
  const { kind, segment, route, description, quantity, unitPrice, detail, minor } = line;
  return {
    kind,
    segment,
    route,
    description,
    quantity,
    unitPrice,
    detail,
    minor: String(minor),
    corrects: null,
  };
}

function toSegment(segment: BilledSegment): InvoiceSegment {
  const { startMs, endMs, tier, revision, terms, grantedMilli, usage } = segment;
  return {
    tier,
    revision,
    start: iso(startMs),
    end: iso(endMs),
    terms,
    grantedMilli,
    usage: usage.map(({ route, unit, count, costMilli }) => ({ route, unit, count, costMilli })),
  };
}

function toTax({ name, percent, minor }: TaxAmount): InvoiceTax {
  return { name, percent, minor: String(minor) };
}

function taxAmounts(taxes: readonly InvoiceTax[]): TaxAmount[] {
  return taxes.map(({ name, percent, minor }) => ({ name, percent, minor: BigInt(minor) }));
}

function textOf(minor: bigint | null): string | null {
  return minor === null ? null : String(minor);
}

function minorOf(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
