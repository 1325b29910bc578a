/** An account's invoices and credit notes, and what an operator does with them. */
import type { Context } from "hono";
import * as z from "zod/mini";
import { parseMoney } from "../../billing/money.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { isUserId } from "../../identity/user-id.ts";
import type { InvoiceStatus } from "../../objects/billing-register.ts";
import type {
  Ending,
  InvoiceAnswer,
  InvoiceChangeAnswer,
  InvoiceRejection,
  InvoicesAnswer,
  InvoiceView,
} from "../../objects/invoices.ts";
import type { UserLimiterStub } from "../../objects/user-limiter.ts";
import { accountOf } from "../account-of.ts";
import { ask, changeBy } from "../ask.ts";
import { csvPage, wantsCsv } from "../csv.ts";
import { invalidContent, readBody } from "../body.ts";
import { ACCOUNT, type Endpoints } from "../endpoint.ts";
import { pageQuery, reason } from "../fields.ts";
import { plainText } from "../plain-text.ts";
import { BAD_CURSOR, badQuery, cursorOf, numberOf, pageSize, readQuery } from "../query.ts";
import { noAccount, stubOf } from "./account-object.ts";
import { invoiceResponse, invoiceSummary } from "./invoice-view.ts";

const MAX_LINES = 100;

/** An amount of money, also a negative one. */
const signedMoney = z.string().check(
  z.maxLength(26),
  z.refine(
    (text) => parseMoney(text) !== null,
    'must be an amount such as "200" or "-0.50": at most 12 digits before and 12 after the point',
  ),
);

const currency = z.optional(
  z.string().check(z.regex(/^[A-Z]{3}$/, "must be a code of ISO 4217 in capitals, such as USD")),
);

const adjustmentSchema = z.strictObject({
  lines: z
    .array(z.strictObject({ description: plainText(200).check(z.minLength(1)), amount: signedMoney }))
    .check(z.minLength(1), z.maxLength(MAX_LINES)),
  currency,
  reason,
});

const creditNoteSchema = z.strictObject({
  lines: z
    .array(z.strictObject({ line: z.int().check(z.gte(0), z.lte(10_000)), amount: signedMoney }))
    .check(z.minLength(1), z.maxLength(MAX_LINES)),
  /** The customer reads it, so it is not optional here. */
  reason: plainText(500).check(z.minLength(1)),
});

const reasonSchema = z.strictObject({ reason });
const endingSchema = z.strictObject({ uncollectible: z.optional(z.boolean()), reason });

const listQuery = z.extend(pageQuery, { format: z.optional(z.enum(["json", "csv"])) });

/** Columns of a list as CSV: fields of {@link invoiceSummary}. */
const COLUMNS = [
  "id",
  "number",
  "status",
  "currency",
  "total",
  "due",
  "open",
  "issuedAt",
  "dueAt",
  "paidAt",
] as const;

const INVOICE = `${ACCOUNT}/invoices/:invoice`;

export const INVOICES = {
  listInvoices: {
    method: "GET",
    path: `${ACCOUNT}/invoices`,
    access: "viewer",
    query: listQuery,
    handler: ofUser(listInvoices),
  },
  getInvoice: { method: "GET", path: INVOICE, access: "viewer", handler: ofUser(getInvoice) },
  adjustInvoice: {
    method: "POST",
    path: `${INVOICE}/adjustments`,
    access: "operator",
    body: adjustmentSchema,
    idempotent: true,
    handler: ofUser(adjustInvoice),
  },
  finalizeInvoice: {
    method: "POST",
    path: `${INVOICE}/finalize`,
    access: "operator",
    body: reasonSchema,
    idempotent: true,
    handler: ofUser(finalizeInvoice),
  },
  createCreditNote: {
    method: "POST",
    path: `${INVOICE}/credit-notes`,
    access: "operator",
    body: creditNoteSchema,
    idempotent: true,
    handler: ofUser(createCreditNote),
  },
  markInvoicePaid: {
    method: "POST",
    path: `${INVOICE}/mark-paid`,
    access: "operator",
    body: reasonSchema,
    idempotent: true,
    handler: ofUser(markInvoicePaid),
  },
  voidInvoice: {
    method: "POST",
    path: `${INVOICE}/void`,
    access: "operator",
    body: endingSchema,
    idempotent: true,
    handler: ofUser(voidInvoice),
  },
  sendInvoiceToStripe: {
    method: "POST",
    path: `${INVOICE}/stripe-retry`,
    access: "operator",
    body: reasonSchema,
    idempotent: true,
    handler: ofUser(sendToStripe),
  },
} as const satisfies Endpoints;

/** 404 if the id in the path cannot be one, whatever else is wrong. */
function ofUser(handler: (c: Context<AppEnv>) => Promise<Response>) {
  return async (c: Context<AppEnv>): Promise<Response> =>
    isUserId(accountOf(c)) ? handler(c) : noAccount(c);
}

async function listInvoices(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, listQuery);
  if (!query.ok) return query.response;
  return invoicePage(c, query.value, (views, cursor) => {
    const invoices = views.map(invoiceSummary);
    if (!wantsCsv(c, query.value.format)) return c.json({ invoices, cursor });
    const lines = invoices.map((invoice) => COLUMNS.map((column) => invoice[column] ?? ""));
    return csvPage(c, COLUMNS, lines, cursor);
  });
}

