/**
 * AccountDirectory: the fleet's list of accounts, fed by the users' objects through their outboxes.
 *
 * At least once and in any order: each entry is an absolute value with a version, and an older one never replaces a newer. A
 * deleted account leaves a mark with its version, so that a late entry does not bring it back. Can be deleted and rebuilt
 * (src/api/admin/rebuild.ts); never on the request path.
 */
import { DurableObject } from "cloudflare:workers";
import type { DirectoryEntry, DirectoryFilter, DirectoryPage } from "../src/limiter/directory.ts";
import { directoryEntrySchema } from "../src/limiter/directory.ts";
import { migrate, schemaVersion } from "./migrations.ts";
import { countedStorage, tellMetrics } from "./object-metrics.ts";

const MIGRATIONS: readonly string[] = [
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
];

export class AccountDirectory extends DurableObject<Env> {
  readonly #storage = countedStorage(this.ctx.storage, "AccountDirectory");

  /** Takes an account's newest value, null where it was deleted. */
  put(id: string, entry: DirectoryEntry | null, version: number): void {
    migrate(this.#storage, MIGRATIONS);
    const { name = "", tier = "", status = "", createdMs = 0, updatedMs = 0 } = entry ?? {};
    this.#storage.sql.exec(
      `INSERT INTO accounts (id, name, search, tier, status, created_ms, updated_ms, version, deleted)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, search = excluded.search, tier = excluded.tier,
         status = excluded.status, created_ms = excluded.created_ms, updated_ms = excluded.updated_ms,
         version = excluded.version, deleted = excluded.deleted
       WHERE excluded.version > accounts.version`,
      id,
      name,
      `${id}\n${name}`.toLowerCase(),
      tier,
      status,
      createdMs,
      updatedMs,
      version,
      entry === null ? 1 : 0,
    );
    tellMetrics(this.ctx, this.env);
  }

  /** Accounts after `after` in the order of their ids; at most `count`. */
  list(filter: DirectoryFilter, after: string, count: number): DirectoryPage {
    if (schemaVersion(this.#storage) === 0) return { entries: [], next: null };
    const rows = this.#storage.sql
      .exec(
        `SELECT id, name, tier, status, created_ms AS createdMs, updated_ms AS updatedMs, version FROM accounts
         WHERE deleted = 0 AND id > ?1 AND (?2 IS NULL OR tier = ?2) AND (?3 IS NULL OR status = ?3)
           AND (?4 IS NULL OR instr(search, ?4) > 0)
         ORDER BY id LIMIT ?5`,
        after,
        filter.tier,
        filter.status,
        // Not LIKE: its patterns may have no more than 50 bytes here, and know no case beyond ASCII.
        filter.text?.toLowerCase() ?? null,
        count + 1,
      )
      .toArray()
      .map((row) => directoryEntrySchema.parse(row));
    const entries = rows.slice(0, count);
    return { entries, next: rows.length > count ? (entries.at(-1)?.id ?? null) : null };
  }

  /** Forgets everything, to be rebuilt. */
  async clear(): Promise<void> {
    await this.#storage.deleteAll();
  }
}
