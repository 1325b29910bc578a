/**
 * An account's API keys. The key records in KV are projections of them.
 *
 * Read into memory once and changed only here, so a decision sees a change at once and costs no read. Each change queues the key's KV
 * record in the outbox, in the same transaction.
 */
import * as z from "zod/mini";
import { DAY_MS } from "../../src/core/time.ts";
import { KEY_SCOPES } from "../../src/identity/key-scope.ts";
import { type KeyRecord, keyRecordKey } from "../../src/identity/key-store.ts";
import { parseJson } from "../../src/json.ts";
import type { NewKey } from "../../src/objects/account.ts";
import type { AccountEvents } from "../events/account-events.ts";
import type { Outbox } from "../outbox.ts";

/** Bounds an object's memory. A team that needs more valid keys at once should use several accounts. */
const MAX_KEYS = 100;

/** How long a deleted key's lineage is kept: longer than any quota's period, in which its usage still counts. */
const LINEAGE_MS = 32 * DAY_MS;

const keyRow = z.object({
  key_id: z.string(),
  hash: z.string(),
  name: z.string(),
  scopes: z.string(),
  created_ms: z.number(),
  expires_ms: z.nullable(z.number()),
  revoked_ms: z.nullable(z.number()),
  version: z.number(),
  grace_ends_ms: z.nullable(z.number()),
});
const lineageRow = z.object({ key_id: z.string(), origin_id: z.string() });
const scopesSchema = z.array(z.enum(KEY_SCOPES));

/** A key as the object keeps it. */
export interface StoredKey extends NewKey {
  readonly createdMs: number;
  readonly revokedMs: number | null;
  /** When a rotated key stops; null if it was not rotated. */
  readonly graceEndsMs: number | null;
  readonly version: number;
}

export class KeyRing {
  readonly #sql: SqlStorage;
  readonly #outbox: Outbox;
  readonly #events: () => AccountEvents | null;
  readonly #keys = new Map<string, StoredKey>();
  /** The first key of the lineage, by the id of each successor, including deleted ones. */
  readonly #origins = new Map<string, string>();

  /** @param hasTables whether there is a table. */
  constructor(
    sql: SqlStorage,
    outbox: Outbox,
    hasTables: boolean,
    events: () => AccountEvents | null = () => null,
  ) {
    this.#sql = sql;
    this.#outbox = outbox;
    this.#events = events;
    if (!hasTables) return;
    for (const row of sql.exec("SELECT * FROM keys ORDER BY created_ms, key_id")) {
      const key = toKey(keyRow.parse(row));
      this.#keys.set(key.keyId, key);
    }
    for (const row of sql.exec("SELECT key_id, origin_id FROM lineage")) {
      const { key_id: keyId, origin_id: originId } = lineageRow.parse(row);
      this.#origins.set(keyId, originId);
    }
  }

