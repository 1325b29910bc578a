/**
 * What an account's object stores of its invoices at Stripe, and how it exchanges that with what calls Stripe (src/stripe/). docs/stripe.md
 * describes the steps. Times are Unix milliseconds.
 */
import * as z from "zod/mini";
import type { InvoiceDocument } from "../billing/invoice-document.ts";
import type { InvoiceStatus } from "../billing/invoice-status.ts";

/** Metadata of customers, invoices, credit notes and payments at Stripe. */
export const ACCOUNT_MARK = "edge_limiter_account";
export const INVOICE_MARK = "edge_limiter_invoice";
/** The kind of credit that a payment gives. */
export const CREDIT_MARK = "edge_limiter_credit";

/**
 * What is next. `customer`: find, create or update it. `invoice`: create the draft. `lines`: add them. `finalize`: compare totals, and
 * finalize. `open`: Stripe has the final invoice, and its status and ours are kept equal.
 */
export const STRIPE_STEPS = ["customer", "invoice", "lines", "finalize", "open"] as const;
export type StripeStep = (typeof STRIPE_STEPS)[number];

/**
 * Why an invoice waits for an operator. `total_differs`: Stripe's total or currency is not the invoice's. `amount`: Stripe cannot represent
 * an amount of this currency. `rejected`: Stripe has rejected a call. `missing`: the invoice was deleted there. `conflict`: it is paid or
 * void there, and the other one here. `not_configured`: the secret key is gone.
 */
export const STRIPE_ERRORS = [
  "total_differs",
  "amount",
  "rejected",
  "missing",
  "conflict",
  "not_configured",
] as const;
export type StripeErrorKind = (typeof STRIPE_ERRORS)[number];

const errorSchema = z.strictObject({ kind: z.enum(STRIPE_ERRORS), detail: z.string() });
export type StripeError = z.infer<typeof errorSchema>;

export const stripeRowSchema = z.strictObject({
  step: z.enum(STRIPE_STEPS),
  /** Since when the step has been tried. */
  sinceMs: z.number(),
  /** How often keys of idempotent calls had to be given up: each call after that searches first. */
  attempt: z.int(),
  customer: z.nullable(z.string()),
  /** Whether the customer had a default payment method, which Stripe then charges. */
  charges: z.boolean(),
  stripeId: z.nullable(z.string()),
  /** Stripe's word for it, as it was last seen. */
  status: z.nullable(z.string()),
  /** Of the page where the customer pays. */
  url: z.nullable(z.string()),
  /** Whether Stripe has reported a failed payment. */
  hasFailed: z.boolean(),
  error: z.nullable(errorSchema),
});
export type StripeRow = z.infer<typeof stripeRowSchema>;

export const stripeCustomerSchema = z.strictObject({
  id: z.string(),
  /** The SHA-256 of the parameters that Stripe has: it is updated when they change here. "": unknown. */
  sent: z.string(),
});
export type StripeCustomer = z.infer<typeof stripeCustomerSchema>;

/** What a delivery did. JSON in the outbox's answer. */
export const stripeAnswerSchema = z.strictObject({
  /** Of the row that it started from: another one was changed meanwhile, and stays as it is. */
  attempt: z.int(),
  row: stripeRowSchema,
  /** Null: unchanged. */
  customer: z.nullable(stripeCustomerSchema),
  /** Stripe's status of the final invoice; null: not asked. */
  seen: z.nullable(z.strictObject({ status: z.string(), paidMs: z.nullable(z.number()) })),
  /** Whether nothing is left to do. */
  isDone: z.boolean(),
});
export type StripeAnswer = z.infer<typeof stripeAnswerSchema>;

/** An invoice that Stripe should have as it is here. */
export interface StripeJob {
  readonly document: InvoiceDocument;
  readonly status: InvoiceStatus;
  readonly dueDays: number;
  /** Credit notes that correct it, oldest first. */
  readonly notes: readonly InvoiceDocument[];
  readonly row: StripeRow;
  /** Of the account; null: none is known. */
  readonly customer: StripeCustomer | null;
}

/** An invoice's state at Stripe, for operators. */
export interface StripeView {
  readonly id: string | null;
  readonly step: StripeStep;
  readonly status: string | null;
  readonly url: string | null;
  readonly error: StripeError | null;
}

/** Stripe has reported something of this invoice. */
export interface StripeReport {
  /** Its id here. */
  readonly invoice: string;
  readonly stripeId: string;
  /** Whether a payment has failed. */
  readonly hasFailed: boolean;
}
