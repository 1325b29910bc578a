/**
 * Invoices and credit notes as documents: plain JSON with everything that they were rated by.
 *
 * A document is built from a period that has ended (draft-invoice.ts) or from an invoice that it corrects (draft-credit-note.ts), numbered
 * once, and never changed after that. Amounts are whole minor units as decimal strings: "33499" with an exponent of 2 is 334.99. Times are
 * RFC 3339 in UTC.
 *
 * Pure: no I/O and no clock.
 */
import { DAY_MS } from "../core/time.ts";
import type { LineDetail, LineKind } from "./line.ts";
import type { Period } from "./period.ts";
import type { TaxAmount } from "./tax.ts";
import type { Terms } from "./terms.ts";
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

/** The bytes of a document, which its SHA-256 is of. */
export function documentText(document: InvoiceDocument): string {
  return JSON.stringify(document);
}

/** What a line has that does not follow from usage. */
export const NOT_RATED = { segment: null, route: null, quantity: null, unitPrice: null, detail: [] } as const;

/** A tax as a document has it. */
export function toTax({ name, percent, minor }: TaxAmount): InvoiceTax {
  return { name, percent, minor: String(minor) };
}

/** A time as a document has it. */
export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