/** A page of the account's invoices. */
export async function invoicePage(
  c: Context<AppEnv>,
  { limit, cursor: from }: z.infer<typeof pageQuery>,
  render: (invoices: readonly InvoiceView[], cursor: string | null) => Response,
): Promise<Response> {
  const before = from === undefined ? Number.MAX_SAFE_INTEGER : numberOf(from);
  if (before === null) return badQuery(c, BAD_CURSOR).response;
  const call = stubOf(c, accountOf(c)).invoices(before, pageSize(limit));
  return ask<InvoicesAnswer>(c, "account", call, (answer) => {
    if (answer.kind === "absent") return noAccount(c);
    return render(answer.invoices, answer.next === null ? null : cursorOf(answer.next));
  });
}

async function getInvoice(c: Context<AppEnv>): Promise<Response> {
  return changed(c, (stub, invoice) => stub.invoice(invoice));
}

async function adjustInvoice(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, adjustmentSchema);
  if (!body.ok) return body.response;
  const { lines, currency: wanted = null } = body.value;
  const by = await changeBy(c, body.value);
  return changed(c, (stub, invoice) => stub.adjustInvoice(invoice, lines, wanted, by));
}

async function finalizeInvoice(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, reasonSchema);
  if (!body.ok) return body.response;
  const by = await changeBy(c, body.value);
  return changed(c, (stub, invoice) => stub.finalizeInvoice(invoice, by));
}

async function createCreditNote(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, creditNoteSchema);
  if (!body.ok) return body.response;
  const { lines } = body.value;
  const by = await changeBy(c, body.value);
  return changed(c, (stub, invoice) => stub.creditInvoice(invoice, lines, by), 201);
}

async function markInvoicePaid(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, reasonSchema);
  if (!body.ok) return body.response;
  const by = await changeBy(c, body.value);
  return changed(c, (stub, invoice) => stub.payInvoice(invoice, by));
}

async function voidInvoice(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, endingSchema);
  if (!body.ok) return body.response;
  const { uncollectible = false } = body.value;
  const by = await changeBy(c, body.value);
  const ending: Ending = uncollectible ? "uncollectible" : "void";
  return changed(c, (stub, invoice) => stub.endInvoice(invoice, ending, by));
}

async function sendToStripe(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, reasonSchema);
  if (!body.ok) return body.response;
  const by = await changeBy(c, body.value);
  return changed(c, (stub, invoice) => stub.sendToStripe(invoice, by));
}

/** Asks the account's object, and answers with the document. */
async function changed(
  c: Context<AppEnv>,
  call: (stub: UserLimiterStub, invoice: string) => Promise<InvoiceAnswer | InvoiceChangeAnswer>,
  status: 200 | 201 = 200,
): Promise<Response> {
  const asked = call(stubOf(c, accountOf(c)), c.req.param("invoice") ?? "");
  return ask<InvoiceAnswer | InvoiceChangeAnswer>(c, "account", asked, (answer) => {
    switch (answer.kind) {
      case "invoice":
        return c.json(invoiceResponse(answer.invoice), status);
      case "absent":
        return noAccount(c);
      case "no-invoice":
        return problem(
          "not_found",
          "The account has no invoice or credit note with this id.",
          c.var.requestId,
        );
      default:
        return rejected(c, answer);
    }
  });
}

function rejected(c: Context<AppEnv>, rejection: InvoiceRejection): Response {
  const { requestId } = c.var;
  switch (rejection.kind) {
    case "wrong-status":
      return wrongStatus(c, rejection.status);
    case "bad-amount": {
      const { index, decimals } = rejection;
      const message = `must not be 0, and have at most ${decimals} decimals in the invoice's currency; of a credit note, above 0`;
      return invalidContent(requestId, [{ path: `/lines/${index}/amount`, message }]).response;
    }
    case "currency-differs":
      return problem("currency_differs", `The invoice is in ${rejection.currency}.`, requestId);
    case "negative": {
      const message = `would make the subtotal ${rejection.subtotal}: an invoice is never below 0; give a credit for the rest`;
      return invalidContent(requestId, [{ path: "/lines", message }]).response;
    }
    case "exceeds-uncredited": {
      const { index, left } = rejection;
      const message = `is more than ${left}, which is what is left of this line`;
      const errors = [{ path: `/lines/${index}/amount`, message }];
      const detail = "The credit note asks for more than is left of the invoice; see errors.";
      return problem("exceeds_uncredited", detail, requestId, { errors });
    }
    case "too-many":
      return problem("conflict", "The invoice has the maximum number of these.", requestId);
    case "no-stripe":
      return problem(
        "conflict",
        "This deployment sends no invoices to Stripe: STRIPE_SECRET_KEY is not set.",
        requestId,
      );
  }
}

const ISSUED: ReadonlySet<InvoiceStatus> = new Set([
  "pending",
  "issued",
  "paid",
  "past_due",
  "uncollectible",
]);

/** 409: why the document cannot be changed like this. */
function wrongStatus(c: Context<AppEnv>, status: InvoiceStatus): Response {
  const { requestId } = c.var;
  if (ISSUED.has(status)) {
    const detail = `The invoice is ${status}: it never changes again. A credit note corrects it.`;
    return problem("invoice_issued", detail, requestId);
  }
  if (status === "draft") {
    return problem("conflict", "The invoice is a draft: finalize it first, or adjust it.", requestId);
  }
  return problem("period_closed", `The period is closed, and its invoice is ${status}.`, requestId);
}
