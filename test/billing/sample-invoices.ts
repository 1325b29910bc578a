/** Documents as a company would send them, made by the rating itself. */
import { creditNote } from "../../src/billing/credit-note.ts";
import { exponentOf } from "../../src/billing/currency.ts";
import { creditableOf, draftCreditNote } from "../../src/billing/draft-credit-note.ts";
import { draftInvoice, type InvoiceSource } from "../../src/billing/draft-invoice.ts";
import { type InvoiceDocument, issued } from "../../src/billing/invoice-document.ts";
import { periodFrom } from "../../src/billing/period.ts";
import { type Terms, termsOf } from "../../src/billing/terms.ts";
import type { UsageRow } from "../../src/billing/usage.ts";

const NOVEMBER = periodFrom(Date.UTC(2026, 10), 1);
const ISSUED_MS = Date.UTC(2026, 11, 1, 3, 4, 5);
const DUE_DAYS = 14;

/** The demo's tier: a base fee, and overage in two price tiers. */
export const PRO: Terms = termsOf(
  {
    base: "99",
    prices: [{ route: "/batch", of: "count", price: { model: "package", size: 100, price: "0.5" } }],
  },
  {
    name: "month",
    amount: 1_000_000,
    overage: {
      mode: "payg",
      price: {
        model: "graduated",
        tiers: [
          { upTo: 100_000, unit: "0.0005" },
          { upTo: null, unit: "0.0003" },
        ],
      },
    },
  },
);

export function usageOf(route: string, count: number, cost = count): UsageRow {
  return { route, unit: "requests", count, costMilli: cost * 1000 };
}

/** One tier all November, for a German customer. */
export function sourceWith(more: Partial<InvoiceSource> = {}): InvoiceSource {
  const currency = more.currency ?? "USD";
  return {
    id: "acme.20261101",
    user: "acme",
    currency,
    exponent: exponentOf(currency) ?? 2,
    seller: {
      name: "Example API GmbH",
      address: ["Torstraße 1", "10119 Berlin", "Germany"],
      taxId: "DE123456789",
    },
    customer: {
      name: "Acme Robotics Ltd",
      email: "billing@acme.example",
      address: ["12 Long Lane", "Dublin 2"],
      country: "IE",
      taxId: "IE1234567T",
    },
    period: NOVEMBER,
    segments: [
      {
        startMs: NOVEMBER.startMs,
        endMs: NOVEMBER.endMs,
        tier: "pro",
        revision: 3,
        terms: PRO,
        grantedMilli: 0,
        usage: [
          usageOf("/batch", 12_345),
          usageOf("/compare", 210_000, 420_000),
          usageOf("/identify", 800_986),
        ],
      },
    ],
    ceilings: { overageMinor: null, subtotalMinor: null },
    extraLines: [],
    rates: [{ name: "VAT", percent: "23" }],
    credits: [],
    ...more,
  };
}

export function invoiceOf(more: Partial<InvoiceSource> = {}, number = "INV-000042"): InvoiceDocument {
  return issued(draftOf(more), number, ISSUED_MS, DUE_DAYS);
}

export function draftOf(more: Partial<InvoiceSource> = {}): InvoiceDocument {
  const draft = draftInvoice(sourceWith(more));
  if (draft.kind === "negative") throw new Error("the sample is negative");
  return draft.document;
}

/** Takes back 12.34 of the invoice's base fee. */
export function creditNoteFor(invoice: InvoiceDocument): InvoiceDocument {
  const note = creditNote(creditableOf(invoice), [], [{ line: 0, minor: 1_234n }]);
  if (note.kind !== "note") throw new Error("the sample credits too much");
  return issued(
    draftCreditNote(invoice, "acme.20261101.cn1", note, "Two days of outage"),
    "INV-CN-000007",
    ISSUED_MS,
    null,
  );
}
