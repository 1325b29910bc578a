/**
 * The lines of an invoice as Stripe gets them. Their sum is what is due: taxes and the credits that were applied are lines, too, so that
 * Stripe computes nothing. Pure.
 */
import type { InvoiceDocument, InvoiceLine } from "../billing/invoice-document.ts";
import { toStripeAmount } from "./stripe-amount.ts";

/** Stripe takes no more on an invoice. */
export const MAX_LINES = 250;
/** Stripe's bound of a description is higher; longer texts are unreadable there. */
const MAX_TEXT = 500;

export interface StripeLine {
  readonly description: string;
  readonly amount: bigint;
}

interface Part {
  readonly text: string;
  readonly minor: bigint;
}

/**
 * The lines, in the order of the document; of more than {@link MAX_LINES}, the last one is the sum of the others.
 * @returns null if Stripe cannot have exactly these amounts: not each line, nor the amount due as a single one.
 */
export function stripeLines(document: InvoiceDocument): StripeLine[] | null {
  const { currency, dueMinor } = document;
  const lines = bounded(partsOf(document), document);
  const made = lines.map(({ text, minor }) => lineOf(text, toStripeAmount(currency, minor)));
  const exact = made.filter((line) => line !== null);
  if (exact.length === made.length) return exact;
  // A part of an amount may be finer than Stripe takes, although the whole is not.
  const whole = lineOf(`Invoice ${document.number}`, toStripeAmount(currency, BigInt(dueMinor)));
  return whole && [whole];
}

function partsOf({ lines, taxes, credits }: InvoiceDocument): Part[] {
  return [
    ...lines.map((line) => ({ text: textOf(line), minor: BigInt(line.minor) })),
    ...taxes.map(({ name, percent, minor }) => ({ text: `${name} ${percent} %`, minor: BigInt(minor) })),
    ...credits.map(({ kind, minor }) => ({
      text: kind === "paid" ? "Prepaid credit" : "Credit",
      minor: -BigInt(minor),
    })),
  ];
}

function bounded(parts: readonly Part[], { number }: InvoiceDocument): readonly Part[] {
  if (parts.length <= MAX_LINES) return parts;
  const rest = parts.slice(MAX_LINES - 1);
  const minor = rest.reduce((sum, part) => sum + part.minor, 0n);
  const text = `${rest.length} further lines of invoice ${number}`;
  return [...parts.slice(0, MAX_LINES - 1), { text, minor }];
}

function textOf({ description, quantity, unitPrice }: InvoiceLine): string {
  if (quantity === null) return description;
  return `${description} (${unitPrice === null ? quantity : `${quantity} × ${unitPrice}`})`;
}

function lineOf(text: string, amount: bigint | null): StripeLine | null {
  return amount === null ? null : { description: text.slice(0, MAX_TEXT), amount };
}
