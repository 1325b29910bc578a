/** An account's invoices and credit notes: response schemas and texts. */
import * as z from "zod/mini";
import { draftCreditNote } from "../../src/billing/draft-credit-note.ts";
import { draftInvoice, type InvoiceSource } from "../../src/billing/draft-invoice.ts";
import { type InvoiceDocument, issued } from "../../src/billing/invoice-document.ts";
import { DOCUMENT_KINDS } from "../../src/billing/invoice-document.ts";
import { INVOICE_STATUSES } from "../../src/billing/invoice-status.ts";
import { invoiceSchema, readDocument, writeDocument } from "../../src/objects/invoice.ts";
import { STRIPE_ERRORS, STRIPE_STEPS } from "../../src/objects/stripe.ts";
import { about, named } from "../annotations.ts";
import { answer, json, type OperationNotes, PAGE, REASON, text } from "../notes.ts";
import { moment, momentOrNull, nextCursor, words } from "../scalars.ts";

const sum = (description: string) => words(`${description} In the currency's major unit.`);

export const documentSchema = named(
  "InvoiceDocument",
  'An invoice or a credit note with everything that it was rated by. Amounts are whole minor units: "33499" with an exponent of 2 is 334.99.',
  invoiceSchema,
);

const STATUS =
  "`draft`: may be adjusted. `pending`: final, and waits for its number. `carried`: too small, so the next invoice has it. `empty`: comes to nothing, so it is not issued.";

const atStripe = named(
  "InvoiceAtStripe",
  "An invoice as it is at Stripe.",
  z.strictObject({
    id: about("Null until it is there.", z.nullable(z.string())),
    step: about("What is next; `open`: it is there, and final.", z.enum(STRIPE_STEPS)),
    status: about("Stripe's word for it, as it was last seen.", z.nullable(z.string())),
    url: about("Where the customer pays.", z.nullable(z.string())),
    error: about(
      "Why it waits for an operator.",
      z.nullable(z.strictObject({ kind: z.enum(STRIPE_ERRORS), detail: z.string() })),
    ),
  }),
);

const summaryFields = {
  id: words("Of the account and the start of its period."),
  number: about("Null until the register has numbered it.", z.nullable(z.string())),
  kind: z.enum(DOCUMENT_KINDS),
  status: about(STATUS, z.enum(INVOICE_STATUSES)),
  corrects: about(
    "The invoice that a credit note corrects.",
    z.nullable(z.strictObject({ id: z.string(), number: z.string() })),
  ),
  period: z.strictObject({ start: moment("Its first moment."), end: moment("Exclusive.") }),
  currency: words("ISO 4217."),
  total: sum("With tax."),
  due: sum("What credits leave to pay."),
  open: sum("What is left to pay of it now: nothing if it is paid, void or has no number."),
  finalizesAt: momentOrNull("When the review of a draft ends."),
  issuedAt: momentOrNull("Null until it has a number."),
  dueAt: momentOrNull("Null until it has a number, and of credit notes."),
  paidAt: momentOrNull("When it was marked as paid, or issued if credits have paid it."),
  creditNotes: about("Ids of the credit notes that correct it.", z.array(z.string())),
  sha256: about("Of the document's bytes, once it has a number.", z.nullable(z.string())),
  stripe: about("Null if it does not go to Stripe.", z.nullable(atStripe)),
};
export const summarySchema = named(
  "InvoiceSummary",
  "An invoice or a credit note without its lines.",
  z.strictObject(summaryFields),
);
export const invoiceAnswerSchema = named(
  "Invoice",
  "An invoice or a credit note.",
  z.strictObject({ ...summaryFields, document: documentSchema }),
);
export const invoicesSchema = z.strictObject({ invoices: z.array(summarySchema), cursor: nextCursor() });
export type InvoiceResponse = z.infer<typeof invoiceAnswerSchema>;
export type InvoicesResponse = z.infer<typeof invoicesSchema>;

