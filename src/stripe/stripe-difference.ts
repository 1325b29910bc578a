/** Compares an invoice at Stripe with ours: what a customer pays there must be what is due here. Pure. */
import type { InvoiceDocument } from "../billing/invoice-document.ts";
import type { StripeError } from "../objects/stripe.ts";
import { toStripeAmount } from "./stripe-amount.ts";
import type { InvoiceAtStripe } from "./stripe-objects.ts";

/** Null: they are equal. */
export function differenceOf(
  { currency, dueMinor }: InvoiceDocument,
  { total, currency: there }: Pick<InvoiceAtStripe, "total" | "currency">,
): StripeError | null {
  const due = toStripeAmount(currency, BigInt(dueMinor));
  if (due === BigInt(total) && there === currency.toLowerCase()) return null;
  const detail = `Stripe's total is ${total} ${there.toUpperCase()}, and ${due ?? "?"} ${currency} is due`;
  return { kind: "total_differs", detail };
}
