/**
 * An invoice from the period that it is for. It contains the terms, the usage and the ceilings of its segments, so it can be rated again to
 * the same bytes, whatever became of policy, tier and account ({@link rateAgain}).
 *
 * Pure: no I/O and no clock.
 */
import type { Ceilings } from "./ceiling.ts";
import type { Credit } from "./credit.ts";
import {
  type AppliedCreditKind,
  DOCUMENT_FORMAT,
  type InvoiceCustomer,
  type InvoiceDocument,
  type InvoiceLine,
  type InvoiceSegment,
  type InvoiceSeller,
  iso,
  NOT_RATED,
  periodOf,
  toTax,
} from "./invoice-document.ts";
import type { Line } from "./line.ts";
import type { Period } from "./period.ts";
import { ratePeriod } from "./rate.ts";
import type { BilledSegment } from "./standing.ts";
import type { TaxRate } from "./tax.ts";
import { compileTerms } from "./terms.ts";
import { totalsOf, type TotalsOrNegative } from "./totals.ts";

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

function textOf(minor: bigint | null): string | null {
  return minor === null ? null : String(minor);
}

function minorOf(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}
