/** The draft of an invoice at Stripe: created, filled, compared and finalized, or deleted. */
import { ACCOUNT_MARK, INVOICE_MARK, type StripeJob } from "../objects/stripe.ts";
import type { StripeClient, StripeRejection, StripeResult } from "./stripe-client.ts";
import { differenceOf } from "./stripe-difference.ts";
import { keyOf, mayBeForgotten } from "./stripe-key.ts";
import { stripeLines } from "./stripe-lines.ts";
import { deletedSchema, type InvoiceAtStripe, invoiceSchema, pageOf } from "./stripe-objects.ts";
import { errorOf, type StepResult } from "./stripe-step.ts";

/** Which line of the invoice a line at Stripe is. */
const LINE_MARK = "edge_limiter_line";

/** How many invoices of a customer one page has. */
const PAGE = 100;

export async function createDraft(client: StripeClient, job: StripeJob, nowMs: number): Promise<StepResult> {
  const { row } = job;
  const made = mayBeForgotten(row, nowMs) ? await searchInvoice(client, job) : null;
  const result = made ?? (await postDraft(client, job));
  if (result.kind !== "ok") return result;
  return {
    kind: "stepped",
    row: { ...row, step: "lines", stripeId: result.value.id, ...seenOf(result.value) },
  };
}

function postDraft(client: StripeClient, job: StripeJob): Promise<StripeResult<InvoiceAtStripe>> {
  const { document, row, dueDays } = job;
  const collection = row.charges
    ? { collection_method: "charge_automatically" }
    : { collection_method: "send_invoice", days_until_due: dueDays };
  const parameters = {
    customer: row.customer ?? "",
    // Stripe must not finalize it by itself before it is complete.
    auto_advance: false,
    ...collection,
    currency: document.currency.toLowerCase(),
    number: document.number ?? "",
    metadata: { [ACCOUNT_MARK]: document.user, [INVOICE_MARK]: document.id },
    // Only what is sent here may be on it.
    pending_invoice_items_behavior: "exclude",
    automatic_tax: { enabled: false },
    discounts: "",
  };
  return client.post("invoices", invoiceSchema, parameters, keyOf(job, "invoice"));
}

/** The invoice that an earlier call has made; null: there is none. Lists are exact, unlike Stripe's search, which lags. */
async function searchInvoice(
  client: StripeClient,
  { document, row }: StripeJob,
): Promise<StripeResult<InvoiceAtStripe> | null> {
  let after: string | undefined;
  for (;;) {
    const page = await client.get("invoices", pageOf(invoiceSchema), {
      customer: row.customer ?? "",
      limit: PAGE,
      starting_after: after,
    });
    if (page.kind !== "ok") return page;
    const { data, has_more: hasMore = false } = page.value;
    const value = data.find(({ metadata }) => metadata?.[INVOICE_MARK] === document.id);
    if (value) return { kind: "ok", value };
    after = data.at(-1)?.id;
    if (!hasMore || after === undefined) return null;
  }
}

export async function addLines(client: StripeClient, job: StripeJob, nowMs: number): Promise<StepResult> {
  const { document, row } = job;
  const lines = stripeLines(document);
  if (lines === null) return { kind: "failed", error: errorOf("amount", document.currency), row };
  const next = { ...row, step: "finalize" as const };
  if (mayBeForgotten(row, nowMs)) {
    const found = await getInvoice(client, job);
    if (found.kind !== "ok") return missing(found, job);
    const { lines: there, status } = found.value;
    const hasLines = there?.data.some(({ metadata }) => metadata?.[LINE_MARK] !== undefined) ?? false;
    if (hasLines || status !== "draft") return { kind: "stepped", row: { ...next, ...seenOf(found.value) } };
  }
  const parameters = {
    lines: lines.map(({ description, amount }, index) => ({
      description,
      amount,
      discountable: false,
      metadata: { [LINE_MARK]: index },
    })),
  };
  const added = await client.post(pathOf(job, "add_lines"), invoiceSchema, parameters, keyOf(job, "lines"));
  if (added.kind !== "ok") return missing(added, job);
  return { kind: "stepped", row: { ...next, ...seenOf(added.value) } };
}

/** Compares first: a draft that comes to something else stays a draft. */
export async function finalizeDraft(client: StripeClient, job: StripeJob): Promise<StepResult> {
  const { document, row } = job;
  const found = await getInvoice(client, job);
  if (found.kind !== "ok") return missing(found, job);
  const difference = differenceOf(document, found.value);
  if (difference) return { kind: "failed", error: difference, row: { ...row, ...seenOf(found.value) } };
  const open = { ...row, step: "open" as const };
  if (found.value.status !== "draft") return { kind: "stepped", row: { ...open, ...seenOf(found.value) } };
  // From here on, Stripe collects: it charges the customer, or sends the invoice.
  const parameters = { auto_advance: true };
  const made = await client.post(pathOf(job, "finalize"), invoiceSchema, parameters, keyOf(job, "finalize"));
  if (made.kind !== "ok") return made;
  return { kind: "stepped", row: { ...open, ...seenOf(made.value) } };
}

/** Deletes a draft that nobody is to pay any more; if it is final already, its status is made equal. */
export async function discardDraft(client: StripeClient, job: StripeJob): Promise<StepResult> {
  const { row } = job;
  const gone = { ...row, stripeId: null, status: null, url: null, error: null };
  if (row.customer === null) return { kind: "stepped", row: gone, isDone: true };
  const found = row.stripeId === null ? await searchInvoice(client, job) : await getInvoice(client, job);
  if (found === null || (found.kind === "rejected" && found.status === 404)) {
    return { kind: "stepped", row: gone, isDone: true };
  }
  if (found.kind !== "ok") return found;
  const { id, status } = found.value;
  if (status !== "draft") {
    const open = { ...row, step: "open" as const, stripeId: id, error: null };
    return { kind: "stepped", row: { ...open, ...seenOf(found.value) } };
  }
  const deleted = await client.delete(`invoices/${encodeURIComponent(id)}`, deletedSchema);
  return deleted.kind === "ok" ? { kind: "stepped", row: gone, isDone: true } : deleted;
}

export function getInvoice(client: StripeClient, job: StripeJob): Promise<StripeResult<InvoiceAtStripe>> {
  return client.get(pathOf(job), invoiceSchema);
}

/** The path of the invoice, or of something that is done to it. */
export function pathOf({ row }: Pick<StripeJob, "row">, action = ""): string {
  const path = `invoices/${encodeURIComponent(row.stripeId ?? "")}`;
  return action === "" ? path : `${path}/${action}`;
}

/** What an operator sees of it. */
export function seenOf({ status, hosted_invoice_url: url }: InvoiceAtStripe) {
  return { status, url: url ?? null };
}

/** A rejection that says that somebody has deleted the invoice at Stripe. */
export function missing(rejection: StripeRejection, { row }: Pick<StripeJob, "row">): StepResult {
  if (rejection.status !== 404) return rejection;
  return { kind: "failed", error: errorOf("missing", `Stripe has no invoice ${row.stripeId}`), row };
}
