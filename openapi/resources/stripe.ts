/** Stripe: what it reports, and what is tried again there. Response schemas and texts. */
import * as z from "zod/mini";
import { about, named } from "../annotations.ts";
import { answer, type OperationNotes, REASON } from "../notes.ts";
import { invoiceAnswerSchema, ISSUED } from "./invoices.ts";

export const eventAnswerSchema = named(
  "StripeEventResult",
  "What became of an event.",
  z.strictObject({
    result: about(
      "`accepted`: the invoice will be fetched. `credited`: the payment has become a credit; `known`: it had before. `ignored`: it is none of this deployment's.",
      z.enum(["accepted", "credited", "known", "ignored"]),
    ),
  }),
);

const receiveStripeEvent: OperationNotes = {
  tag: "Billing",
  summary: "Stripe's webhook",
  description:
    "Takes events that STRIPE_WEBHOOK_SECRET signs: `invoice.*`, `payment_intent.succeeded`, `checkout.session.completed` and `checkout.session.async_payment_succeeded`. An event only says what to fetch from Stripe. 409: a payment was made for credits, and cannot become one.",
  responses: [
    answer(200, "The event is handled.", eventAnswerSchema, {
      accepted: { result: "accepted" },
      ignored: { result: "ignored" },
    }),
  ],
  problems: ["invalid_request", "too_large", "conflict", "not_configured", "temporary_reduced_capacity"],
};

const sendInvoiceToStripe: OperationNotes = {
  tag: "Billing",
  summary: "Try again to send an invoice to Stripe",
  description:
    "For an invoice whose `stripe.error` is set, once its cause is fixed; for one that was issued before the deployment had Stripe; or to fetch its status now. It is sent in the background.",
  body: { fields: { reason: REASON }, examples: { fixed: { reason: "deleted the coupon of the customer" } } },
  responses: [
    answer(200, "The invoice.", invoiceAnswerSchema, {
      waits: { ...ISSUED, stripe: { id: null, step: "customer", status: null, url: null, error: null } },
    }),
  ],
  problems: ["not_found", "conflict", "invoice_issued", "period_closed"],
};

export const STRIPE_NOTES = { receiveStripeEvent, sendInvoiceToStripe };
