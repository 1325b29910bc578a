/** An account's credits: response schemas and texts. */
import * as z from "zod/mini";
import { about, named } from "../annotations.ts";
import { answer, type OperationNotes, REASON } from "../notes.ts";
import { moment, momentOrNull, money, words } from "../scalars.ts";

const creditFields = {
  id: z.uuid(),
  kind: about("Whether the customer has paid for it.", z.enum(["paid", "promotional"])),
  currency: words("ISO 4217."),
  amount: money("What was given."),
  left: money("What the bills of ended periods have not used."),
  effective: moment("Bills of periods that end later may use it."),
  expires: momentOrNull("It pays its last bill for the period that contains this moment."),
  source: words("What it was given for."),
  createdAt: moment("When it was given."),
};
export const creditSchema = named(
  "Credit",
  "An amount that pays bills after tax.",
  z.strictObject(creditFields),
);
export type CreditResponse = z.infer<typeof creditSchema>;
const removedCreditSchema = named(
  "RemovedCredit",
  "A credit after its unused part was removed.",
  z.strictObject({ ...creditFields, removed: money("What was removed.") }),
);
export type RemovedCreditResponse = z.infer<typeof removedCreditSchema>;

const CREDIT = {
  id: "53785454-7f36-46e0-81d9-d419105b9357",
  kind: "paid" as const,
  currency: "EUR",
  amount: "50.00",
  left: "50.00",
  effective: "2026-11-21T01:27:13.050Z",
  expires: null,
  source: "payment:pi_3Q",
  createdAt: "2026-11-21T01:27:13.050Z",
};

const addCredit: OperationNotes = {
  tag: "Billing",
  summary: "Give an account a credit",
  description:
    "Credits are applied after tax, earliest expiry first. The same source with the same kind and amount gives the credit once and answers 200 again; with another amount it is 409.",
  body: {
    fields: {
      kind: "`paid` if the customer has paid for it.",
      amount: "Above 0, in the currency's major unit, with no more decimals than that has.",
      currency: "Must be the open period's, which is the default.",
      effective: "Not before the open period. Default: now.",
      expires: "It still pays for the period that contains this moment. Default: never.",
      source: "What it is given for, such as a payment's id.",
      reason: REASON,
    },
    examples: { "top-up": { kind: "paid", amount: "50.00", source: "payment:pi_3Q" } },
  },
  responses: [
    answer(201, "The credit.", creditSchema, { credit: CREDIT }),
    answer(200, "This source has already given this credit.", creditSchema, { credit: CREDIT }),
  ],
  problems: ["not_found", "conflict", "currency_differs", "period_closed"],
};

const listCredits: OperationNotes = {
  tag: "Billing",
  summary: "An account's credits",
  description: "All that were ever given, oldest first; at most 500.",
  responses: [
    answer(
      200,
      "The credits.",
      named("Credits", "An account's credits.", z.strictObject({ credits: z.array(creditSchema) })),
      { credits: { credits: [CREDIT] } },
    ),
  ],
  problems: ["not_found", "conflict"],
};

const removeCredit: OperationNotes = {
  tag: "Billing",
  summary: "Take back what is left of a credit",
  description: "Removes only what no accrued charge has used. The credit stays in the list.",
  query: { reason: REASON },
  responses: [
    answer(200, "The credit as it is now.", removedCreditSchema, {
      removed: { ...CREDIT, left: "12.30", removed: "37.70" },
    }),
  ],
  problems: ["not_found", "conflict"],
};

export const CREDITS_NOTES = { addCredit, listCredits, removeCredit };