const [START_MS, END_MS] = [Date.UTC(2026, 9, 1), Date.UTC(2026, 10, 1)];
const SOURCE: InvoiceSource = {
  id: "acme.20261001",
  user: "acme",
  currency: "EUR",
  exponent: 2,
  seller: { name: "Example GmbH", address: ["Weg 1", "10115 Berlin"], taxId: "DE123" },
  customer: { name: "Acme GmbH", country: "DE" },
  period: { startMs: START_MS, endMs: END_MS, fullMs: END_MS - START_MS },
  segments: [
    {
      startMs: START_MS,
      endMs: END_MS,
      tier: "pro",
      revision: 3,
      terms: {
        base: "99",
        minimum: "0",
        quota: {
          name: "month",
          unit: "requests",
          includedMilli: 1_000_000_000,
          mode: "payg",
          price: { model: "unit", unit: "0.0005" },
        },
        prices: [],
      },
      usage: [{ route: "/identify", unit: "requests", count: 1_200_000, costMilli: 1_200_000_000 }],
      grantedMilli: 0,
    },
  ],
  ceilings: { overageMinor: null, subtotalMinor: null },
  extraLines: [],
  rates: [{ name: "VAT", percent: "19" }],
  credits: [],
};

/** As the product stores it. */
function stored(document: InvoiceDocument): z.infer<typeof documentSchema> {
  return documentSchema.parse(readDocument(writeDocument(document)));
}

function draft(): InvoiceDocument {
  const made = draftInvoice(SOURCE);
  if (made.kind === "negative") throw new Error("the example is negative");
  return made.document;
}

const INVOICE = stored(issued(draft(), "INV-000017", Date.UTC(2026, 10, 1, 3, 12), 14));
const NOTE = stored(
  issued(
    draftCreditNote(
      readDocument(JSON.stringify(INVOICE)),
      "acme.20261001.c001",
      {
        lines: [{ line: 0, minor: 1_000n }],
        taxes: [{ name: "VAT", percent: "19", minor: 190n }],
        totalMinor: 1_190n,
      },
      "Outage on 12 October",
    ),
    "INV-CN-000001",
    Date.UTC(2026, 10, 3),
    null,
  ),
);

const SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const { id, number, kind, corrects, period, issuedAt, dueAt, currency } = INVOICE;
export const SUMMARY = {
  id,
  number,
  kind,
  status: "issued" as const,
  corrects,
  period: { start: period.start, end: period.end },
  currency,
  total: "236.81",
  due: "236.81",
  open: "236.81",
  finalizesAt: null,
  issuedAt,
  dueAt,
  paidAt: null,
  creditNotes: [],
  sha256: SHA256,
  stripe: null,
};
export const ISSUED: InvoiceResponse = { ...SUMMARY, document: INVOICE };
const DRAFT: InvoiceResponse = {
  ...SUMMARY,
  number: null,
  status: "draft",
  open: "0.00",
  finalizesAt: "2026-11-01T03:12:00.000Z",
  issuedAt: null,
  dueAt: null,
  sha256: null,
  document: stored(draft()),
};
const CREDITED: InvoiceResponse = {
  ...SUMMARY,
  id: NOTE.id,
  number: NOTE.number,
  kind: "credit_note",
  corrects: NOTE.corrects,
  total: "11.90",
  due: "11.90",
  open: "0.00",
  issuedAt: NOTE.issuedAt,
  dueAt: null,
  document: NOTE,
};

const listInvoices: OperationNotes = {
  tag: "Billing",
  summary: "An account's invoices",
  description: "Newest period first. Also those of a deleted account.",
  query: { ...PAGE, format: "Takes precedence over the header Accept." },
  responses: [
    {
      status: 200,
      description: "A page of invoices.",
      contents: [
        json(invoicesSchema, { page: { invoices: [SUMMARY], cursor: null } }),
        text(
          "text/csv",
          "id,number,status,currency,total,due,open,issuedAt,dueAt,paidAt\r\nacme.20261001,INV-000042,issued,USD,99.00,99.00,99.00,2026-11-01T03:04:05.000Z,2026-11-15T03:04:05.000Z,\r\n",
        ),
      ],
      headers: ["Link"],
    },
  ],
  problems: ["not_found"],
};

