/** Invoices and credit notes for people: response schemas and texts. */
import * as z from "zod/mini";
import { named } from "../annotations.ts";
import { answer, type OperationNotes, type ResponseNotes, text } from "../notes.ts";
import { moment, words } from "../scalars.ts";

const linkSchema = named(
  "DocumentLink",
  "Addresses of one document that need no credential until they expire.",
  z.strictObject({
    document: words("The id of the invoice or the credit note."),
    expiresAt: moment("From then on the addresses are 403."),
    html: z.url(),
    pdf: z.url(),
  }),
);
export type DocumentLinkResponse = z.infer<typeof linkSchema>;

const PAGE: ResponseNotes = {
  status: 200,
  description: "The page: no scripts, and nothing from other addresses.",
  contents: [text("text/html", '<!doctype html>\n<html lang="en">')],
  headers: ["Content-Security-Policy"],
};
const PDF: ResponseNotes = {
  status: 200,
  description: "The file.",
  contents: [text("application/pdf", "%PDF-1.3")],
};
const INSTEAD: ResponseNotes = {
  status: 303,
  description: "To a client that accepts text/html if there can be no PDF: the page, which says why.",
};
const PAGE_QUERY = {
  pdf: "Why there is no PDF, for the page to say: the PDF's address redirects here with it.",
};
const PDF_QUERY = { paper: "Default: `letter` for customers in countries that print on it, else `a4`." };

const getDocumentPage: OperationNotes = {
  tag: "Billing",
  summary: "An invoice or a credit note as a page",
  description: "For screens and for paper, with the status that the document has now.",
  query: PAGE_QUERY,
  responses: [PAGE],
  problems: ["not_found"],
};

const getDocumentPdf: OperationNotes = {
  tag: "Billing",
  summary: "An invoice or a credit note as a PDF",
  description:
    "Made when it is asked for; the same document in the same status has the same bytes. It has Latin (also Vietnamese), Greek and Cyrillic letters: with any other, or with more than 2,000 rows, there is only the page.",
  query: PDF_QUERY,
  responses: [PDF, INSTEAD],
  problems: ["not_found", "not_acceptable"],
};

const getDocumentCsv: OperationNotes = {
  tag: "Billing",
  summary: "The lines of an invoice or a credit note as CSV",
  description: "Amounts are before tax, in the currency's major unit.",
  responses: [
    {
      status: 200,
      description: "The lines.",
      contents: [
        text(
          "text/csv",
          "number,document,kind,description,route,quantity,unitPrice,amount,currency\r\nINV-000042,acme.20261101,base,pro: base fee,,,99,99.00,USD\r\n",
        ),
      ],
    },
  ],
  problems: ["not_found"],
};

const createDocumentLink: OperationNotes = {
  tag: "Billing",
  summary: "Make a link to an invoice or a credit note",
  description:
    "For the customer, who has no admin token. The link shows this document only. It cannot be taken back: it ends when it expires, or when an admin token of the deployment changes.",
  body: {
    fields: { minutes: "Until it expires: at most 10,080, a week. Default: 60." },
    examples: { "a day": { minutes: 1_440 } },
  },
  responses: [
    answer(201, "The link.", linkSchema, {
      link: {
        document: "acme.20261101",
        expiresAt: "2026-12-02T09:30:00.000Z",
        html: "https://api.example.com/api/v1/invoices/eyJ1c2VyIjoiYWNtZSJ9.c2lnbmF0dXJl.html",
        pdf: "https://api.example.com/api/v1/invoices/eyJ1c2VyIjoiYWNtZSJ9.c2lnbmF0dXJl.pdf",
      },
    }),
  ],
  problems: ["not_found"],
};

const getLinkedPage: OperationNotes = {
  tag: "Billing",
  summary: "A linked invoice or credit note as a page",
  description: "Needs no credential: the link is one.",
  query: PAGE_QUERY,
  responses: [PAGE],
  problems: ["forbidden", "not_found", "not_configured", "temporary_reduced_capacity"],
};

const getLinkedPdf: OperationNotes = {
  tag: "Billing",
  summary: "A linked invoice or credit note as a PDF",
  description: "Needs no credential: the link is one.",
  query: PDF_QUERY,
  responses: [PDF, INSTEAD],
  problems: ["forbidden", "not_found", "not_acceptable", "not_configured", "temporary_reduced_capacity"],
};

export const DOCUMENTS_NOTES = {
  getDocumentPage,
  getDocumentPdf,
  getDocumentCsv,
  createDocumentLink,
  getLinkedPage,
  getLinkedPdf,
};
