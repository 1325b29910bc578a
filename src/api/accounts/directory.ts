/** The list of accounts, which the account directory keeps, and its rebuild from the accounts themselves. */
import type { Context } from "hono";
import * as z from "zod/mini";
import type { AppEnv } from "../../edge/app-env.ts";
import { ACCOUNT_MARK_PREFIX, directoryOf } from "../../objects/account-directory.ts";
import { ask } from "../ask.ts";
import { ADMIN, type Endpoints } from "../endpoint.ts";
import { cursor, pageLimit, tierName } from "../fields.ts";
import { BAD_CURSOR, badQuery, cursorOf, pageSize, positionOf, readQuery } from "../query.ts";
import { iso } from "../rfc3339.ts";
import { stubOf } from "./account-object.ts";

/** Accounts rebuilt by one request: each takes a call to its object and one from there to the directory. */
const REBUILD_PAGE = 50;

const accountsQuery = z.strictObject({
  tier: z.optional(tierName),
  status: z.optional(z.enum(["active", "blocked"])),
  deleted: z.optional(z.enum(["true"])),
  name: z.optional(z.string().check(z.minLength(1), z.maxLength(200))),
  limit: pageLimit,
  cursor,
});

const rebuildQuery = z.strictObject({ cursor, reset: z.optional(z.enum(["true"])) });

export const DIRECTORY = {
  listAccounts: {
    method: "GET",
    path: `${ADMIN}/accounts`,
    access: "viewer",
    query: accountsQuery,
    handler: listAccounts,
  },
  rebuildDirectory: {
    method: "POST",
    path: `${ADMIN}/directory/rebuild`,
    access: "admin",
    query: rebuildQuery,
    handler: rebuildDirectory,
  },
} as const satisfies Endpoints;

async function listAccounts(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, accountsQuery);
  if (!query.ok) return query.response;
  const { tier = null, status = null, name = null, deleted, limit, cursor: from } = query.value;
  const after = from === undefined ? "" : positionOf(from);
  if (after === null) return badQuery(c, BAD_CURSOR).response;
  const call = directoryOf(c.env.ACCOUNT_DIRECTORY).list(
    { tier, status, text: name, deleted: deleted === "true" },
    after,
    pageSize(limit),
  );
  return ask(c, "account directory", call, ({ entries, next }) =>
    c.json({
      accounts: entries.map(({ createdMs, updatedMs, uses: _uses, deleted: _deleted, ...entry }) => ({
        ...entry,
        createdAt: iso(createdMs),
        updatedAt: iso(updatedMs),
      })),
      cursor: next === null ? null : cursorOf(next),
    }),
  );
}

/**
 * Rebuilds one page of the directory from KV's marks of accounts: each account's object publishes itself to the directory again, and its
 * keys to KV, with the mark that some are imported. Safe at any time, and safe to repeat. `reset=true` clears the directory first.
 */
async function rebuildDirectory(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, rebuildQuery);
  if (!query.ok) return query.response;
  const { cursor: from, reset } = query.value;
  const after = from === undefined ? null : positionOf(from);
  if (from !== undefined && after === null) return badQuery(c, BAD_CURSOR).response;
  const rebuild = async (): Promise<{ rebuilt: number; next: string | null }> => {
    if (reset === "true") await directoryOf(c.env.ACCOUNT_DIRECTORY).clear();
    const page = await c.env.CONFIG.list({ prefix: ACCOUNT_MARK_PREFIX, limit: REBUILD_PAGE, cursor: after });
    const ids = page.keys.map(({ name }) => name.slice(ACCOUNT_MARK_PREFIX.length));
    const haveImported = await Promise.all(ids.map(async (id) => stubOf(c, id).republish()));
    if (haveImported.includes(true)) await c.var.services.credentials.keys.noteImported();
    return { rebuilt: ids.length, next: page.list_complete ? null : page.cursor };
  };
  return ask(c, "account directory", rebuild(), ({ rebuilt, next }) =>
    c.json({ rebuilt, cursor: next === null ? null : cursorOf(next) }),
  );
}
