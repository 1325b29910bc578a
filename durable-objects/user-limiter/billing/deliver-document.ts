/** Delivers a document of an account to the register of its series, or to Stripe, from the outbox of the account's object. */
import { createLog } from "../../../src/log.ts";
import {
  readEntry,
  type RegisterAnswer,
  type RegisterNamespace,
  registerOf,
  seriesName,
} from "../../../src/objects/billing-register.ts";
import { loadStripe } from "../../../src/stripe-module.ts";
import { STRIPE_LANE } from "../../outbox.ts";
import { digestsOf, sha256Of } from "./document-digests.ts";
import type { Invoicing } from "./invoicing.ts";
import { reportedParts } from "./register-parts.ts";

/**
 * @param lane of the outbox.
 * @returns the answer for {@link Invoicing.accept}; null: there is nothing to deliver any more.
 * @throws if it is to be delivered again later.
 */
export async function deliverDocument(
  env: Env,
  invoicing: Invoicing,
  lane: string,
  id: string,
  value: string,
): Promise<string | null> {
  if (lane !== STRIPE_LANE) return registerDocument(env.BILLING_REGISTER, invoicing, id, value);
  const job = invoicing.stripe.job(id);
  return job && (await loadStripe()).deliverInvoice(env, job, Date.now());
}

/**
 * @returns the document's number, and the SHA-256 of the document with it; or why it will never get one. For {@link Invoicing.accept}.
 * @throws if the register does not answer, or is being rebuilt.
 */
async function registerDocument(
  namespace: RegisterNamespace,
  invoicing: Invoicing,
  id: string,
  value: string,
): Promise<string> {
  const entry = readEntry(value);
  const digests = await digestsOf(invoicing.document(id));
  const register = registerOf(namespace, seriesName(entry.series, entry.kind));
  const parts = reportedParts(invoicing.invoices, id, entry.status);
  const answer: RegisterAnswer = await register.put({ ...entry, digests, parts });
  if (answer.kind !== "registered") {
    const fields = answer.kind === "differs" ? (answer.fields ?? ["totalMinor"]) : [];
    const why = { ...answer, fields: fields.length > 0 ? fields.join(", ") : undefined };
    createLog("info")("error", "register_refused", { document: id, ...why });
    if (answer.kind === "rebuilding") throw new Error(`the register is being rebuilt: ${id} waits`);
    return JSON.stringify({ refused: answer.kind, fields });
  }
  const { number, issuedMs } = answer;
  const sha256 = await sha256Of(invoicing.issuedText(id, number, issuedMs));
  return JSON.stringify({ number, issuedMs, sha256 });
}
