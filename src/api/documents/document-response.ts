/** An invoice or a credit note as a response: a page or a PDF. Never cached: it is for one customer. */
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem, unavailable } from "../../edge/problem.ts";
import { documentText, type InvoiceDocument } from "../../billing/invoice-document.ts";
import { invoiceHtml } from "../../documents/invoice-html.ts";
import { INVOICE_STYLE_SHA256 } from "../../documents/invoice-style.ts";
import { invoiceView } from "../../documents/invoice-text.ts";
import type { InvoiceView, Standing } from "../../documents/invoice-view.ts";
import { type Paper, paperOf } from "../../documents/paper.ts";
import { secretDigest } from "../../identity/secret-digest.ts";
import { messageOf } from "../../log.ts";

export interface FoundDocument {
  readonly document: InvoiceDocument;
  readonly status: Standing;
}

/** No script, no request, no frame; only the page's own style. Links work. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${INVOICE_STYLE_SHA256}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** For the customer only, and the address may be a secret. */
const HEADERS = {
  "Cache-Control": "private, no-store",
  "Referrer-Policy": "no-referrer",
  "X-Robots-Tag": "noindex",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/** Why a PDF cannot be made. A page always can. */
export const NO_PDF_KINDS = ["missing-glyphs", "too-long"] as const;
export interface NoPdf {
  readonly kind: (typeof NO_PDF_KINDS)[number];
  /** Those that the fonts lack. */
  readonly characters?: readonly string[];
}

const PDF = "application/pdf";
const HTML = "text/html";

/** Named in texts. */
const MAX_CHARACTERS = 10;

/** @param pdf where the PDF is, relative to the page. @param noPdf says on the page why there is none. */
export function documentPage(
  c: Context<AppEnv>,
  { document, status }: FoundDocument,
  pdf: string,
  noPdf: NoPdf | null,
): Response {
  const notice =
    noPdf && `${reasonOf(noPdf)} To keep a copy, print this page: browsers can save it as a PDF.`;
  const html = invoiceHtml(invoiceView(document, status), { pdf: noPdf === null ? pdf : null, notice });
  return c.body(html, 200, {
    ...HEADERS,
    "Content-Type": `${HTML}; charset=utf-8`,
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
  });
}

/**
 * The document as a PDF file.
 * @param paper default: as the customer's country prints.
 * @param otherwise the response if it cannot be made.
 */
export async function documentPdf(
  c: Context<AppEnv>,
  { document, status }: FoundDocument,
  paper: Paper | undefined,
  otherwise: (reason: NoPdf) => Response,
): Promise<Response> {
  const { pdfFonts, services, requestId } = c.var;
  const view = invoiceView(document, status);
  let result;
  try {
    const [fonts, { invoicePdf }, fileId] = await Promise.all([
      pdfFonts.read(c.env.ASSETS, c.req.url),
      import("../../modules/pdf.mjs"),
      fileIdOf(document, status),
    ]);
    const createdMs = Date.parse(document.issuedAt ?? document.period.end);
    result = invoicePdf(view, {
      paper: paper ?? paperOf(document.customer.country),
      fonts,
      fileId,
      createdMs,
    });
  } catch (thrown) {
    services.log("error", "pdf_failed", { requestId, document: document.id, error: messageOf(thrown) });
    return unavailable("The PDF cannot be made now. The document as a page can be read.", requestId);
  }
  if (result.kind !== "pdf") return otherwise(result);
  return c.body(new Uint8Array(result.bytes).buffer, 200, {
    ...HEADERS,
    "Content-Type": PDF,
    "Content-Disposition": `attachment; filename="${fileNameOf(view)}.pdf"`,
  });
}

/**
 * The response if there is no PDF: to a browser the page, which says why; to others 406, with the page's address.
 * @param page where the page is.
 */
export function noPdfResponse(c: Context<AppEnv>, reason: NoPdf, page: string): Response {
  // Browsers name text/html when they follow a link.
  if (accepts(c, { header: "Accept", supports: [PDF, HTML], default: PDF }) === HTML) {
    return c.body(null, 303, { ...HEADERS, Location: `${page}?pdf=${reason.kind}` });
  }
  return problem("not_acceptable", `${reasonOf(reason)} Read it as a page: ${page}`, c.var.requestId, {
    headers: { Link: `<${page}>; rel="alternate"; type="${HTML}"` },
  });
}

function reasonOf({ kind, characters = [] }: NoPdf): string {
  if (kind === "too-long") return "This document has too many lines for a PDF.";
  const named = characters.slice(0, MAX_CHARACTERS).join(" ");
  const more = characters.length > MAX_CHARACTERS ? " …" : "";
  return `This document has characters that its PDF cannot show${named === "" ? "" : `: ${named}${more}`}.`;
}

/** The same document has the same id, and so the same bytes. */
async function fileIdOf(document: InvoiceDocument, status: Standing): Promise<string> {
  return (await secretDigest(`${status}\n${documentText(document)}`)).slice(0, 32).toUpperCase();
}

/** A name that every system takes: "Invoice-INV-000042". */
function fileNameOf({ name }: InvoiceView): string {
  return name.replaceAll(/[^A-Za-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
}
