/** Who changed an account, when and why, from the audit trail in its own object. */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import { isUserId } from "../../identity/user-id.ts";
import { parseJson } from "../../json.ts";
import type { AuditEntry } from "../../objects/account.ts";
import { ask } from "../ask.ts";
import { ACCOUNT, type Endpoints } from "../endpoint.ts";
import { pageQuery } from "../fields.ts";
import { BAD_CURSOR, badQuery, cursorOf, numberOf, pageSize, readQuery } from "../query.ts";
import { iso } from "../rfc3339.ts";
import { noAccount, stubOf } from "./account-object.ts";

export const AUDIT = {
  getAudit: {
    method: "GET",
    path: `${ACCOUNT}/audit`,
    access: "viewer",
    query: pageQuery,
    handler: getAudit,
  },
} as const satisfies Endpoints;

async function getAudit(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  const query = readQuery(c, pageQuery);
  if (!query.ok) return query.response;
  const before = query.value.cursor === undefined ? Number.MAX_SAFE_INTEGER : numberOf(query.value.cursor);
  if (before === null) return badQuery(c, BAD_CURSOR).response;
  const count = pageSize(query.value.limit);
  return ask<AuditEntry[] | null>(c, "account", stubOf(c, id).audit(before, count + 1), (found) => {
    if (!found) return noAccount(c);
    const entries = found.slice(0, count);
    const last = entries.at(-1);
    const cursor = last && found.length > count ? cursorOf(last.seq) : null;
    return c.json({ entries: entries.map(auditView), cursor });
  });
}

function auditView({ seq, atMs, actor, reason, action, before, after }: AuditEntry) {
  const change = { before: before && parseJson(before), after: after && parseJson(after) };
  return { seq, at: iso(atMs), actor, reason, action, ...change };
}