  /** In order of creation. Revoked and expired keys are included until their place is needed. */
  get all(): readonly StoredKey[] {
    return [...this.#keys.values()];
  }

  get(keyId: string): StoredKey | null {
    return this.#keys.get(keyId) ?? null;
  }

  /** The key of this SHA-256, also if it has ended; null if the account has none, or has forgotten it. */
  byHash(hash: string): StoredKey | null {
    for (const key of this.#keys.values()) if (key.hash === hash) return key;
    return null;
  }

  /** Whether a key may be used now: it exists, and is neither revoked nor expired. */
  isValid(keyId: string, nowMs: number): boolean {
    const key = this.#keys.get(keyId);
    return key !== undefined && key.revokedMs === null && nowMs < (stopsMs(key) ?? Infinity);
  }

  /** When a key stops unless it is revoked; Infinity: never, or there is no such key. */
  stopsAtMs(keyId: string): number {
    const key = this.#keys.get(keyId);
    return (key && stopsMs(key)) ?? Infinity;
  }

  /** The key whose counters a key uses: the first of its lineage, or the key itself. */
  originOf(keyId: string): string {
    return this.#origins.get(keyId) ?? keyId;
  }

  /** All keys that use the counters of this first one, including deleted ones. */
  lineageOf(originId: string): readonly string[] {
    const keyIds = [originId];
    for (const [keyId, origin] of this.#origins) if (origin === originId) keyIds.push(keyId);
    return keyIds;
  }

  /** Whether a key that uses the counters of this first one still exists. */
  hasHeir(originId: string): boolean {
    return this.lineageOf(originId).some((keyId) => this.#keys.has(keyId));
  }

  /** Whether there is room for another key: a free place, or that of a revoked or expired key. */
  hasRoom(nowMs: number): boolean {
    return this.#keys.size < MAX_KEYS || this.#firstEnded(nowMs) !== null;
  }

  /** Whether there is room for so many more keys: in free places, and in those of revoked and expired keys. */
  hasRoomFor(count: number, nowMs: number): boolean {
    return this.all.filter(({ keyId }) => this.isValid(keyId, nowMs)).length + count <= MAX_KEYS;
  }

  /**
   * Adds a key. If all places are taken, deletes the key that ended first. Call only if it {@link hasRoom}.
   * @param replaces the key whose successor it is; null: none.
   */
  add(user: string, input: NewKey, nowMs: number, replaces: string | null = null): StoredKey {
    const ended = this.#keys.size < MAX_KEYS ? null : this.#firstEnded(nowMs);
    if (ended) this.#delete(ended, nowMs);
    const key = { ...input, createdMs: nowMs, revokedMs: null, graceEndsMs: null, version: 1 };
    return this.#put(user, key, nowMs, replaces);
  }

  /**
   * Replaces a key, which stops at `graceEndsMs`, or earlier if it would stop then anyway. The successor has the name, scopes, expiry and
   * counters of the old key, however often that was rotated before. Without a grace period, the old key's place is free at once.
   */
  rotate(
    user: string,
    old: StoredKey,
    { keyId, hash }: Pick<NewKey, "keyId" | "hash">,
    graceEndsMs: number,
    nowMs: number,
  ): { readonly old: StoredKey; readonly added: StoredKey } {
    const { name, scopes, expiresMs, version } = old;
    const endsMs = Math.min(graceEndsMs, old.graceEndsMs ?? Infinity);
    const originId = this.originOf(old.keyId);
    const ending = this.#put(user, { ...old, graceEndsMs: endsMs, version: version + 1 }, nowMs);
    this.#sql.exec("DELETE FROM lineage WHERE forgotten_ms < ?", nowMs - LINEAGE_MS);
    this.#sql.exec("INSERT INTO lineage (key_id, origin_id) VALUES (?, ?)", keyId, originId);
    this.#origins.set(keyId, originId);
    const added = this.add(user, { keyId, hash, name, scopes, expiresMs }, nowMs, old.keyId);
    return { old: ending, added };
  }

  /** Revokes a key. Revoking again changes nothing. */
  revoke(user: string, key: StoredKey, nowMs: number): StoredKey {
    if (key.revokedMs !== null) return key;
    return this.#put(user, { ...key, revokedMs: nowMs, version: key.version + 1 }, nowMs);
  }

  /** Erases the names of all keys. No projection has them. */
  eraseNames(): void {
    this.#sql.exec("UPDATE keys SET name = ''");
    for (const key of this.all) this.#keys.set(key.keyId, { ...key, name: "" });
  }

  /** Publishes every key again, for a projection that was lost. */
  republish(user: string, nowMs: number): void {
    for (const key of this.all) this.#publish(user, key, nowMs);
  }

  #firstEnded(nowMs: number): StoredKey | null {
    const ended = this.all.filter(({ keyId }) => !this.isValid(keyId, nowMs));
    const [first = null] = ended.toSorted((a, b) => endedMs(a) - endedMs(b));
    return first;
  }

  /** Deletes a key: to KV, that is the same as revoking it. The audit trail keeps it. */
  #delete({ keyId, hash, version }: StoredKey, nowMs: number): void {
    this.#sql.exec("DELETE FROM keys WHERE key_id = ?", keyId);
    this.#sql.exec("UPDATE lineage SET forgotten_ms = ? WHERE key_id = ?", nowMs, keyId);
    this.#outbox.put({ lane: "kv", name: keyRecordKey(hash), value: null, version: version + 1 }, nowMs);
    this.#keys.delete(keyId);
  }

  #put(user: string, key: StoredKey, nowMs: number, replaces: string | null = null): StoredKey {
    this.#sql.exec(
      `INSERT OR REPLACE INTO keys (key_id, hash, name, scopes, created_ms, expires_ms, revoked_ms, version, grace_ends_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      key.keyId,
      key.hash,
      key.name,
      JSON.stringify(key.scopes),
      key.createdMs,
      key.expiresMs,
      key.revokedMs,
      key.version,
      key.graceEndsMs,
    );
    this.#publish(user, key, nowMs);
    this.#events()?.keyPut(this.get(key.keyId), key, replaces, nowMs);
    this.#keys.set(key.keyId, key);
    return key;
  }

  #publish(user: string, key: StoredKey, nowMs: number): void {
    const { keyId, scopes, version } = key;
    const record: KeyRecord = { keyId, user, scopes: [...scopes], expiresAt: stopsMs(key), version };
    const value = key.revokedMs === null ? JSON.stringify(record) : null;
    this.#outbox.put({ lane: "kv", name: keyRecordKey(key.hash), value, version }, nowMs);
  }
}

/** When a key stops unless it is revoked: when it expires or its grace period ends; null if it has neither. */
export function stopsMs({ expiresMs, graceEndsMs }: StoredKey): number | null {
  if (expiresMs === null || graceEndsMs === null) return expiresMs ?? graceEndsMs;
  return Math.min(expiresMs, graceEndsMs);
}

/** When a key ended, or will end. */
function endedMs(key: StoredKey): number {
  return key.revokedMs ?? stopsMs(key) ?? Infinity;
}

function toKey(row: z.infer<typeof keyRow>): StoredKey {
  return {
    keyId: row.key_id,
    hash: row.hash,
    name: row.name,
    scopes: scopesSchema.parse(parseJson(row.scopes)),
    createdMs: row.created_ms,
    expiresMs: row.expires_ms,
    revokedMs: row.revoked_ms,
    graceEndsMs: row.grace_ends_ms,
    version: row.version,
  };
}
