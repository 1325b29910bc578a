/** What an operator can do with an invoice in each status, and what it means. Pure. */
import type { Invoice } from "../billing/invoice-api.ts";
import { valueText } from "./value-text.ts";

export type InvoiceStep = "adjust" | "finalize" | "pay" | "credit" | "void" | "lose" | "stripe";

interface Step {
  readonly verb: string;
  /** Below the invoice's path in the API. */
  readonly path: string;
  /** What will happen, in a sentence or two. */
  readonly effect: string;
  /** Nobody has to pay then. */
  readonly isDangerous?: true;
}

export const STEPS: Readonly<Record<InvoiceStep, Step>> = {
  adjust: {
    verb: "Adjust",
    path: "adjustments",
    effect:
      "Adds a line to the draft. A negative amount is a discount; taxes and credits are computed again.",
  },
  finalize: {
    verb: "Finalize",
    path: "finalize",
    effect: "Ends the review: the invoice gets the next number, and never changes again.",
  },
  pay: { verb: "Mark paid", path: "mark-paid", effect: "Says that the customer has paid what is open." },
  credit: {
    verb: "Credit",
    path: "credit-notes",
    effect:
      "Makes a credit note, with a number of its own, for a part of a line and its tax. The customer reads the reason.",
  },
  void: {
    verb: "Void",
    path: "void",
    effect: "Cancels it: nobody has to pay it, its number stays used, and its period is not billed again.",
    isDangerous: true,
  },
  lose: {
    verb: "Write off",
    path: "void",
    effect: "Marks it uncollectible: it stays owed, and nobody expects the money any more.",
    isDangerous: true,
  },
  stripe: {
    verb: "Retry at Stripe",
    path: "stripe-retry",
    effect:
      "Repeats the step that has failed at Stripe. Fix its cause first. The invoice is never made twice there.",
  },
};

const STEPS_OF: Readonly<Partial<Record<Invoice["status"], readonly InvoiceStep[]>>> = {
  draft: ["adjust", "finalize", "void"],
  issued: ["pay", "credit", "void", "lose"],
  past_due: ["pay", "credit", "void", "lose"],
  uncollectible: ["pay", "credit", "void"],
  paid: ["credit"],
};

/** None for a credit note. */
export function stepsOf({ kind, status, stripe }: Invoice): readonly InvoiceStep[] {
  if (kind !== "invoice") return [];
  return [...(stripe?.error ? (["stripe"] as const) : []), ...(STEPS_OF[status] ?? [])];
}

/** Why an invoice waits for an operator: "Stripe: rejected: customer: email_invalid"; "" if it does not. */
export function stripeFault({ stripe }: Invoice): string {
  return stripe?.error ? `Stripe: ${valueText(stripe.error)}` : "";
}
