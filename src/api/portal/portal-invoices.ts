/** A customer's invoices and credit notes, once they are issued: what an operator still reviews is not shown. */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import type { InvoiceAnswer, InvoiceView } from "../../objects/invoices.ts";
import { stubOf } from "../accounts/account-object.ts";
import { invoiceSummary } from "../accounts/invoice-view.ts";
import { invoicePage } from "../accounts/invoices.ts";
import { accountOf } from "../account-of.ts";
import { ask } from "../ask.ts";
import { csv, page, pageQuery, pdf, pdfQuery, type Render, withoutSuffix } from "../documents/documents.ts";
import { type Endpoints, PORTAL } from "../endpoint.ts";
import { pageQuery as listQuery } from "../fields.ts";
import { readQuery } from "../query.ts";

const INVOICE = `${PORTAL}/invoices/:invoice`;

export const PORTAL_INVOICES = {
  listPortalInvoices: {
    method: "GET",
    path: `${PORTAL}/invoices`,
    access: "portal",
    query: listQuery,
    handler: listInvoices,
  },
  getPortalDocumentPage: {
    method: "GET",
    path: `${INVOICE}.html`,
    access: "portal",
    query: pageQuery,
    handler: (c) => page(c, withIssued),
  },
  getPortalDocumentPdf: {
    method: "GET",
    path: `${INVOICE}.pdf`,
    access: "portal",
    query: pdfQuery,
    handler: (c) => pdf(c, withIssued),
  },
  getPortalDocumentCsv: {
    method: "GET",
    path: `${INVOICE}.csv`,
    access: "portal",
    handler: (c) => csv(c, withIssued),
  },
} as const satisfies Endpoints;

async function listInvoices(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, listQuery);
  if (!query.ok) return query.response;
  return invoicePage(c, query.value, (views, cursor) =>
    c.json({ invoices: views.filter(isIssued).map(ownSummary), cursor }),
  );
}

/** Of what operators see of Stripe, only the page where the customer pays. */
function ownSummary(view: InvoiceView) {
  const { finalizesAt: _review, stripe, ...summary } = invoiceSummary(view);
  return { ...summary, payAt: stripe?.url ?? null };
}

/** Renders the document that the path names, if the session's account has it and it is issued. */
async function withIssued(c: Context<AppEnv>, render: Render): Promise<Response> {
  const id = withoutSuffix(c.req.param("invoice"));
  return ask<InvoiceAnswer>(c, "account", stubOf(c, accountOf(c)).invoice(id), (answer) =>
    answer.kind === "invoice" && isIssued(answer.invoice)
      ? render(answer.invoice)
      : problem("not_found", "There is no issued invoice or credit note with this id.", c.var.requestId),
  );
}

function isIssued({ document }: InvoiceView): boolean {
  return document.number !== null;
}
