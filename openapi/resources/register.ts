/** Invoices and credit notes of all accounts, and the rebuild of their list: response schemas and texts. */
import * as z from "zod/mini";
import { DOCUMENT_KINDS } from "../../src/billing/invoice-document.ts";
import { userIdSchema } from "../../src/identity/user-id.ts";
import { INVOICE_STATUSES } from "../../src/billing/invoice-status.ts";
import { about, named } from "../annotations.ts";
import { answer, type OperationNotes, PAGE } from "../notes.ts";
import { count, moment, momentOrNull, money, nextCursor, words } from "../scalars.ts";

export const documentsSchema = z.strictObject({
  series: words("The series whose documents these are."),
  documents: z.array(
    named(
      "RegisteredDocument",
      "A numbered invoice or credit note, as the register lists it. The list follows changes within about a second.",
      z.strictObject({
        number: words("In its series, without gaps."),
        kind: z.enum(DOCUMENT_KINDS),
        id: z.string(),
        account: userIdSchema,
        period: z.strictObject({ start: moment("Its first moment."), end: moment("Exclusive.") }),
        currency: words("ISO 4217."),
        total: money("With tax."),
        open: money("What is left to pay."),
        status: z.enum(INVOICE_STATUSES),
        issuedAt: moment("Never before that of the number before."),
        dueAt: momentOrNull("Null if nothing was to be paid."),
      }),
    ),
  ),
  cursor: nextCursor(),
});

export type DocumentsResponse = z.infer<typeof documentsSchema>;

export const rebuiltRegisterSchema = z.strictObject({
  rebuilt: count("Documents restored by this request."),
  cursor: about("Send it as `cursor` with the next request; null when done.", z.nullable(z.string())),
  series: about(
    "What the registers have now. Empty until the last page.",
    z.array(
      z.strictObject({
        series: z.string(),
        documents: count("In the register."),
        missing: count("Numbers that no document has."),
        conflicts: count("Documents whose number another one has."),
        prefix: words("What the next numbers begin with: a new series if any were missing or taken twice."),
      }),
    ),
  ),
});

const listDocuments: OperationNotes = {
  tag: "Billing",
  summary: "Numbered invoices or credit notes of all accounts",
  description: "Newest first, of one series.",
  query: {
    series: "Default: the policy's.",
    kind: "Default: `invoice`. Credit notes have a series of their own.",
    status: "Only documents of this status.",
    account: "Only documents of this account.",
    from: "Only of billing periods that began then or later. A time, or a date for its first moment.",
    to: "Only of billing periods that began before then.",
    ...PAGE,
  },
  responses: [
    answer(200, "A page of documents.", documentsSchema, {
      page: {
        series: "INV",
        documents: [
          {
            number: "INV-000017",
            kind: "invoice",
            id: "acme.20261001",
            account: "acme",
            period: { start: "2026-10-01T00:00:00.000Z", end: "2026-11-01T00:00:00.000Z" },
            currency: "EUR",
            total: "236.81",
            open: "236.81",
            status: "issued",
            issuedAt: "2026-11-01T03:12:00.000Z",
            dueAt: "2026-11-15T03:12:00.000Z",
          },
        ],
        cursor: null,
      },
    }),
  ],
};

const rebuildRegister: OperationNotes = {
  tag: "Billing",
  summary: "Rebuild the registers from the accounts' documents, one page at a time",
  description:
    "After a register was lost or restored. The first request empties the registers; until the last one they give no numbers, and documents wait. Repeat the request with the response's cursor until it is null.",
  query: { cursor: "The cursor of the previous response." },
  responses: [
    answer(200, "A page has been rebuilt.", rebuiltRegisterSchema, {
      "the last page": {
        rebuilt: 12,
        cursor: null,
        series: [{ series: "INV", documents: 412, missing: 0, conflicts: 0, prefix: "INV" }],
      },
    }),
  ],
};

export const REGISTER_NOTES = { listDocuments, rebuildRegister };
