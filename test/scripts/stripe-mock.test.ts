/** Every call to Stripe has the shape that Stripe's own OpenAPI document asks for, and its answers have the fields that we read. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Stripe } from "stripe";
import * as z from "zod/mini";
import { draftInvoice, type InvoiceSource } from "../../src/billing/draft-invoice.ts";
import { issued } from "../../src/billing/invoice-document.ts";
import type { StripeAnswer, StripeJob, StripeRow } from "../../src/objects/stripe.ts";
import { sendInvoice } from "../../src/stripe/send-invoice.ts";
import { STRIPE_VERSION, StripeClient } from "../../src/stripe/stripe-client.ts";
import { paymentSchema, sessionSchema } from "../../src/stripe/stripe-objects.ts";
import { type RunningMock, STRIPE_MOCK, startStripeMock } from "../fixtures/stripe-mock.ts";

const NOW = Date.UTC(2026, 10, 1);

function invoice(): StripeJob["document"] {
  const source: InvoiceSource = {
    id: "acme.20261001",
    user: "acme",
    currency: "USD",
    exponent: 2,
    seller: null,
    customer: { name: "Acme", email: "acme@example.com", country: "DE", address: ["Weg 1", "10115 Berlin"] },
    period: { startMs: Date.UTC(2026, 9, 1), endMs: NOW, fullMs: NOW - Date.UTC(2026, 9, 1) },
    segments: [],
    ceilings: { overageMinor: null, subtotalMinor: null },
    extraLines: [
      { kind: "adjustment", description: "setup", minor: 5_000n },
      { kind: "adjustment", description: "discount", minor: -500n },
    ],
    rates: [{ name: "VAT", percent: "19" }],
    credits: [],
  };
  const made = draftInvoice(source);
  if (made.kind === "negative") throw new Error("the invoice is negative");
  return issued(made.document, "INV-000017", NOW, 14);
}

const ROW: StripeRow = {
  step: "customer",
  sinceMs: NOW,
  attempt: 0,
  customer: null,
  charges: false,
  stripeId: null,
  status: null,
  url: null,
  hasFailed: false,
  error: null,
};
const JOB: StripeJob = {
  document: invoice(),
  status: "issued",
  dueDays: 14,
  notes: [],
  row: ROW,
  customer: null,
};

it("the version of the API is that of the package whose types and signatures are tested", () => {
  expect(STRIPE_VERSION).toBe(Stripe.API_VERSION);
});

describe.skipIf(STRIPE_MOCK === null)("stripe-mock", () => {
  let mock: RunningMock;
  let client: StripeClient;
  beforeAll(async () => {
    mock = await startStripeMock(STRIPE_MOCK ?? "");
    client = new StripeClient({ apiUrl: mock.url, secretKey: "sk_test_123" });
  });
  afterAll(() => mock?.stop());

  const run = (row: Partial<StripeRow>, job: Partial<StripeJob> = {}): Promise<StripeAnswer> =>
    sendInvoice(client, { ...JOB, ...job, row: { ...ROW, ...row } }, NOW);
  const there = { customer: "cus_1", stripeId: "in_1" };

  it("takes a new customer and a changed one", async () => {
    const { row, customer } = await run({});
    expect([row.step, row.error, typeof row.customer]).toEqual(["invoice", null, "string"]);
    expect(customer?.sent).toMatch(/^[0-9a-f]{64}$/);
    const changed = await run({}, { customer: { id: "cus_1", sent: "" } });
    expect([changed.row.step, changed.row.error]).toEqual(["invoice", null]);
  });

  it.each([false, true])("takes a draft, with charges: %s", async (charges) => {
    const { row } = await run({ step: "invoice", customer: "cus_1", charges });
    expect([row.step, row.error, typeof row.stripeId]).toEqual(["lines", null, "string"]);
  });

  it("takes the search of a draft", async () => {
    // What it finds is not ours, so a draft is made.
    const { row } = await run({ step: "invoice", customer: "cus_1", attempt: 1 });
    expect([row.step, row.error]).toEqual(["lines", null]);
  });

  it.each([0, 1])("takes lines, in attempt %s", async (attempt) => {
    const { row } = await run({ step: "lines", ...there, attempt });
    expect([row.step, row.error]).toEqual(["finalize", null]);
  });

  it("answers with another total, which is found, and the draft is not finalized", async () => {
    const { row, isDone } = await run({ step: "finalize", ...there });
    expect([row.step, row.error?.kind, isDone]).toEqual(["finalize", "total_differs", true]);
  });

  it("takes the end of a draft", async () => {
    const { row, isDone } = await run({ step: "lines", ...there }, { status: "void" });
    expect([row.stripeId, row.error, isDone]).toEqual([null, null, true]);
  });

  it.each([
    ["invoices/in_1/finalize", { auto_advance: true }],
    ["invoices/in_1/void", {}],
    ["invoices/in_1/mark_uncollectible", {}],
    ["invoices/in_1/pay", { paid_out_of_band: true }],
    [
      "credit_notes",
      {
        invoice: "in_1",
        amount: 100n,
        memo: "Credit note INV-CN-000001",
        metadata: { edge_limiter_invoice: "a" },
      },
    ],
  ])("takes %s", async (path, parameters) => {
    const made = await client.post(path, z.object({ id: z.string() }), parameters, path);
    expect(made.kind).toBe("ok");
  });

  it("shows payments and sessions with the fields that a top-up needs", async () => {
    expect((await client.get("payment_intents/pi_1", paymentSchema)).kind).toBe("ok");
    expect((await client.get("checkout/sessions/cs_1", sessionSchema)).kind).toBe("ok");
    expect(
      (
        await client.get("credit_notes", z.object({ data: z.array(z.unknown()) }), {
          invoice: "in_1",
          limit: 100,
        })
      ).kind,
    ).toBe("ok");
  });

  it("rejects parameters that Stripe does not have, so these tests can fail", async () => {
    const made = await client.post("invoices", z.unknown(), { customer: "cus_1", nonsense: 1 }, "k");
    expect(made).toMatchObject({ kind: "rejected", status: 400 });
  });
});
