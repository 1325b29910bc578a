/** An account's invoices and credit notes for people: as a page, as a PDF and as CSV, and links to them for who is no administrator. */
import type { Context } from "hono";
import * as z from "zod/mini";
import { formatMinor } from "../../billing/money.ts";
import { PAPER_NAMES } from "../../documents/paper.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { isUserId } from "../../identity/user-id.ts";
import type { InvoiceAnswer } from "../../objects/invoices.ts";
import { noAccount, stubOf } from "../accounts/account-object.ts";
import { ask } from "../ask.ts";
import { readBody } from "../body.ts";
import { csvPage } from "../csv.ts";
import { ACCOUNT, type Endpoints, LINKED } from "../endpoint.ts";
import { readQuery } from "../query.ts";
import { iso } from "../rfc3339.ts";
import { notConfigured } from "../session/identify-actor.ts";
import {
  documentPage,
  documentPdf,
  type FoundDocument,
  NO_PDF_KINDS,
  noPdfResponse,
} from "./document-response.ts";

export const pdfQuery = z.strictObject({ paper: z.optional(z.enum(PAPER_NAMES)) });
/** Why the reader is here and not at the PDF. */
export const pageQuery = z.strictObject({ pdf: z.optional(z.enum(NO_PDF_KINDS)) });

const DEFAULT_MINUTES = 60;
/** A week: a link cannot be taken back. */
const MAX_MINUTES = 7 * 24 * 60;
const newLinkSchema = z.strictObject({
  minutes: z.optional(z.int().check(z.gte(1), z.lte(MAX_MINUTES))),
});

const DOCUMENT = `${ACCOUNT}/invoices/:invoice`;

export const DOCUMENTS = {
  getDocumentPage: {
    method: "GET",
    path: `${DOCUMENT}.html`,
    access: "viewer",
    query: pageQuery,
    handler: getDocumentPage,
  },
  getDocumentPdf: {
    method: "GET",
    path: `${DOCUMENT}.pdf`,
    access: "viewer",
    query: pdfQuery,
    handler: getDocumentPdf,
  },
  getDocumentCsv: { method: "GET", path: `${DOCUMENT}.csv`, access: "viewer", handler: getDocumentCsv },
  createDocumentLink: {
    method: "POST",
    path: `${DOCUMENT}/links`,
    access: "operator",
    body: newLinkSchema,
    handler: createDocumentLink,
  },
  getLinkedPage: {
    method: "GET",
    path: `${LINKED}/:link.html`,
    access: "none",
    query: pageQuery,
    handler: getLinkedPage,
  },
  getLinkedPdf: {
    method: "GET",
    path: `${LINKED}/:link.pdf`,
    access: "none",
    query: pdfQuery,
    handler: getLinkedPdf,
  },
} as const satisfies Endpoints;

async function getDocumentPage(c: Context<AppEnv>): Promise<Response> {
  return page(c, withDocument);
}

async function getDocumentPdf(c: Context<AppEnv>): Promise<Response> {
  return pdf(c, withDocument);
}

/** The lines, each with the document that it is of, so that several files can be put together. */
async function getDocumentCsv(c: Context<AppEnv>): Promise<Response> {
  return csv(c, withDocument);
}

export async function csv(c: Context<AppEnv>, find: Find): Promise<Response> {
  return find(c, ({ document }) => {
    const { number, id, currency, exponent } = document;
    const lines = document.lines.map(({ kind, description, route, quantity, unitPrice, minor }) => [
      number ?? "",
      id,
      kind,
      description,
      route ?? "",
      quantity ?? "",
      unitPrice ?? "",
      formatMinor(BigInt(minor), exponent),
      currency,
    ]);
    return csvPage(c, LINE_HEADER, lines, null);
  });
}

const LINE_HEADER = "number document kind description route quantity unitPrice amount currency".split(" ");

/** A link for who has no admin token. It ends by itself; it cannot be taken back. */
async function createDocumentLink(c: Context<AppEnv>): Promise<Response> {
  const { admin, services, requestId, actor } = c.var;
  const { links } = admin;
  if (links === null) return notConfigured(requestId);
  const body = await readBody(c, newLinkSchema);
  if (!body.ok) return body.response;
  const { minutes = DEFAULT_MINUTES } = body.value;
  return withDocument(c, async ({ document }) => {
    const { id, user } = document;
    const expiresMs = Date.now() + minutes * 60_000;
    const token = await links.issue({ user, document: id, expiresMs });
    services.log("info", "invoice_link", { requestId, actor: actor.name, document: id, minutes });
    const path = `${new URL(c.req.url).origin}${LINKED}/${token}`;
    return c.json({ document: id, expiresAt: iso(expiresMs), html: `${path}.html`, pdf: `${path}.pdf` }, 201);
  });
}

async function getLinkedPage(c: Context<AppEnv>): Promise<Response> {
  return page(c, withLinked);
}

async function getLinkedPdf(c: Context<AppEnv>): Promise<Response> {
  return pdf(c, withLinked);
}

export type Render = (found: FoundDocument) => Response | Promise<Response>;
type Find = (c: Context<AppEnv>, render: Render) => Promise<Response>;

/** Renders the document that the path names. */
async function withDocument(c: Context<AppEnv>, render: Render): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  return documentOf(c, id, withoutSuffix(c.req.param("invoice")), render);
}

/** Renders the document that a link is for. A faulty link reveals nothing, not even whether the document exists. */
async function withLinked(c: Context<AppEnv>, render: Render): Promise<Response> {
  const { admin, requestId } = c.var;
  if (admin.links === null) return notConfigured(requestId);
  const link = await admin.links.open(withoutSuffix(c.req.param("link")), Date.now());
  switch (link.kind) {
    case "open":
      return documentOf(c, link.user, link.document, render);
    case "expired":
      return problem("forbidden", "This link has expired. Ask for a new one.", requestId);
    case "invalid":
      return problem(
        "forbidden",
        "This link is not valid: it is not complete, or was taken back.",
        requestId,
      );
  }
}

async function documentOf(c: Context<AppEnv>, user: string, id: string, render: Render): Promise<Response> {
  return ask<InvoiceAnswer>(c, "account", stubOf(c, user).invoice(id), (answer) =>
    answer.kind === "invoice"
      ? render(answer.invoice)
      : problem("not_found", "The account has no invoice or credit note with this id.", c.var.requestId),
  );
}

export async function page(c: Context<AppEnv>, find: Find): Promise<Response> {
  const query = readQuery(c, pageQuery);
  if (!query.ok) return query.response;
  const { pdf: noPdf } = query.value;
  const notice = noPdf === undefined ? null : { kind: noPdf };
  return find(c, (found) => documentPage(c, found, siblingOf(c, "pdf"), notice));
}

export async function pdf(c: Context<AppEnv>, find: Find): Promise<Response> {
  const query = readQuery(c, pdfQuery);
  if (!query.ok) return query.response;
  const { paper } = query.value;
  return find(c, (found) =>
    documentPdf(c, found, paper, (reason) => noPdfResponse(c, reason, siblingOf(c, "html"))),
  );
}

/** The path of the same document in another format. */
function siblingOf(c: Context<AppEnv>, format: "html" | "pdf"): string {
  return new URL(c.req.url).pathname.replace(/[^.]*$/, format);
}

/** A parameter without the suffix of its format. */
export function withoutSuffix(parameter = ""): string {
  return parameter.replace(/\.(html|pdf|csv)$/, "");
}
