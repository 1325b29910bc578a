/**
 * Rebuilds the directory from KV's marks of accounts, page by page: each account's own object tells the directory (and KV, of
 * its keys) of itself again. Safe at any time, and safe to repeat.
 */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import { ACCOUNT_MARK_PREFIX, directoryOf } from "../../objects/account-directory.ts";
import { BAD_CURSOR, badQuery, cursorOf, positionOf, readQuery } from "../query.ts";
import { rebuildQuery } from "../schemas.ts";
import { stubOf } from "./accounts.ts";
import { ask } from "../ask.ts";

/** Accounts of one call: each is a call to an object, and one of its own to the directory. */
const PAGE = 50;

/** One page. The answer's cursor goes into the next call, until it is null. `reset=true` forgets the list first. */
export async function rebuildDirectory(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, rebuildQuery);
  if (!query.ok) return query.response;
  const { cursor, reset } = query.value;
  const after = cursor === undefined ? null : positionOf(cursor);
  if (cursor !== undefined && after === null) return badQuery(c, BAD_CURSOR).response;
  const rebuild = async (): Promise<{ rebuilt: number; next: string | null }> => {
    if (reset === "true") await directoryOf(c.env.ACCOUNT_DIRECTORY).clear();
    const page = await c.env.CONFIG.list({ prefix: ACCOUNT_MARK_PREFIX, limit: PAGE, cursor: after });
    const ids = page.keys.map(({ name }) => name.slice(ACCOUNT_MARK_PREFIX.length));
    await Promise.all(ids.map(async (id) => stubOf(c, id).republish()));
    return { rebuilt: ids.length, next: page.list_complete ? null : page.cursor };
  };
  return ask(c, "account directory", rebuild(), ({ rebuilt, next }) =>
    c.json({ rebuilt, cursor: next === null ? null : cursorOf(next) }),
  );
}
