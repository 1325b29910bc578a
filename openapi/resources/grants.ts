/** Grants: response schema and texts. */
import * as z from "zod/mini";
import { named } from "../annotations.ts";
import { answer, type OperationNotes, REASON } from "../notes.ts";
import { amount, moment, words } from "../scalars.ts";

export const grantSchema = named(
  "Grant",
  "Extra capacity of one limit until a time.",
  z.strictObject({
    grantId: z.uuid(),
    limit: words("The name of the limit."),
    amount: amount("Tokens, or slots, on top of its capacity."),
    until: moment("When the grant ends."),
    createdAt: moment("When it was made."),
  }),
);
export type GrantResponse = z.infer<typeof grantSchema>;

export const GRANT = {
  grantId: "53785454-7f36-46e0-81d9-d419105b9357",
  limit: "minute",
  amount: 500,
  until: "2026-12-24T00:00:00.000Z",
  createdAt: "2026-11-21T01:27:13.050Z",
} satisfies GrantResponse;

const grantExtra: OperationNotes = {
  tag: "Accounts",
  summary: "Grant extra capacity of a limit until a time",
  description: "Raises the burst of a bucket, the amount of a quota or the number of slots.",
  body: {
    fields: {
      limit: "The name of a limit of the account's tier.",
      amount: "Tokens (in steps of 0.001) or slots, on top of the limit's capacity.",
      until: "In the future, at most 366 days ahead.",
      reason: REASON,
    },
    examples: {
      grant: { limit: "minute", amount: 500, until: "2026-12-24T00:00:00Z", reason: "Launch day" },
    },
  },
  responses: [answer(201, "The grant.", grantSchema, { grant: GRANT })],
  problems: ["not_found", "conflict"],
};

const revokeGrant: OperationNotes = {
  tag: "Accounts",
  summary: "Revoke a grant: it ends now",
  description: "What it admitted stays used, so less may be left than before the grant.",
  query: { reason: REASON },
  responses: [answer(200, "The grant as it was.", grantSchema, { grant: GRANT })],
  problems: ["not_found"],
};

export const GRANTS_NOTES = { grantExtra, revokeGrant };
