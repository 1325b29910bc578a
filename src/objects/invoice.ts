/**
 * Schemas of invoices and credit notes (src/billing/invoice-document.ts), wherever they are stored or received. Field by field, so that
 * nothing unknown is rated, and in the order of a document's bytes.
 */
import * as z from "zod/mini";
import {
  DOCUMENT_FORMAT,
  DOCUMENT_KINDS,
  documentText,
  type InvoiceDocument,
} from "../billing/invoice-document.ts";
import type { Terms } from "../billing/terms.ts";
import type { UsageRow } from "../billing/usage.ts";
import { parseJson } from "../json.ts";
import { price } from "../policy/billing-schema.ts";
import { CREDIT_KINDS, customerSchema } from "./billing.ts";

const count = z.int().check(z.gte(0));
/** Whole minor units. */
const minor = z.string().check(z.regex(/^(0|-?[1-9]\d{0,39})$/));
const moment = z.iso.datetime({ precision: 3 });

export const termsSchema = z.strictObject({
  base: z.string(),
  minimum: z.string(),
  quota: z.nullable(
    z.strictObject({
      name: z.string(),
      unit: z.string(),
      includedMilli: count,
      mode: z.enum(["stop", "payg", "prepaid"]),
      price: z.nullable(price),
    }),
  ),
  prices: z.array(z.strictObject({ route: z.string(), of: z.string(), price })),
}) satisfies z.ZodMiniType<Terms>;

export const usageSchema = z.array(
  z.strictObject({ route: z.string(), unit: z.string(), count, costMilli: count }),
) satisfies z.ZodMiniType<UsageRow[]>;

const lineSchema = z.strictObject({
  kind: z.enum(["base", "overage", "usage", "minimum", "adjustment", "carried"]),
  segment: z.nullable(count),
  route: z.nullable(z.string()),
  description: z.string(),
  quantity: z.nullable(z.string()),
  unitPrice: z.nullable(z.string()),
  detail: z.array(
    z.strictObject({ quantity: z.string(), unitPrice: z.string(), flat: z.string(), amount: z.string() }),
  ),
  minor,
  corrects: z.nullable(count),
});

export const invoiceSchema = z.strictObject({
  format: z.literal(DOCUMENT_FORMAT),
  id: z.string(),
  number: z.nullable(z.string()),
  kind: z.enum(DOCUMENT_KINDS),
  corrects: z.nullable(z.strictObject({ id: z.string(), number: z.string() })),
  reason: z.nullable(z.string()),
  user: z.string(),
  period: z.strictObject({ start: moment, end: moment, fullMs: z.int().check(z.gte(1)) }),
  issuedAt: z.nullable(moment),
  dueAt: z.nullable(moment),
  currency: z.string(),
  exponent: z.int().check(z.gte(0), z.lte(4)),
  seller: z.nullable(
    z.strictObject({ name: z.string(), address: z.array(z.string()), taxId: z.optional(z.string()) }),
  ),
  customer: customerSchema,
  segments: z.array(
    z.strictObject({
      tier: z.string(),
      revision: count,
      start: moment,
      end: moment,
      terms: termsSchema,
      grantedMilli: count,
      usage: usageSchema,
    }),
  ),
  ceilings: z.strictObject({ overageMinor: z.nullable(minor), subtotalMinor: z.nullable(minor) }),
  lines: z.array(lineSchema),
  subtotalMinor: minor,
  taxes: z.array(z.strictObject({ name: z.string(), percent: z.string(), minor })),
  totalMinor: minor,
  credits: z.array(z.strictObject({ id: z.string(), kind: z.enum(CREDIT_KINDS), minor })),
  dueMinor: minor,
}) satisfies z.ZodMiniType<InvoiceDocument>;

/** Reads a stored document. @throws if the text is not one: a bill must not be guessed. */
export function readDocument(text: string): InvoiceDocument {
  return invoiceSchema.parse(parseJson(text));
}

/** The text to store: the same for equal documents, whatever the order of their fields. @throws if it is not a document. */
export function writeDocument(document: InvoiceDocument): string {
  return documentText(invoiceSchema.parse(document));
}
