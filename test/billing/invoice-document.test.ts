/** An invoice is what its period accrued, and can be rated again from itself alone, to the same bytes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CreditNote, creditNote } from "../../src/billing/credit-note.ts";
import { creditableOf, creditNoteOf, draftCreditNote } from "../../src/billing/draft-credit-note.ts";
import {
  draftInvoice,
  type ExtraLine,
  type InvoiceSource,
  rateAgain,
} from "../../src/billing/draft-invoice.ts";
import { type InvoiceDocument, issued } from "../../src/billing/invoice-document.ts";
import { exponentOf } from "../../src/billing/currency.ts";
import { periodFrom } from "../../src/billing/period.ts";
import { billCeilings, billedSegments } from "../../src/billing/standing.ts";
import { ratesFor } from "../../src/billing/tax.ts";
import { readDocument, writeDocument } from "../../src/objects/invoice.ts";
import { history } from "./arbitraries.ts";
import { billOf, type History, play } from "./history.ts";

const RUNS = Number(process.env["BILLING_RUNS"] ?? 300);
const SEED = Number(process.env["BILLING_SEED"] ?? 20_261_130);

const JAN = Date.UTC(2026, 0);

function sourceFrom(given: History, extraLines: readonly ExtraLine[] = []): InvoiceSource {
  const { currency, customer, taxes, spendCap, budget } = given;
  const exponent = exponentOf(currency) ?? NaN;
  const period = periodFrom(given.startMs, given.anchorDay);
  const { segments, ledger } = play(given);
  const credits = given.credits.map((credit) => ({
    ...credit,
    leftMinor: BigInt(credit.leftMinor),
    kind: "paid" as const,
  }));
  const grants = given.grants.map(({ amount, ...grant }) => ({
    ...grant,
    amountMilli: Math.round(amount * 1000),
  }));
  const standing = { period, segments, grants, credits, budget, keptMinor: null, customer };
  const { country, taxExempt } = customer;
  return {
    id: "ann.20260101",
    user: "ann",
    currency,
    exponent,
    seller: { name: "Seller", address: ["Road 1"] },
    customer: { ...(country === null ? {} : { country }), taxExempt },
    period,
    segments: billedSegments(standing, ledger),
    ceilings: billCeilings(standing, { exponent, taxes, spendCap }),
    extraLines,
    rates: ratesFor(taxes, customer),
    credits,
  };
}

function draftOf(source: InvoiceSource): InvoiceDocument {
  const draft = draftInvoice(source);
  if (draft.kind === "negative") throw new Error("the draft is negative");
  return draft.document;
}

const extras = fc.array(
  fc.record({
    kind: fc.constantFrom("adjustment" as const, "carried" as const),
    description: fc.string(),
    minor: fc.integer({ min: 0, max: 100_000 }).map(BigInt),
  }),
  { maxLength: 3 },
);

describe("an invoice", () => {
  it("has the lines, taxes and credits that the period had accrued", () => {
    fc.assert(
      fc.property(history, (given) => {
        const { lines, totals } = billOf(given);
        if (totals.kind === "negative") throw new Error("rated lines are never negative");
        const document = draftOf(sourceFrom(given));
        expect(document.lines.map(({ kind, minor }) => [kind, minor])).toEqual(
          lines.map(({ kind, minor }) => [kind, String(minor)]),
        );
        expect(document.totalMinor).toBe(String(totals.totalMinor));
        expect(document.dueMinor).toBe(String(totals.dueMinor));
        expect(document.credits.map(({ id, minor }) => [id, minor])).toEqual(
          totals.credits.map(({ id, minor }) => [id, String(minor)]),
        );
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it("is rated again from its stored bytes to the same bytes, with its adjustments", () => {
    fc.assert(
      fc.property(history, extras, fc.integer({ min: 0, max: 366 }), (given, extraLines, dueDays) => {
        const draft = readDocument(writeDocument(draftOf(sourceFrom(given, extraLines))));
        const text = writeDocument(issued(draft, "INV-000001", given.startMs, dueDays));
        expect(writeDocument(rateAgain(readDocument(text)))).toBe(text);
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it("does not exist below zero", () => {
    const given = fc.sample(history, { numRuns: 1, seed: SEED })[0]!;
    const { subtotalMinor } = draftOf(sourceFrom(given));
    const minor = -BigInt(subtotalMinor) - 1n;
    const draft = draftInvoice(sourceFrom(given, [{ kind: "adjustment", description: "", minor }]));
    expect(draft).toEqual({ kind: "negative", subtotalMinor: -1n });
  });
});

describe("a stored document", () => {
  const draft = draftOf(sourceFrom(fc.sample(history, { numRuns: 1, seed: SEED })[0]!));

  it("has the same bytes whatever the order of its fields", () => {
    const reversed = Object.fromEntries(Object.entries(draft).toReversed());
    expect(writeDocument(reversed as unknown as InvoiceDocument)).toBe(writeDocument(draft));
  });

  it.each([
    ["an unknown field", { extra: 1 }],
    ["another format", { format: 2 }],
    ["an amount that is not whole minor units", { totalMinor: "1.50" }],
    ["an amount with a superfluous zero", { dueMinor: "01" }],
    ["a time without milliseconds", { issuedAt: "2026-01-01T00:00:00Z" }],
  ])("is rejected with %s", (_what, change) => {
    expect(() => readDocument(JSON.stringify({ ...draft, ...change }))).toThrow();
  });
});

describe("credit notes", () => {
  it("for each line, read back from their documents, add up to the invoice", () => {
    const minors = [6_833n, 6_833n, 5_750n, 8_500n];
    const source: InvoiceSource = {
      ...sourceFrom(fc.sample(history, { numRuns: 1, seed: SEED })[0]!),
      currency: "EUR",
      exponent: 2,
      period: { startMs: JAN, endMs: Date.UTC(2026, 1), fullMs: Date.UTC(2026, 1) - JAN },
      segments: [],
      extraLines: minors.map((minor) => ({ kind: "adjustment", description: "seat", minor })),
      rates: [{ name: "TVA", percent: "20" }],
      credits: [],
    };
    const invoice = issued(draftOf(source), "INV-000001", JAN, 14);
    expect(invoice.totalMinor).toBe("33499");
    expect(invoice.dueAt).toBe("2026-01-15T00:00:00.000Z");
    const notes: InvoiceDocument[] = [];
    for (const [line, minor] of minors.entries()) {
      const earlier: CreditNote[] = notes.map((note) => creditNoteOf(readDocument(writeDocument(note))));
      const note = creditNote(creditableOf(invoice), earlier, [{ line, minor }]);
      if (note.kind !== "note") throw new Error(note.kind);
      const document = draftCreditNote(invoice, `n${line}`, note, "not delivered");
      expect(document).toMatchObject({
        kind: "credit_note",
        corrects: { id: invoice.id, number: "INV-000001" },
        reason: "not delivered",
      });
      notes.push(document);
    }
    expect(notes.reduce((sum, { totalMinor }) => sum + BigInt(totalMinor), 0n)).toBe(33_499n);
    expect(creditNote(creditableOf(invoice), notes.map(creditNoteOf), [{ line: 0, minor: 1n }])).toEqual({
      kind: "exceeds-uncredited",
      line: 0,
      uncreditedMinor: 0n,
    });
  });

  it("are not made for a draft, and are not rated", () => {
    const draft = draftOf(sourceFrom(fc.sample(history, { numRuns: 1, seed: SEED })[0]!));
    const none = { lines: [], taxes: [], totalMinor: 0n };
    expect(() => draftCreditNote(draft, "n", none, "")).toThrow("a draft");
    const note = draftCreditNote({ ...draft, number: "INV-000001" }, "n", none, "");
    expect(() => rateAgain(note)).toThrow("not rated");
  });
});
