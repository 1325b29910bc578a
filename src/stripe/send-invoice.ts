/**
 * Brings an invoice to Stripe, one step for each call, and then keeps its status there and here equal. docs/stripe.md describes the steps.
 *
 * Each step may be repeated: a call carries the same idempotency key as long as Stripe certainly knows it, and after that, what it would
 * make is searched first. So an invoice is made once, whatever crashes. Stores nothing: the account's object stores the answer, in one
 * transaction with the end of the delivery.
 */
import type { StripeAnswer, StripeJob, StripeRow } from "../objects/stripe.ts";
import type { StripeClient, StripeRejection } from "./stripe-client.ts";
import { findCustomer } from "./stripe-customer.ts";
import { addLines, createDraft, discardDraft, finalizeDraft } from "./stripe-draft.ts";
import { errorOf, type StepResult } from "./stripe-step.ts";
import { syncInvoice } from "./sync-invoice.ts";

const CLOSED: ReadonlySet<string> = new Set(["paid", "void", "uncollectible"]);

/** @throws StripeUnavailable if it is to be tried again later. */
export async function sendInvoice(
  client: StripeClient,
  job: StripeJob,
  nowMs: number,
): Promise<StripeAnswer> {
  const { row } = job;
  const result = await step(client, job, nowMs);
  const base = { attempt: row.attempt, customer: null, seen: null, isDone: false };
  switch (result.kind) {
    case "stepped": {
      const { customer = null, seen = null, isDone = false } = result;
      const isNext = result.row.step !== row.step;
      return {
        ...base,
        row: isNext ? { ...result.row, sinceMs: nowMs } : result.row,
        customer,
        seen,
        isDone,
      };
    }
    case "failed":
      return { ...base, row: { ...result.row, error: result.error }, isDone: true };
    case "rejected":
      return { ...base, ...rejected(row, result, nowMs) };
  }
}

function step(client: StripeClient, job: StripeJob, nowMs: number): Promise<StepResult> | StepResult {
  const { row, status } = job;
  if (row.step === "open") return syncInvoice(client, job);
  // It was paid or ended here before Stripe had it: nobody is to pay it there.
  if (CLOSED.has(status)) return discardDraft(client, job);
  if (row.error !== null) return { kind: "stepped", row, isDone: true };
  switch (row.step) {
    case "customer":
      return findCustomer(client, job);
    case "invoice":
      return createDraft(client, job, nowMs);
    case "lines":
      return addLines(client, job, nowMs);
    case "finalize":
      return finalizeDraft(client, job);
  }
}

function rejected(
  row: StripeRow,
  { type, code, param, message }: StripeRejection,
  nowMs: number,
): Pick<StripeAnswer, "row" | "isDone"> {
  const again = { ...row, attempt: row.attempt + 1, sinceMs: nowMs };
  // The same key was used with other parameters, as after an update of this product: what it has made is searched.
  if (type === "idempotency_error") return { row: again, isDone: false };
  // The customer was deleted.
  const isGone = code === "resource_missing" && param === "customer" && row.step === "invoice";
  if (isGone) return { row: { ...again, step: "customer", customer: null }, isDone: false };
  const detail = `${row.step}: ${[code, param, message].filter((part) => part !== "").join(", ")}`;
  return { row: { ...row, error: errorOf("rejected", detail) }, isDone: true };
}
