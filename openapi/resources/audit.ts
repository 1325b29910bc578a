/** The audit trail of an account: response schema and texts. */
import * as z from "zod/mini";
import { about, named } from "../annotations.ts";
import { answer, type OperationNotes, PAGE } from "../notes.ts";
import { count, moment, nextCursor, words } from "../scalars.ts";

const auditEntrySchema = named(
  "AuditEntry",
  "One change of an account.",
  z.strictObject({
    seq: count("Increases with each change."),
    at: moment("When the change was made."),
    actor: words("Who made it: the admin token's name, or the person or service by Cloudflare Access."),
    reason: words("Why, if a reason was given."),
    action: words("What was changed, such as `account.change` or `key.revoke`."),
    before: about("The state before; null if there was none.", z.unknown()),
    after: about("The state after; null if there is none.", z.unknown()),
  }),
);

export const auditSchema = z.strictObject({ entries: z.array(auditEntrySchema), cursor: nextCursor() });
export type AuditResponse = z.infer<typeof auditSchema>;

const getAudit: OperationNotes = {
  tag: "Accounts",
  summary: "Who changed the account, when and why, newest first",
  description: "Also for users without an account: the trail of a deleted account remains.",
  query: PAGE,
  responses: [
    answer(200, "A page of changes.", auditSchema, {
      page: {
        entries: [
          {
            seq: 2,
            at: "2026-11-21T01:27:12.972Z",
            actor: "admin-token",
            reason: "Contract 17",
            action: "account.change",
            before: { name: "Acme Inc.", tier: "free", status: "active", limits: {} },
            after: {
              name: "Acme Inc.",
              tier: "pro",
              status: "active",
              limits: { minute: { tokens: 2_000, burst: 3_000 } },
            },
          },
        ],
        cursor: "Mg",
      },
    }),
  ],
  problems: ["not_found"],
};

export const AUDIT_NOTES = { getAudit };
