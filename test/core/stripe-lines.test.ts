/** What Stripe gets of an invoice: amounts as Stripe counts them, and lines whose sum is what is due. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exponentOf } from "../../src/billing/currency.ts";
import { draftInvoice, type ExtraLine } from "../../src/billing/draft-invoice.ts";
import { issued } from "../../src/billing/invoice-document.ts";
import { fromStripeAmount, toStripeAmount } from "../../src/stripe/stripe-amount.ts";
import { formOf } from "../../src/stripe/stripe-client.ts";
import { MAX_LINES, stripeLines } from "../../src/stripe/stripe-lines.ts";

const NOW = Date.UTC(2026, 10, 1);

function invoiceOf(currency: string, minors: readonly bigint[], creditMinor = 0n, percent = "0") {
  const extraLines: ExtraLine[] = minors.map((minor, i) => ({
    kind: "adjustment",
    description: `line ${i}`,
    minor,
  }));
  const credit = { id: "c1", kind: "paid", leftMinor: creditMinor, effectiveMs: 0, expiresMs: null } as const;
  const made = draftInvoice({
    id: "acme.20261001",
    user: "acme",
    currency,
    exponent: exponentOf(currency) ?? 2,
    seller: null,
    customer: {},
    period: { startMs: Date.UTC(2026, 9, 1), endMs: NOW, fullMs: NOW - Date.UTC(2026, 9, 1) },
    segments: [],
    ceilings: { overageMinor: null, subtotalMinor: null },
    extraLines,
    rates: percent === "0" ? [] : [{ name: "VAT", percent }],
    credits: [credit],
  });
  if (made.kind === "negative") throw new Error("the invoice is negative");
  return issued(made.document, "INV-000017", NOW, 14);
}

const sumOf = (lines: ReturnType<typeof stripeLines>): bigint =>
  (lines ?? []).reduce((sum, { amount }) => sum + amount, 0n);

describe("an amount", () => {
  it.each([
    ["USD", 1_235n, 1_235n],
    ["USD", -5n, -5n],
    ["JPY", 3_100n, 3_100n],
    ["HUF", 1_235n, 1_235n],
    ["BHD", 1_230n, 1_230n],
    ["BHD", 1_235n, null],
    ["ISK", 31n, 3_100n],
    ["MGA", 3_100n, 31n],
    ["MGA", 3_150n, null],
    ["UGX", 31n, null],
    ["XYZ", 31n, null],
  ])("of %s %s is %s at Stripe", (currency, minor, amount) => {
    expect(toStripeAmount(currency, minor)).toBe(amount);
  });

  it.each([
    ["USD", 5_000, "50.00"],
    ["JPY", 5_000, "5000"],
    ["KWD", 5_120, "5.120"],
    ["ISK", 5_000, "50.00"],
    ["MGA", 50, "50"],
    ["UGX", 50, null],
    ["XYZ", 50, null],
  ])("of %s %s at Stripe is %s", (currency, amount, text) => {
    expect(fromStripeAmount(currency, amount)).toBe(text);
  });
});

describe("the lines", () => {
  it("add up to what is due, whatever the lines, the tax and the credits are", () => {
    const minors = fc.array(fc.bigInt(-10_000n, 100_000n), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(
        minors,
        fc.bigInt(0n, 200_000n),
        fc.constantFrom("0", "19", "9.975"),
        (lines, credit, percent) => {
          fc.pre(lines.reduce((sum, minor) => sum + minor, 0n) >= 0n);
          const document = invoiceOf("EUR", lines, credit, percent);
          const made = stripeLines(document);
          expect(sumOf(made)).toBe(BigInt(document.dueMinor));
          expect(made?.length).toBeLessThanOrEqual(MAX_LINES);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("of more than Stripe takes end in the sum of the others", () => {
    const made = stripeLines(
      invoiceOf(
        "EUR",
        Array.from({ length: 300 }, () => 1n),
        0n,
        "19",
      ),
    );
    expect(made).toHaveLength(MAX_LINES);
    expect(made?.at(-1)).toEqual({
      description: "52 further lines of invoice INV-000017",
      amount: 51n + 57n,
    });
  });

  it("are one if Stripe cannot have each, but their sum", () => {
    expect(stripeLines(invoiceOf("BHD", [1_235n, 5n]))).toEqual([
      { description: "Invoice INV-000017", amount: 1_240n },
    ]);
    expect(stripeLines(invoiceOf("BHD", [1_235n]))).toBeNull();
  });
});

it("parameters are nested as Stripe takes them, without those that are undefined", () => {
  const form = formOf({ a: true, lines: [{ amount: -5n, metadata: { "x y": "&=" } }], none: undefined });
  expect(form.toString()).toBe(
    "a=true&lines%5B0%5D%5Bamount%5D=-5&lines%5B0%5D%5Bmetadata%5D%5Bx+y%5D=%26%3D",
  );
});
