/** The list of accounts and its rebuild: response schemas and texts. */
import * as z from "zod/mini";
import { about, named } from "../annotations.ts";
import { answer, type OperationNotes, PAGE } from "../notes.ts";
import { count, nextCursor } from "../scalars.ts";
import { accountDates, accountFields, DATES } from "./accounts.ts";

const accountEntrySchema = named(
  "AccountEntry",
  "An account in the list. The list follows changes within about a second.",
  z.strictObject({ ...accountFields, ...accountDates }),
);

export const accountsSchema = z.strictObject({ accounts: z.array(accountEntrySchema), cursor: nextCursor() });
export type AccountsResponse = z.infer<typeof accountsSchema>;

export const rebuiltSchema = z.strictObject({
  rebuilt: count("Accounts rebuilt by this request."),
  cursor: about("Send it as `cursor` with the next request; null when done.", z.nullable(z.string())),
});
export type RebuiltResponse = z.infer<typeof rebuiltSchema>;

const listAccounts: OperationNotes = {
  tag: "Accounts",
  summary: "List accounts by tier, status or name",
  description: "Ordered by id.",
  query: {
    tier: "Only accounts of this tier.",
    status: "Only accounts with this status.",
    deleted: "`true`: only deleted accounts whose block is still in force.",
    name: "Only accounts whose id or name contains this text, ignoring case.",
    ...PAGE,
  },
  responses: [
    answer(200, "A page of accounts.", accountsSchema, {
      page: {
        accounts: [{ id: "acme", name: "Acme Inc.", tier: "pro", status: "active", version: 2, ...DATES }],
        cursor: "YWNtZQ",
      },
    }),
  ],
};

const rebuildDirectory: OperationNotes = {
  tag: "Accounts",
  summary: "Rebuild the list of accounts from the accounts themselves, one page at a time",
  description:
    "Safe at any time, and safe to repeat. Repeat the request with the response's cursor until it is null.",
  query: {
    cursor: "The cursor of the previous response.",
    reset: "`true`: clear the list first. For the first request of a rebuild.",
  },
  responses: [
    answer(200, "A page has been rebuilt.", rebuiltSchema, { "the last page": { rebuilt: 5, cursor: null } }),
  ],
};

export const DIRECTORY_NOTES = { listAccounts, rebuildDirectory };
