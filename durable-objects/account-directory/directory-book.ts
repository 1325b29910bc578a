/**
 * The list of all accounts, which users' objects publish to through their outboxes. AccountDirectory is the object that has it.
 *
 * Entries arrive at least once and in any order: each is an absolute value with a version, and an older one never replaces a newer one. A
 * deleted account leaves a mark with its version, so that a late entry does not restore it. Can be deleted and rebuilt
 * (src/api/accounts/directory.ts). Never on the request path.
 */
import * as z from "zod/mini";
import { parseJson } from "../../src/json.ts";
import { naturalKey } from "../../src/natural-order.ts";
import {
  type DirectoryEntry,
  directoryEntrySchema,
  type DirectoryFilter,
  type DirectoryPage,
  type FoundUsers,
  MAX_COUNTED_USERS,
  type PolicyUse,
  type PolicyUses,
  policyUseSchema,
  type UserFilter,
  type UserPage,
  type UserPosition,
  type Users,
} from "../../src/objects/account-directory.ts";
import { addNaturalOrder, findUsers, listUsers } from "./users.ts";
import { migrate, type Migration, schemaVersion } from "../migrations.ts";

/** The end of a use that does not end by itself. */
const NO_END_MS = Number.MAX_SAFE_INTEGER;
/** Distinct uses in a list. 64 tiers of 8 limits, each with a few shapes of overrides, have fewer. */
const MAX_USES = 5_000;
const EXAMPLES = 5;

export const MIGRATIONS: readonly Migration[] = [
  `
  CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    -- Id and name in lower case, to be searched.
    search TEXT NOT NULL,
    tier TEXT NOT NULL,
    status TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    version INTEGER NOT NULL,
    deleted INTEGER NOT NULL
  ) WITHOUT ROWID;
  `,
  `
  -- What the account uses of the policy, as JSON: keys of \`uses\`. Null: an older Worker told of it, and only its tier is known.
  ALTER TABLE accounts ADD COLUMN uses TEXT;
  CREATE INDEX accounts_of_unknown_uses ON accounts (id) WHERE uses IS NULL AND deleted = 0;
  -- Who uses what: a use is JSON of [tier, limit or null, an override's shape or null].
  CREATE TABLE uses (
    use TEXT NOT NULL,
    id TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (use, id)
  ) WITHOUT ROWID;
  INSERT INTO uses SELECT json_array(tier, NULL, NULL), id, ${NO_END_MS} FROM accounts WHERE deleted = 0;
  `,
  addNaturalOrder,
];