const getInvoice: OperationNotes = {
  tag: "Billing",
  summary: "An invoice or a credit note",
  description: "With the document, which never changes once it has a number.",
  responses: [answer(200, "The invoice.", invoiceAnswerSchema, { issued: ISSUED, draft: DRAFT })],
  problems: ["not_found"],
};

const adjustInvoice: OperationNotes = {
  tag: "Billing",
  summary: "Add lines to a draft",
  description:
    "Until its review ends. Taxes and credits are computed again. An invoice that came to nothing may get lines for as long as a draft.",
  body: {
    fields: {
      lines: "A negative amount is a discount. The subtotal must not fall below 0.",
      currency: "Must be the invoice's, which is the default.",
      reason: REASON,
    },
    examples: { discount: { lines: [{ description: "Loyalty discount", amount: "-10.00" }] } },
  },
  responses: [answer(200, "The draft.", invoiceAnswerSchema, { draft: DRAFT })],
  problems: ["not_found", "conflict", "invoice_issued", "period_closed", "currency_differs"],
};

const finalizeInvoice: OperationNotes = {
  tag: "Billing",
  summary: "End the review of a draft",
  description:
    "The invoice gets its number, unless it comes to nothing or is too small. If the register does not answer at once, the status is `pending`.",
  body: { fields: { reason: REASON }, examples: { plain: {} } },
  responses: [answer(200, "The invoice.", invoiceAnswerSchema, { issued: ISSUED })],
  problems: ["not_found", "invoice_issued", "period_closed"],
};

const createCreditNote: OperationNotes = {
  tag: "Billing",
  summary: "Correct an issued invoice",
  description:
    "Takes back all or part of some lines, with their tax; at most what earlier notes have not. It does not pay anything back: give a credit, or return the money.",
  body: {
    fields: {
      lines: "`line` is the line's place in the document, counted from 0. Amounts are before tax, above 0.",
      reason: "For the customer: it is printed on the credit note.",
    },
    examples: { outage: { lines: [{ line: 0, amount: "10.00" }], reason: "Outage on 12 October" } },
  },
  responses: [answer(201, "The credit note.", invoiceAnswerSchema, { note: CREDITED })],
  problems: ["not_found", "conflict", "period_closed", "exceeds_uncredited"],
};

const markInvoicePaid: OperationNotes = {
  tag: "Billing",
  summary: "Mark an invoice as paid",
  description: "If past due invoices block accounts, requests are admitted again at once.",
  body: { fields: { reason: REASON }, examples: { transfer: { reason: "transfer of 3 November" } } },
  responses: [
    answer(200, "The invoice.", invoiceAnswerSchema, {
      paid: { ...ISSUED, status: "paid", open: "0.00", paidAt: "2026-11-05T09:00:00.000Z" },
    }),
  ],
  problems: ["not_found", "conflict", "invoice_issued", "period_closed"],
};

const voidInvoice: OperationNotes = {
  tag: "Billing",
  summary: "Cancel an unpaid invoice or a draft, or give it up",
  description:
    "Credits that it has used are given back. Amounts that it had from earlier periods become a line of the next invoice. Its number stays taken.",
  body: {
    fields: {
      uncollectible: "`true`: the claim stays, but nobody waits for the money any more.",
      reason: REASON,
    },
    examples: { void: { reason: "wrong customer" } },
  },
  responses: [
    answer(200, "The invoice.", invoiceAnswerSchema, { void: { ...ISSUED, status: "void", open: "0.00" } }),
  ],
  problems: ["not_found", "invoice_issued", "period_closed"],
};

export const INVOICES_NOTES = {
  listInvoices,
  getInvoice,
  adjustInvoice,
  finalizeInvoice,
  createCreditNote,
  markInvoicePaid,
  voidInvoice,
};
