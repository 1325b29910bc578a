/**
 * Keeps the status of a final invoice equal at Stripe and here: fetches it, does there what was done here, and reports what it is.
 *
 * Decides by what Stripe says now, and not by what an event has said, so the order of events, doubles and losses do not matter.
 */
import { INVOICE_MARK, type StripeJob } from "../objects/stripe.ts";
import { toStripeAmount } from "./stripe-amount.ts";
import type { Parameters, StripeClient } from "./stripe-client.ts";
import { differenceOf } from "./stripe-difference.ts";
import { getInvoice, missing, pathOf, seenOf } from "./stripe-draft.ts";
import { keyOf } from "./stripe-key.ts";
import { creditNoteSchema, type InvoiceAtStripe, invoiceSchema, pageOf } from "./stripe-objects.ts";
import { errorOf, type StepResult } from "./stripe-step.ts";

/** The maximum number of credit notes of an invoice (invoicing.ts). */
const MAX_NOTES = 100;

export async function syncInvoice(client: StripeClient, job: StripeJob): Promise<StepResult> {
  const { document, row } = job;
  const found = await getInvoice(client, job);
  if (found.kind !== "ok") return missing(found, job);
  const there = found.value;
  const seen = { ...row, ...seenOf(there) };
  const difference = differenceOf(document, there);
  if (difference) return { kind: "failed", error: difference, row: seen };
  const note = await nextNote(client, job, there);
  if (note !== null) return note;
  const call = callFor(job, there);
  if (call === "conflict") {
    const error = errorOf("conflict", `it is ${there.status} at Stripe, and ${job.status} here`);
    return { kind: "failed", error, row: seen };
  }
  if (call === null)
    return { kind: "stepped", row: { ...seen, error: null }, seen: reportOf(there), isDone: true };
  const [action, parameters] = call;
  const made = await client.post(pathOf(job, action), invoiceSchema, parameters, keyOf(job, action));
  if (made.kind !== "ok") return made;
  if (made.value.status === there.status) {
    return {
      kind: "failed",
      error: errorOf("conflict", `it is still ${there.status} after ${action}`),
      row: seen,
    };
  }
  // What it has come to is seen when it is fetched again.
  return { kind: "stepped", row: { ...seen, ...seenOf(made.value) } };
}

/** What makes Stripe's invoice what ours is; null: nothing. */
function callFor(
  { status, notes }: StripeJob,
  { status: there }: InvoiceAtStripe,
): readonly [action: string, parameters: Parameters] | "conflict" | null {
  const isUnpaid = there === "open" || there === "uncollectible";
  switch (status) {
    case "void":
      if (there === "paid") return "conflict";
      return isUnpaid ? ["void", {}] : null;
    case "uncollectible":
      return there === "open" ? ["mark_uncollectible", {}] : null;
    case "paid":
      if (there === "void") return "conflict";
      // A credit note that has no number yet may be what has paid it.
      if (notes.some(({ number }) => number === null)) return null;
      return isUnpaid ? ["pay", { paid_out_of_band: true }] : null;
    default:
      return null;
  }
}

/** Sends the first credit note that Stripe lacks, as long as something is left to pay; null: none. */
async function nextNote(
  client: StripeClient,
  job: StripeJob,
  { id, status, amount_remaining: remaining }: InvoiceAtStripe,
): Promise<StepResult | null> {
  const { row, document } = job;
  const numbered = job.notes.filter(({ number }) => number !== null);
  if (numbered.length === 0 || status !== "open" || remaining <= 0) return null;
  const sent = await client.get("credit_notes", pageOf(creditNoteSchema), { invoice: id, limit: MAX_NOTES });
  if (sent.kind !== "ok") return sent;
  const known = new Set(sent.value.data.map(({ metadata }) => metadata?.[INVOICE_MARK]));
  const note = numbered.find((one) => !known.has(one.id));
  if (note === undefined) return null;
  const total = toStripeAmount(document.currency, BigInt(note.totalMinor));
  if (total === null) return { kind: "failed", error: errorOf("amount", `credit note ${note.number}`), row };
  const left = BigInt(remaining);
  const parameters = {
    invoice: id,
    amount: total < left ? total : left,
    memo: `Credit note ${note.number}`,
    metadata: { [INVOICE_MARK]: note.id },
  };
  const key = keyOf({ document: note, row }, "credit-note");
  const made = await client.post("credit_notes", creditNoteSchema, parameters, key);
  return made.kind === "ok" ? { kind: "stepped", row } : made;
}

function reportOf({ status, status_transitions: times }: InvoiceAtStripe) {
  const paidAt = times?.paid_at ?? null;
  return { status: status ?? "", paidMs: paidAt === null ? null : paidAt * 1_000 };
}
