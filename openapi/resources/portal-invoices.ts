/** A customer's invoices and credit notes in the portal: response schema and texts. */
import * as z from "zod/mini";
import { about, named } from "../annotations.ts";
import { answer, type OperationNotes, PAGE } from "../notes.ts";
import { nextCursor } from "../scalars.ts";
import { DOCUMENTS_NOTES } from "./documents.ts";
import { SUMMARY, summarySchema } from "./invoices.ts";

const { finalizesAt: _review, stripe: _stripe, ...summaryFields } = summarySchema.shape;
export const portalInvoicesSchema = z.strictObject({
  invoices: z.array(
    named(
      "PortalInvoice",
      "An issued invoice or credit note.",
      z.strictObject({
        ...summaryFields,
        payAt: about("The page where the customer pays; null: there is none.", z.nullable(z.string())),
      }),
    ),
  ),
  cursor: nextCursor(),
});
export type PortalInvoicesResponse = z.infer<typeof portalInvoicesSchema>;

const { finalizesAt: _finalizesAt, stripe: _atStripe, ...issuedSummary } = SUMMARY;

const listPortalInvoices: OperationNotes = {
  tag: "Portal",
  summary: "The customer's invoices and credit notes",
  description: "Newest period first. Only those that are issued: a page may have fewer than `limit`.",
  query: PAGE,
  responses: [
    answer(200, "A page of invoices.", portalInvoicesSchema, {
      page: { invoices: [{ ...issuedSummary, payAt: null }], cursor: null },
    }),
  ],
};

const inPortal = (notes: OperationNotes): OperationNotes => ({ ...notes, tag: "Portal" });
const getPortalDocumentPage = inPortal(DOCUMENTS_NOTES.getDocumentPage);
const getPortalDocumentPdf = inPortal(DOCUMENTS_NOTES.getDocumentPdf);
const getPortalDocumentCsv = inPortal(DOCUMENTS_NOTES.getDocumentCsv);

export const PORTAL_INVOICES_NOTES = {
  listPortalInvoices,
  getPortalDocumentPage,
  getPortalDocumentPdf,
  getPortalDocumentCsv,
};
