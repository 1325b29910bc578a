/** Stands for the packages that jsPDF imports and invoices never use (scripts/build-modules.ts). A use would fail in the tests of PDFs. */
export const decode = undefined;
export default undefined;
