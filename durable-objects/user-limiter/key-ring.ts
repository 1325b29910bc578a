/**
 * An account's API keys: the truth that KV's key records are projections of.
 *
 * Read into memory once and changed through here only, so a decision sees a change at once and costs no read. Each change
 * puts the key's KV record into the outbox, in the same transaction.
 */
import * as z from "zod/mini";
import { type KeyRecord, keyRecordKey, SCOPES } from "../../src/identity/key-store.ts";
import { parseJson } from "../../src/json.ts";
import type { NewKey } from "../../src/limiter/account.ts";
import type { Outbox } from "../outbox.ts";

/** Bounds an object's memory; a team that needs more in force at once wants several accounts. */
const MAX_KEYS = 100;

const keyRow = z.object({
  key_id: z.string(),
  hash: z.string(),
  name: z.string(),
  scopes: z.string(),
  created_ms: z.number(),
  expires_ms: z.nullable(z.number()),
  revoked_ms: z.nullable(z.number()),
  version: z.number(),
});
const scopesSchema = z.array(z.enum(SCOPES));

/** A key as the object keeps it. */
export interface StoredKey extends NewKey {
  readonly createdMs: number;
  readonly revokedMs: number | null;
  readonly version: number;
}

export class KeyRing {
  readonly #sql: SqlStorage;
  readonly #outbox: Outbox;
  readonly #keys = new Map<string, StoredKey>();

  /** @param hasTables whether there is a table. */
  constructor(sql: SqlStorage, outbox: Outbox, hasTables: boolean) {
    this.#sql = sql;
    this.#outbox = outbox;
    if (!hasTables) return;
    for (const row of sql.exec("SELECT * FROM keys ORDER BY created_ms, key_id")) {
      const key = toKey(keyRow.parse(row));
      this.#keys.set(key.keyId, key);
    }
  }

  /** In the order they were made, revoked and expired ones included until their place is needed. */
  get all(): readonly StoredKey[] {
    return [...this.#keys.values()];
  }

  get(keyId: string): StoredKey | null {
    return this.#keys.get(keyId) ?? null;
  }

  /** Whether a key may be used now: known here, not revoked, not expired. */
  isValid(keyId: string, nowMs: number): boolean {
    const key = this.#keys.get(keyId);
    return key !== undefined && key.revokedMs === null && (key.expiresMs === null || nowMs < key.expiresMs);
  }

  /** Whether another key has a place: one that is free, or that of a key which is out of use. */
  hasRoom(nowMs: number): boolean {
    return this.#keys.size < MAX_KEYS || this.#firstEnded(nowMs) !== null;
  }

  /** Where all places are taken, the key that went out of use first is forgotten. Call only where there {@link hasRoom}. */
  add(user: string, input: NewKey, nowMs: number): StoredKey {
    const ended = this.#keys.size < MAX_KEYS ? null : this.#firstEnded(nowMs);
    if (ended) this.#forget(ended, nowMs);
    return this.#put(user, { ...input, createdMs: nowMs, revokedMs: null, version: 1 }, nowMs);
  }

  /** Lets a key expire at `expiresMs`, if it would not do so earlier. */
  expire(user: string, key: StoredKey, expiresMs: number, nowMs: number): StoredKey {
    const earlier = Math.min(expiresMs, key.expiresMs ?? Infinity);
    return this.#put(user, { ...key, expiresMs: earlier, version: key.version + 1 }, nowMs);
  }

  /** Revokes a key. Revoking again changes nothing. */
  revoke(user: string, key: StoredKey, nowMs: number): StoredKey {
    if (key.revokedMs !== null) return key;
    return this.#put(user, { ...key, revokedMs: nowMs, version: key.version + 1 }, nowMs);
  }

  /** Tells KV of every key again: for a projection that was lost. */
  republish(user: string, nowMs: number): void {
    for (const key of this.all) this.#tell(user, key, nowMs);
  }

  #firstEnded(nowMs: number): StoredKey | null {
    const ended = this.all.filter(({ keyId }) => !this.isValid(keyId, nowMs));
    const [first = null] = ended.toSorted((a, b) => endedMs(a) - endedMs(b));
    return first;
  }

  /** A key that is forgotten is as good as a revoked one, and KV is told so. The audit trail still knows it. */
  #forget({ keyId, hash, version }: StoredKey, nowMs: number): void {
    this.#sql.exec("DELETE FROM keys WHERE key_id = ?", keyId);
    this.#outbox.put({ lane: "kv", name: keyRecordKey(hash), value: null, version: version + 1 }, nowMs);
    this.#keys.delete(keyId);
  }

  #put(user: string, key: StoredKey, nowMs: number): StoredKey {
    this.#sql.exec(
      `INSERT OR REPLACE INTO keys (key_id, hash, name, scopes, created_ms, expires_ms, revoked_ms, version)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      key.keyId,
      key.hash,
      key.name,
      JSON.stringify(key.scopes),
      key.createdMs,
      key.expiresMs,
      key.revokedMs,
      key.version,
    );
    this.#tell(user, key, nowMs);
    this.#keys.set(key.keyId, key);
    return key;
  }

  #tell(user: string, key: StoredKey, nowMs: number): void {
    const { keyId, scopes, expiresMs, version } = key;
    const record: KeyRecord = { keyId, user, scopes: [...scopes], expiresAt: expiresMs, version };
    const value = key.revokedMs === null ? JSON.stringify(record) : null;
    this.#outbox.put({ lane: "kv", name: keyRecordKey(key.hash), value, version }, nowMs);
  }
}

/** When a key went out of use, or will. */
function endedMs({ revokedMs, expiresMs }: StoredKey): number {
  return revokedMs ?? expiresMs ?? Infinity;
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
    version: row.version,
  };
}
