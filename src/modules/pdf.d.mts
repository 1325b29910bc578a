/** The built PDFs of invoices (scripts/build-modules.ts). */
export { invoicePdf } from "../documents/invoice-pdf.ts";
