/** What one step of bringing an invoice to Stripe has come to. */
import type { StripeAnswer, StripeError, StripeErrorKind, StripeRow } from "../objects/stripe.ts";
import type { StripeRejection } from "./stripe-client.ts";

export type StepResult =
  /** `row`: with the next step. `isDone`: nothing is left to do. */
  | ({ readonly kind: "stepped"; readonly row: StripeRow; readonly isDone?: boolean } & Partial<
      Pick<StripeAnswer, "customer" | "seen">
    >)
  /** It waits for an operator. */
  | { readonly kind: "failed"; readonly error: StripeError; readonly row: StripeRow }
  | StripeRejection;

/** @param detail for operators. */
export function errorOf(kind: StripeErrorKind, detail: string): StripeError {
  return { kind, detail: detail.slice(0, 300) };
}
