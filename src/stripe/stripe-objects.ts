/** What is read of Stripe's objects. Stripe adds fields at any time: others are ignored. */
import * as z from "zod/mini";

/** Integers as Stripe counts amounts. */
const amount = z.int();
const metadata = z.nullish(z.record(z.string(), z.string()));

export const customerSchema = z.object({
  id: z.string(),
  /** Deleted customers have little else. */
  deleted: z.optional(z.boolean()),
  metadata,
  default_source: z.nullish(z.unknown()),
  invoice_settings: z.nullish(z.object({ default_payment_method: z.nullish(z.unknown()) })),
});
export type CustomerAtStripe = z.infer<typeof customerSchema>;

export const invoiceSchema = z.object({
  id: z.string(),
  status: z.nullable(z.string()),
  currency: z.string(),
  total: amount,
  amount_remaining: amount,
  hosted_invoice_url: z.nullish(z.string()),
  status_transitions: z.nullish(z.object({ paid_at: z.nullish(z.number()) })),
  metadata,
  lines: z.nullish(z.object({ data: z.array(z.object({ metadata })) })),
});
export type InvoiceAtStripe = z.infer<typeof invoiceSchema>;

export const creditNoteSchema = z.object({ id: z.string(), metadata });

export const deletedSchema = z.object({ id: z.string(), deleted: z.boolean() });

/** A page of a list or of a search. */
export function pageOf<T>(schema: z.ZodMiniType<T>) {
  return z.object({ data: z.array(schema), has_more: z.optional(z.boolean()) });
}

export const sessionSchema = z.object({
  id: z.string(),
  payment_status: z.string(),
  payment_intent: z.nullish(z.string()),
  metadata,
});

export const paymentSchema = z.object({
  id: z.string(),
  status: z.string(),
  currency: z.string(),
  amount_received: amount,
  metadata,
});
export type PaymentAtStripe = z.infer<typeof paymentSchema>;
