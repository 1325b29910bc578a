/** Delivers an invoice to Stripe, from the outbox of the account's object. */
import { createLog, messageOf } from "../log.ts";
import type { StripeAnswer, StripeJob } from "../objects/stripe.ts";
import { sendInvoice } from "./send-invoice.ts";
import { StripeClient } from "./stripe-client.ts";
import { readStripe } from "./stripe-settings.ts";
import { errorOf } from "./stripe-step.ts";

/**
 * Does one step. @returns the answer for the object to store ({@link StripeAnswer}).
 * @throws if it is to be tried again later.
 */
export async function deliverInvoice(env: unknown, job: StripeJob, nowMs: number): Promise<string> {
  const log = createLog("info");
  const { id } = job.document;
  try {
    const answer = await answerTo(env, job, nowMs);
    const { error } = answer.row;
    if (error !== null && error !== job.row.error) log("error", "stripe_failed", { invoice: id, ...error });
    return JSON.stringify(answer);
  } catch (thrown) {
    log("warn", "stripe_unavailable", { invoice: id, step: job.row.step, error: messageOf(thrown) });
    throw thrown;
  }
}

async function answerTo(env: unknown, job: StripeJob, nowMs: number): Promise<StripeAnswer> {
  const settings = readStripe(env);
  if (settings !== null) return sendInvoice(new StripeClient(settings), job, nowMs);
  const { row } = job;
  const error = errorOf("not_configured", "STRIPE_SECRET_KEY is not set");
  return { attempt: row.attempt, row: { ...row, error }, customer: null, seen: null, isDone: true };
}
