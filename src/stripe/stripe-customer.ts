/**
 * The customer of an account at Stripe: the one that is known, the one that is marked with the account, or a new one. Its data are updated
 * when they have changed here; what was changed at Stripe otherwise stays.
 */
import type { InvoiceDocument } from "../billing/invoice-document.ts";
import { secretDigest } from "../identity/secret-digest.ts";
import { ACCOUNT_MARK, type StripeCustomer, type StripeJob } from "../objects/stripe.ts";
import type { Parameters, StripeClient, StripeResult } from "./stripe-client.ts";
import { keyOf } from "./stripe-key.ts";
import { type CustomerAtStripe, customerSchema, pageOf } from "./stripe-objects.ts";
import { stripeLines } from "./stripe-lines.ts";
import { errorOf, type StepResult } from "./stripe-step.ts";

export async function findCustomer(client: StripeClient, job: StripeJob): Promise<StepResult> {
  const { document, row } = job;
  if (stripeLines(document) === null) {
    const detail = `Stripe cannot have exactly ${document.dueMinor} of ${document.currency}'s smallest unit`;
    return { kind: "failed", error: errorOf("amount", detail), row };
  }
  const parameters = customerParameters(document);
  // A digest: an erased user's name must not come back here with their last invoice.
  const sent = await secretDigest(JSON.stringify(parameters));
  const known = await knownCustomer(client, job);
  if (known !== null && known.kind !== "ok") return known;
  let customer: CustomerAtStripe | null = known?.value ?? null;
  if (customer === null) {
    const made =
      (await markedCustomer(client, document.user)) ??
      (await client.post("customers", customerSchema, parameters, keyOf(job, "customer")));
    if (made.kind !== "ok") return made;
    customer = made.value;
  } else if (job.customer?.sent !== sent) {
    const path = `customers/${encodeURIComponent(customer.id)}`;
    const updated = await client.post(path, customerSchema, parameters, keyOf(job, "customer-update"));
    if (updated.kind !== "ok") return updated;
  }
  const stored: StripeCustomer = { id: customer.id, sent };
  return {
    kind: "stepped",
    row: { ...row, step: "invoice", customer: customer.id, charges: isCharged(customer) },
    customer: stored,
  };
}

/** Null: none is known, or it was deleted. */
async function knownCustomer(
  client: StripeClient,
  { customer }: StripeJob,
): Promise<StripeResult<CustomerAtStripe> | null> {
  if (customer === null) return null;
  const found = await client.get(`customers/${encodeURIComponent(customer.id)}`, customerSchema);
  if (found.kind === "ok") return found.value.deleted === true ? null : found;
  return found.status === 404 ? null : found;
}

/** The customer that an operator, or a call whose answer was lost, has marked with the account. */
async function markedCustomer(
  client: StripeClient,
  user: string,
): Promise<StripeResult<CustomerAtStripe> | null> {
  const query = `metadata['${ACCOUNT_MARK}']:"${user.replaceAll(/["\\]/g, "\\$&")}"`;
  const found = await client.get("customers/search", pageOf(customerSchema), { query, limit: 100 });
  // Some countries have no search. A key of idempotency protects the creation then, for a day.
  if (found.kind !== "ok") return null;
  const value = found.value.data.find(
    ({ metadata, deleted }) => deleted !== true && metadata?.[ACCOUNT_MARK] === user,
  );
  return value === undefined ? null : { kind: "ok", value };
}

function customerParameters({ customer, user }: InvoiceDocument): Parameters {
  const { name, email, address = [], country } = customer;
  const [line1, ...others] = address;
  return {
    name: name ?? user,
    ...(email === undefined ? {} : { email }),
    ...(line1 === undefined && country === undefined
      ? {}
      : { address: { line1: line1 ?? "", line2: others.join(", "), country: country ?? "" } }),
    metadata: { [ACCOUNT_MARK]: user },
  };
}

/** Whether Stripe has something to charge. */
function isCharged({ invoice_settings: settings, default_source: source }: CustomerAtStripe): boolean {
  return Boolean(settings?.default_payment_method ?? source);
}
