/** What was invoiced, and what is left to pay: response schema and texts. */
import * as z from "zod/mini";
import { SUM_KEYS } from "../../src/billing/document-parts.ts";
import { about, named } from "../annotations.ts";
import { answer, type OperationNotes } from "../notes.ts";
import { count, money, words } from "../scalars.ts";

const sumFields = {
  documents: count("Invoices and credit notes. One with lines of several tiers or routes counts for each."),
  amount: money("What was invoiced, before tax, less credit notes. Void invoices are not counted."),
  creditNotes: money("What credit notes took back: `amount` is without it."),
};
const sumSchema = named("InvoicedSum", "What documents add up to.", z.strictObject(sumFields));

export const invoicedSchema = named(
  "InvoicedReport",
  "What was invoiced, from the registers that number documents. They follow changes within about a second.",
  z.strictObject({
    by: z.enum(SUM_KEYS),
    currency: about("ISO 4217. Null: nothing is billed.", z.nullable(z.string())),
    rows: about(
      "The largest first; months in order.",
      z.array(
        named(
          "InvoicedRow",
          "What the documents of one month, tier, route or customer add up to.",
          z.strictObject({
            key: words(
              "Such as `2026-11`, `pro`, `/batch` or `acme`. Lines without a route or tier are listed by their kind: `(base)`, `(overage)`, `(minimum)`, `(adjustment)`, `(carried)`.",
            ),
            ...sumFields,
          }),
        ),
      ),
    ),
    others: about("All that have no row, together. Null: there are none.", z.nullable(sumSchema)),
    total: about("All documents of the range, each once. The same for every `by`.", sumSchema),
    unknown: count(
      "Documents that an earlier version registered. Until the register is rebuilt, they count with their total, tax included, as tier and route `(unknown)`.",
    ),
    outstanding: about(
      "What is left to pay now of all invoices, whatever the range, except uncollectible ones.",
      z.strictObject({
        documents: count("Invoices of which something is left to pay."),
        open: money("With tax."),
        pastDue: money("Of that, what is past due."),
      }),
    ),
  }),
);
export type InvoicedResponse = z.infer<typeof invoicedSchema>;

const reportInvoiced: OperationNotes = {
  tag: "Billing",
  summary: "What was invoiced by month, tier, route or customer, and what is left to pay",
  description:
    "Of all series. Amounts are before tax, and credit notes are subtracted in the month of the invoice that they correct. The sums of every `by` are equal, and equal to the documents' subtotals.",
  query: {
    from: "Only of billing periods that began then or later. A time, or a date for its first moment.",
    to: "Only of billing periods that began before then.",
    by: "What rows are for. Default: `month`, the one in which the billing period begins (UTC).",
    kind: "Only `invoice`s, or only `credit_note`s: their amounts are negative. Default: both.",
    limit: "Rows, at most: the newest months, or the largest amounts. `others` has the rest. Default: 100.",
  },
  responses: [
    answer(200, "The sums.", invoicedSchema, {
      "by tier": {
        by: "tier",
        currency: "EUR",
        rows: [
          { key: "pro", documents: 13, amount: "2079.40", creditNotes: "20.60" },
          { key: "team", documents: 4, amount: "200.00", creditNotes: "0.00" },
        ],
        others: null,
        total: { documents: 17, amount: "2279.40", creditNotes: "20.60" },
        unknown: 0,
        outstanding: { documents: 2, open: "353.43", pastDue: "117.81" },
      },
    }),
  ],
};

export const INVOICED_NOTES = { reportInvoiced };
