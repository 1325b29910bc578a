/** The page of an invoice or a credit note: says all that the document says, and no text of it becomes markup. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dateText, groupedDecimal, spanText } from "../../src/documents/amount-text.ts";
import { invoiceHtml } from "../../src/documents/invoice-html.ts";
import { INVOICE_STYLE, INVOICE_STYLE_SHA256 } from "../../src/documents/invoice-style.ts";
import { invoiceView } from "../../src/documents/invoice-text.ts";
import type { Standing } from "../../src/documents/invoice-view.ts";
import type { InvoiceSource } from "../../src/billing/draft-invoice.ts";
import type { InvoiceDocument } from "../../src/billing/invoice-document.ts";
import { creditNoteFor, draftOf, invoiceOf, PRO, sourceWith, usageOf } from "./sample-invoices.ts";

const page = (document: InvoiceDocument, standing: Standing = "issued"): string =>
  invoiceHtml(invoiceView(document, standing), { pdf: "x.pdf", notice: null });
/** The tags, without what a link leads to. */
const tagsOf = (html: string): string[] => html.replaceAll(/href="[^"]*"/g, "").match(/<[^>]*>/g) ?? [];
/** What is read, with one space between words. */
function textOf(html: string): string {
  const body = html.slice(html.indexOf("<body>")).replaceAll(/<[^>]*>/g, " ");
  const entities: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&amp;": "&" };
  return body.replaceAll(/&\w+;/g, (name) => entities[name] ?? name).replaceAll(/\s+/g, " ");
}

/** A segment whose tier and route have this name. */
function segmentsOf(name: string): InvoiceSource["segments"] {
  const [segment] = sourceWith().segments;
  return segment === undefined ? [] : [{ ...segment, tier: name, usage: [usageOf(name, 5)] }];
}

