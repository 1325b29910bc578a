/** The directory's users in natural order, found by filters: SQL over the table `accounts`, which account-directory.ts fills. */
import * as z from "zod/mini";
import { naturalKey } from "../../src/natural-order.ts";
import {
  directoryEntrySchema,
  type FoundUsers,
  type UserFilter,
  type UserPage,
  type UserPosition,
} from "../../src/objects/account-directory.ts";

/** Rows that a migration changes in one statement's result. */
const MIGRATED_ROWS = 1_000;

const rowSchema = z.extend(directoryEntrySchema, {
  deleted: z.pipe(
    z.number(),
    z.transform((deleted: number) => deleted === 1),
  ),
  rank: z.int(),
  passes: z.int(),
});

const COLUMNS = "id, name, tier, status, created_ms AS createdMs, updated_ms AS updatedMs, version, deleted";

/** The filter's parameters are ?1 to ?4. `instr` instead of LIKE: its patterns are limited to 50 bytes here. */
const PASSES = `(?1 IS NULL OR (tier = ?1 AND deleted = 0)) AND (?2 IS NULL OR status = ?2)
  AND (?3 IS NULL OR instr(search, ?3) > 0) AND (?4 IS NULL OR deleted = ?4)`;

/** `search` is the id, a line break and the name, all in lower case. */
const MATCH_RANK = `CASE WHEN lower(id) = ?3 THEN 0 WHEN substr(search, 1, length(?3)) = ?3 THEN 1
  WHEN instr(search, char(10) || ?3) > 0 THEN 2 ELSE 3 END`;

/** What listing needs of SqlStorage. */
interface Sql {
  exec(query: string, ...bindings: SqlStorageValue[]): Iterable<Record<string, SqlStorageValue>>;
}

/** Adds the column by which users are in natural order, and its index. Marks of deleted accounts that are not listed stay out of it. */
export function addNaturalOrder({ sql }: DurableObjectStorage): void {
  sql.exec("ALTER TABLE accounts ADD COLUMN natural_key TEXT NOT NULL DEFAULT ''");
  for (let after = ""; ;) {
    const page = sql
      .exec<{ id: string }>("SELECT id FROM accounts WHERE id > ? ORDER BY id LIMIT ?", after, MIGRATED_ROWS)
      .toArray();
    for (const { id } of page)
      sql.exec("UPDATE accounts SET natural_key = ? WHERE id = ?", naturalKey(id), id);
    const last = page.at(-1);
    if (!last) break;
    after = last.id;
  }
  sql.exec("CREATE INDEX accounts_in_natural_order ON accounts (natural_key, id) WHERE status <> ''");
}

/** The first `count` users after a position that pass the filter. */
export function listUsers(
  sql: Sql,
  filter: UserFilter,
  after: UserPosition | null,
  count: number,
): UserPage["users"] {
  const isRanked = filter.order === "match" && filter.text !== null;
  const { rank, id } = after ?? { rank: -1, id: "" };
  const [rankSql, later] = isRanked
    ? [MATCH_RANK, `(${MATCH_RANK}, natural_key, id) > (?8, ?5, ?6)`]
    : ["0", "(natural_key, id) > (?5, ?6)"];
  const rows = sql.exec(
    `SELECT ${COLUMNS}, ${rankSql} AS rank, 1 AS passes FROM accounts
     WHERE status <> '' AND ${PASSES} AND ${later}
     ORDER BY ${isRanked ? "rank, " : ""}natural_key, id LIMIT ?7`,
    ...parametersOf(filter),
    naturalKey(id),
    id,
    count,
    ...(isRanked ? [rank] : []),
  );
  return [...rows].map((row) => {
    const { rank: place, passes: _passes, ...entry } = rowSchema.parse(row);
    return { entry, rank: place };
  });
}

/** Which of the ids are listed, and which of those pass the filter. */
export function findUsers(sql: Sql, ids: readonly string[], filter: UserFilter): FoundUsers {
  const rows = sql.exec(
    `SELECT ${COLUMNS}, 0 AS rank, ${PASSES} AS passes FROM accounts
     WHERE status <> '' AND id IN (SELECT value FROM json_each(?5))`,
    ...parametersOf(filter),
    JSON.stringify(ids),
  );
  const found = [...rows].map((row) => rowSchema.parse(row));
  return {
    passing: found
      .filter(({ passes }) => passes === 1)
      .map(({ rank: _rank, passes: _passes, ...entry }) => entry),
    others: found.filter(({ passes }) => passes === 0).map(({ id }) => id),
  };
}

function parametersOf({ tier, status, text, hasAccount }: UserFilter): (string | number | null)[] {
  const deleted = hasAccount === null ? null : Number(!hasAccount);
  return [tier, status, text?.toLowerCase() ?? null, deleted];
}