export class DirectoryBook {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /**
   * Stores an account's newest value; null if it was deleted. The same version is stored again if it includes uses and the stored value
   * does not, so that a rebuild fills in what an older Worker left out.
   */
  put(id: string, entry: DirectoryEntry | null, version: number): void {
    migrate(this.#storage, MIGRATIONS);
    const { sql } = this.#storage;
    const known = sql.exec("SELECT tier, version, deleted, uses FROM accounts WHERE id = ?", id).toArray()[0];
    const old = known && knownSchema.parse(known);
    const isFuller = old?.uses === null && old.deleted === 0 && entry?.uses !== undefined;
    if (old && (version < old.version || (version === old.version && !isFuller))) return;
    if (old) for (const use of usesOf(old)) sql.exec("DELETE FROM uses WHERE use = ? AND id = ?", use, id);
    const { name = "", tier = "", status = "", createdMs = 0, updatedMs = 0 } = entry ?? {};
    const deleted = entry === null || entry.deleted === true;
    const uses = new Map<string, number>(deleted ? [] : [[useKey(tier, null, null), NO_END_MS]]);
    for (const { limit, shape, untilMs } of deleted ? [] : (entry.uses ?? [])) {
      const use = useKey(tier, limit, shape);
      uses.set(use, Math.max(untilMs ?? NO_END_MS, uses.get(use) ?? 0));
    }
    for (const [use, untilMs] of uses) sql.exec("INSERT INTO uses VALUES (?, ?, ?)", use, id, untilMs);
    sql.exec(
      `INSERT OR REPLACE INTO accounts
         (id, name, search, tier, status, created_ms, updated_ms, version, deleted, uses, natural_key)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      name,
      `${id}\n${name}`.toLowerCase(),
      tier,
      status,
      createdMs,
      updatedMs,
      version,
      deleted ? 1 : 0,
      deleted || entry.uses ? JSON.stringify([...uses.keys()]) : null,
      naturalKey(id),
    );
  }

  /** The parts of the policy that accounts use, each once. Reads one row per use, however many accounts share it. */
  uses(): PolicyUses {
    if (schemaVersion(this.#storage) === 0) return { uses: [], isComplete: true };
    migrate(this.#storage, MIGRATIONS);
    const { sql } = this.#storage;
    const found = sql
      .exec<{ use: string }>(
        `WITH RECURSIVE found (use) AS (
           SELECT min(use) FROM uses
           UNION ALL
           SELECT (SELECT min(use) FROM uses WHERE use > found.use) FROM found WHERE found.use IS NOT NULL
         )
         SELECT use FROM found WHERE use IS NOT NULL LIMIT ?`,
        MAX_USES + 1,
      )
      .toArray();
    const unknown = sql.exec("SELECT 1 FROM accounts WHERE uses IS NULL AND deleted = 0 LIMIT 1").toArray();
    return {
      uses: found.slice(0, MAX_USES).map(({ use }) => useOf(use)),
      isComplete: found.length <= MAX_USES && unknown.length === 0,
    };
  }

  /** The accounts of the first `most` of these uses that still have any: grants may have ended. */
  usersOf(uses: readonly PolicyUse[], nowMs: number, most: number): Users[] {
    if (schemaVersion(this.#storage) === 0) return [];
    migrate(this.#storage, MIGRATIONS);
    const { sql } = this.#storage;
    const found: Users[] = [];
    for (const use of uses) {
      if (found.length >= most) break;
      const given = [useKey(use.tier, use.limit, use.shape), nowMs] as const;
      const which = "FROM uses WHERE use = ? AND until_ms > ?";
      const counted = `SELECT count(*) AS count FROM (SELECT 1 ${which} LIMIT ${MAX_COUNTED_USERS})`;
      const { count } = sql.exec<{ count: number }>(counted, ...given).one();
      if (count === 0) continue;
      const first = `SELECT id ${which} ORDER BY id LIMIT ${EXAMPLES}`;
      const examples = sql.exec<{ id: string }>(first, ...given).toArray();
      found.push({ use, count, examples: examples.map(({ id }) => id) });
    }
    return found;
  }

  /**
   * Accounts after the id `after` in the order of ids; at most `count`.
   * @throws if a newer Worker wrote the list: {@link clear} it, then rebuild it.
   */
  list(filter: DirectoryFilter, after: string, count: number): DirectoryPage {
    if (schemaVersion(this.#storage) === 0) return { entries: [], next: null };
    migrate(this.#storage, MIGRATIONS);
    const rows = this.#storage.sql
      .exec(
        `SELECT id, name, tier, status, created_ms AS createdMs, updated_ms AS updatedMs, version FROM accounts
         WHERE deleted = ?6 AND status <> '' AND id > ?1 AND (?2 IS NULL OR tier = ?2) AND (?3 IS NULL OR status = ?3)
           AND (?4 IS NULL OR instr(search, ?4) > 0)
         ORDER BY id LIMIT ?5`,
        after,
        filter.tier,
        filter.status,
        // Not LIKE: here its patterns are limited to 50 bytes, and it ignores case only in ASCII.
        filter.text?.toLowerCase() ?? null,
        count + 1,
        filter.deleted ? 1 : 0,
      )
      .toArray()
      .map((row) => directoryEntrySchema.parse(row));
    const entries = rows.slice(0, count);
    return { entries, next: rows.length > count ? (entries.at(-1)?.id ?? null) : null };
  }

  known(after: string, count: number): string[] {
    if (schemaVersion(this.#storage) === 0) return [];
    migrate(this.#storage, MIGRATIONS);
    return this.#storage.sql
      .exec<{ id: string }>("SELECT id FROM accounts WHERE id > ? ORDER BY id LIMIT ?", after, count)
      .toArray()
      .map(({ id }) => id);
  }

  users(filter: UserFilter, after: UserPosition | null, count: number): UserPage {
    if (schemaVersion(this.#storage) === 0) return { users: [] };
    migrate(this.#storage, MIGRATIONS);
    return { users: listUsers(this.#storage.sql, filter, after, count) };
  }

  find(ids: readonly string[], filter: UserFilter): FoundUsers {
    if (schemaVersion(this.#storage) === 0) return { passing: [], others: [] };
    migrate(this.#storage, MIGRATIONS);
    return findUsers(this.#storage.sql, ids, filter);
  }

  async clear(): Promise<void> {
    await this.#storage.deleteAll();
  }
}

const knownSchema = z.object({
  tier: z.string(),
  version: z.int(),
  deleted: z.int(),
  uses: z.nullable(z.string()),
});

/** The keys of an account's uses. */
function usesOf({ tier, deleted, uses }: z.infer<typeof knownSchema>): string[] {
  if (uses === null) return deleted === 1 ? [] : [useKey(tier, null, null)];
  return z.array(z.string()).parse(parseJson(uses));
}

function useKey(tier: string, limit: string | null, shape: PolicyUse["shape"]): string {
  return JSON.stringify([tier, limit, shape]);
}

function useOf(key: string): PolicyUse {
  const [tier, limit, shape] = useSchema.parse(parseJson(key));
  return { tier, limit, shape };
}

const { tier, limit, shape } = policyUseSchema.shape;
const useSchema = z.tuple([tier, limit, shape]);
