/**
 * An account's invoices and credit notes as the control plane exchanges them with the user's object: plain data. Times are Unix
 * milliseconds, amounts decimal strings of the currency's major unit, except in documents (src/billing/invoice-document.ts).
 */
import type { InvoiceDocument } from "../billing/invoice-document.ts";
import type { InvoiceStatus, NumberedEntry } from "./billing-register.ts";
import type { CallDiffers, Change } from "./change.ts";
import type { StripeReport, StripeView } from "./stripe.ts";

/** An invoice, or a credit note with the status `pending` or `issued`. */
export interface InvoiceView {
  readonly status: InvoiceStatus;
  readonly document: InvoiceDocument;
  /** Of the document's bytes; null until it has a number. */
  readonly sha256: string | null;
  /** Until when a draft may be adjusted; null for all others. */
  readonly finalizeMs: number | null;
  /** What is left to pay. */
  readonly open: string;
  readonly paidMs: number | null;
  /** Ids of the credit notes that correct it, oldest first. */
  readonly creditNotes: readonly string[];
  /** Null: it does not go to Stripe. Objects of an older version leave it out. */
  readonly stripe?: StripeView | null;
}

/** The user has, and had, no account. */
export type NoAccount = { readonly kind: "absent" };

export type InvoicesAnswer =
  /** `next`: the start of the period before which the next page ends; null at the end. */
  | { readonly kind: "invoices"; readonly invoices: readonly InvoiceView[]; readonly next: number | null }
  | NoAccount;

export type InvoiceAnswer =
  | { readonly kind: "invoice"; readonly invoice: InvoiceView }
  | { readonly kind: "no-invoice" }
  | NoAccount;

/** Why an invoice was not changed. */
export type InvoiceRejection =
  /** It is not in a status that allows it. */
  | { readonly kind: "wrong-status"; readonly status: InvoiceStatus }
  /** Not an amount other than 0 with at most so many decimals. `index`: of the line. */
  | { readonly kind: "bad-amount"; readonly index: number; readonly decimals: number }
  | { readonly kind: "currency-differs"; readonly currency: string }
  /** The lines would come to less than nothing. */
  | { readonly kind: "negative"; readonly subtotal: string }
  /** More of a line than is left of it. `index`: in the request. */
  | { readonly kind: "exceeds-uncredited"; readonly index: number; readonly left: string }
  | { readonly kind: "too-many" }
  /** The deployment has no secret key of Stripe. */
  | { readonly kind: "no-stripe" };

export type InvoiceChangeAnswer = InvoiceAnswer | InvoiceRejection | CallDiffers;

/** A line that an operator adds to a draft. Negative: a discount. */
export interface Adjustment {
  readonly description: string;
  readonly amount: string;
}

/** What a credit note takes back of the invoice's line with this index. */
export interface CreditedAmount {
  readonly line: number;
  readonly amount: string;
}

/** How an operator ends an unpaid invoice. */
export type Ending = "void" | "uncollectible";

/**
 * Invoices of an account, also of a deleted one. Each call first does what has become due, such as a draft. Rejects if storage fails, or if
 * the policy that it needs for that cannot be loaded.
 */
export interface InvoicesRpc {
  /** Newest first, of periods that began before `beforeMs`; at most `count`. */
  invoices(beforeMs: number, count: number): Promise<InvoicesAnswer>;
  /** An invoice or a credit note. */
  invoice(id: string): Promise<InvoiceAnswer>;
  /** Adds lines to a draft. @param currency null: the invoice's. */
  adjustInvoice(
    id: string,
    lines: readonly Adjustment[],
    currency: string | null,
    by: Change,
  ): Promise<InvoiceChangeAnswer>;
  /** Ends the review of a draft. The answer has its number if the register has answered. */
  finalizeInvoice(id: string, by: Change): Promise<InvoiceChangeAnswer>;
  /** Takes back parts of an issued invoice. @returns the credit note. */
  creditInvoice(id: string, lines: readonly CreditedAmount[], by: Change): Promise<InvoiceChangeAnswer>;
  /** The customer has paid. */
  payInvoice(id: string, by: Change): Promise<InvoiceChangeAnswer>;
  endInvoice(id: string, ending: Ending, by: Change): Promise<InvoiceChangeAnswer>;
  /** Sends an issued invoice to Stripe that waits for an operator, or was issued before there was Stripe. Not in older versions. */
  sendToStripe(id: string, by: Change): Promise<InvoiceChangeAnswer>;
  /** Has an invoice fetched again from Stripe. @returns whether it is one of the account. Not in older versions. */
  stripeReport(report: StripeReport): Promise<boolean>;
  /** All documents that have a number: what registers are rebuilt from. */
  numberedDocuments(): Promise<NumberedEntry[]>;
}