describe("the page of an invoice", () => {
  it("says what there is to pay, by when, to whom and for what", () => {
    const text = textOf(page(invoiceOf()));
    for (const part of [
      "Invoice number INV-000042",
      "Date of issue 1 December 2026",
      "Date due 15 December 2026",
      "Billing period 1 Nov – 30 Nov 2026",
      "From Example API GmbH Torstraße 1 10119 Berlin Germany Tax ID: DE123456789",
      "Bill to Acme Robotics Ltd 12 Long Lane Dublin 2 IE billing@acme.example Tax ID: IE1234567T",
      "USD 308.73 due 15 December 2026",
      "pro: base fee 1 Nov – 30 Nov 2026 99.00 99.00",
      "pro: requests beyond 1,000,000 included 1 Nov – 30 Nov 2026 233,331 233,331 90.00",
      "First 100,000 × 0.0005 100,000 0.0005 50.00",
      "Next 133,331 × 0.0003 133,331 0.0003 39.9993",
      "Packages 124 × 0.50 124 0.50 62.00",
      "Subtotal 251.00 VAT (23%) 57.73 Total 308.73 Amount due 308.73",
      "pro, 1 Nov – 30 Nov 2026 /batch 12,345 12,345 requests /compare 210,000 420,000 requests",
      "Account acme.",
    ]) {
      expect(text).toContain(part);
    }
  });

  it.each([
    ["JPY", "JPY 251 due", "99 99", "0.0005 50 "],
    ["BHD", "BHD 250.999 due", "99.000 99.000", "0.0005 50.000"],
    ["USD", "USD 251.00 due", "99.00 99.00", "0.0005 50.00"],
  ])("has the decimals of %s, and prices as they were configured", (currency, due, base, unit) => {
    const text = textOf(page(invoiceOf({ currency, rates: [] })));
    for (const part of [due, base, unit]) expect(text).toContain(part);
  });

  it("shows credits, an exemption, flat prices, a cut and a time within a day", () => {
    const source = sourceWith();
    const [segment] = source.segments;
    const price = { model: "graduated", tiers: [{ upTo: null, unit: "0.001", flat: "7.5" }] } as const;
    const quota = PRO.quota && { ...PRO.quota, price };
    const text = textOf(
      page(
        invoiceOf({
          customer: { taxExempt: true },
          rates: [],
          segments:
            segment === undefined
              ? []
              : [{ ...segment, endMs: segment.endMs - 60_000, terms: { ...PRO, quota } }],
          ceilings: { overageMinor: 20_000n, subtotalMinor: null },
          credits: [
            { id: "a", kind: "paid", leftMinor: 5_000n, effectiveMs: 0, expiresMs: null },
            { id: "b", kind: "promotional", leftMinor: 1_000n, effectiveMs: 1, expiresMs: null },
          ],
        }),
      ),
    );
    for (const part of [
      "1 Nov 2026, 00:00 – 30 Nov 2026, 23:59, cut from 240.85 to the cap",
      "All, with 7.50 once",
      "Tax (exempt) 0.00",
      "Prepaid credit -50.00 Credit -10.00 Amount due",
      "Bill to acme ",
    ]) {
      expect(text).toContain(part);
    }
  });

  it.each<[Standing, string]>([
    ["draft", "Draft"],
    ["paid", "USD 308.73 paid"],
    ["past_due", "Past due"],
    ["void", "Void: nothing is due"],
    ["carried", "carried to the next invoice"],
  ])("says that it is %s", (standing, words) => {
    expect(textOf(page(standing === "draft" ? draftOf() : invoiceOf(), standing))).toContain(words);
    expect(textOf(page(invoiceOf(), "issued"))).not.toContain(words);
  });

  it("keeps an operator's words, also if they look like a time", () => {
    for (const description of [
      "rebate, 2026-13-01 until 2026-14-01",
      "rebate, 2026-01-01 until 2026-01-31",
    ]) {
      const text = textOf(
        page(invoiceOf({ extraLines: [{ kind: "adjustment", description, minor: -100n }] })),
      );
      expect(text).toContain(` ${description} -1.00 `);
    }
  });

  it("of a credit note says what it corrects, and why", () => {
    const text = textOf(page(creditNoteFor(invoiceOf())));
    for (const part of [
      "Credit note number INV-CN-000007 Corrects invoice INV-000042",
      "Reason Two days of outage",
      "USD 15.18 credited",
      "pro: base fee 1 Nov – 30 Nov 2026",
      "Subtotal 12.34 VAT (23%) 2.84 Total credited 15.18",
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain("Amount due");
  });
});

describe("the page", () => {
  it("never makes markup of a text", () => {
    const hostile = `</style></title><script>alert(1)</script><img src=x onerror="alert(2)"> & ' "`;
    const harmless = "x";
    const [plain, attacked] = [harmless, hostile]
      .map((text) =>
        invoiceOf(
          {
            user: text,
            id: text,
            seller: { name: text, address: [text], taxId: text },
            customer: { name: text, email: text, address: [text], country: text, taxId: text },
            rates: [{ name: text, percent: "5" }],
            extraLines: [{ kind: "adjustment", description: text, minor: 5n }],
            segments: segmentsOf(text),
          },
          text,
        ),
      )
      .map((document) =>
        invoiceHtml(invoiceView(document, "issued"), { pdf: document.user, notice: document.user }),
      );
    expect(tagsOf(attacked ?? "")).toEqual(tagsOf(plain ?? ""));
    expect(textOf(attacked ?? "")).toContain(`From ${hostile}`);
  });

  it("has no script, no style attribute, and nothing from elsewhere; its style has the hash that is allowed", () => {
    const html = page(invoiceOf());
    expect(html).not.toMatch(/<script|<link|<img|<iframe|\sstyle=|\son\w+=|https?:|url\(|@import/i);
    const [, style] = /<style>(.*?)<\/style>/s.exec(html) ?? [];
    expect(style).toBe(INVOICE_STYLE);
    expect(
      createHash("sha256")
        .update(style ?? "")
        .digest("base64"),
    ).toBe(INVOICE_STYLE_SHA256);
  });

  it("can be heard: a language, a title, one heading, tables with a caption and heads with a scope", () => {
    const html = page(invoiceOf());
    expect(html).toMatch(/<html lang="en">/);
    expect(html).toContain("<title>Invoice INV-000042 · Example API GmbH</title>");
    expect(html.match(/<h1/g)).toHaveLength(1);
    expect(html.match(/<caption/g)).toHaveLength(html.match(/<table/g)?.length ?? 0);
    expect(html.match(/<th /g)).toHaveLength(html.match(/<th [^>]*scope="/g)?.length ?? 0);
  });
});

describe("amounts and dates", () => {
  it("keep every digit", () => {
    const decimal = fc.tuple(
      fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
      fc.stringMatching(/^(\.\d{1,12})?$/),
    );
    fc.assert(
      fc.property(decimal, fc.integer({ min: 0, max: 4 }), ([whole, decimals], exponent) => {
        const text = `${whole}${decimals}`;
        const grouped = groupedDecimal(text, exponent);
        const [digits = "", after = ""] = grouped.replaceAll(",", "").split(".");
        expect(digits).toBe(String(whole));
        expect(after).toBe(decimals.slice(1).padEnd(exponent, "0"));
        expect(grouped.split(".")[0]?.replace("-", "")).toMatch(/^\d{1,3}(,\d{3})*$/);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    [Date.UTC(2026, 10, 1), Date.UTC(2026, 11, 1), "1 Nov – 30 Nov 2026"],
    [Date.UTC(2026, 11, 15), Date.UTC(2027, 0, 15), "15 Dec 2026 – 14 Jan 2027"],
    [Date.UTC(2026, 1, 28), Date.UTC(2026, 2, 1), "28 Feb 2026"],
    [Date.UTC(2026, 1, 28, 9, 30), Date.UTC(2026, 2, 1), "28 Feb 2026, 09:30 – 1 Mar 2026, 00:00"],
  ])("name the last day of a span", (startMs, endMs, text) => {
    expect(spanText(startMs, endMs)).toBe(text);
    expect(dateText(Date.UTC(2028, 1, 29))).toBe("29 February 2028");
  });
});
