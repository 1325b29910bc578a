/**
 * A user's account and API keys: the truth that KV's key records are projections of.
 *
 * Read into memory once and changed through here only, so a decision sees a change at once and costs no read. Each change
 * of a key puts its record into the outbox in the same transaction.
 */
import * as z from "zod/mini";
import { type KeyRecord, keyRecordKey, SCOPES, type Scope } from "../../src/identity/key-store.ts";
import { parseJson } from "../../src/json.ts";
import type {
  Account,
  AccountChange,
  AccountStatus,
  ApiKey,
  NewAccount,
  NewKey,
} from "../../src/limiter/account.ts";
import type { Outbox } from "./outbox.ts";

/** Bounds an object's memory and its state; a team that needs more wants several accounts. */
export const MAX_KEYS = 100;

const accountRow = z.object({
  user: z.string(),
  name: z.string(),
  tier: z.string(),
  status: z.enum(["active", "blocked"] satisfies AccountStatus[]),
  created_ms: z.number(),
  updated_ms: z.number(),
});

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

interface StoredKey extends ApiKey {
  readonly hash: string;
  readonly version: number;
}

export class AccountStore {
  readonly #sql: SqlStorage;
  readonly #outbox: Outbox;
  readonly #keys = new Map<string, StoredKey>();
  #account: Account | null = null;

  /** @param hasTables whether the object was ever written. */
  constructor(sql: SqlStorage, outbox: Outbox, hasTables: boolean) {
    this.#sql = sql;
    this.#outbox = outbox;
    if (!hasTables) return;
    for (const row of sql.exec("SELECT * FROM account")) this.#account = toAccount(accountRow.parse(row));
    for (const row of sql.exec("SELECT * FROM keys ORDER BY created_ms, key_id")) {
      const key = toKey(keyRow.parse(row));
      this.#keys.set(key.keyId, key);
    }
  }

  get account(): Account | null {
    return this.#account;
  }

  /** Whether a key may be used now: known here, not revoked, not expired. */
  isValidKey(keyId: string, nowMs: number): boolean {
    const key = this.#keys.get(keyId);
    return key !== undefined && key.revokedMs === null && (key.expiresMs === null || nowMs < key.expiresMs);
  }

  /** Keys in the order they were made, revoked ones included. */
  keys(): ApiKey[] {
    return [...this.#keys.values()].map(publicKey);
  }

  create(user: string, input: NewAccount, nowMs: number): Account {
    const account = {
      user,
      name: input.name,
      tier: input.tier,
      status: "active",
      createdMs: nowMs,
      updatedMs: nowMs,
    } as const;
    this.#put(account);
    return account;
  }

  /** The account after the change, or null where there is none. */
  change(change: AccountChange, nowMs: number): Account | null {
    if (!this.#account) return null;
    const changed = { ...this.#account, ...change, updatedMs: nowMs };
    this.#put(changed);
    return changed;
  }

  addKey(user: string, input: NewKey, nowMs: number): ApiKey {
    const key: StoredKey = {
      keyId: input.keyId,
      hash: input.hash,
      name: input.name,
      scopes: input.scopes,
      createdMs: nowMs,
      expiresMs: input.expiresMs,
      revokedMs: null,
      version: 1,
    };
    this.#putKey(user, key, nowMs);
    return publicKey(key);
  }

  /** The revoked key, or null where it is unknown. Revoking again changes nothing. */
  revokeKey(user: string, keyId: string, nowMs: number): ApiKey | null {
    const key = this.#keys.get(keyId);
    if (!key) return null;
    if (key.revokedMs !== null) return publicKey(key);
    const revoked = { ...key, revokedMs: nowMs, version: key.version + 1 };
    this.#putKey(user, revoked, nowMs);
    return publicKey(revoked);
  }

  #put(account: Account): void {
    const { user, name, tier, status, createdMs, updatedMs } = account;
    this.#sql.exec(
      "INSERT OR REPLACE INTO account (id, user, name, tier, status, created_ms, updated_ms) VALUES (1, ?, ?, ?, ?, ?, ?)",
      user,
      name,
      tier,
      status,
      createdMs,
      updatedMs,
    );
    this.#account = account;
  }

  #putKey(user: string, key: StoredKey, nowMs: number): void {
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
    const record: KeyRecord = {
      keyId: key.keyId,
      user,
      scopes: [...key.scopes],
      expiresAt: key.expiresMs,
      version: key.version,
    };
    const value = key.revokedMs === null ? JSON.stringify(record) : null;
    this.#outbox.put(keyRecordKey(key.hash), value, key.version, nowMs);
    this.#keys.set(key.keyId, key);
  }
}

function toAccount(row: z.infer<typeof accountRow>): Account {
  const { user, name, tier, status, created_ms: createdMs, updated_ms: updatedMs } = row;
  return { user, name, tier, status, createdMs, updatedMs };
}

function toKey(row: z.infer<typeof keyRow>): StoredKey {
  const scopes: Scope[] = scopesSchema.parse(parseJson(row.scopes));
  return {
    keyId: row.key_id,
    hash: row.hash,
    name: row.name,
    scopes,
    createdMs: row.created_ms,
    expiresMs: row.expires_ms,
    revokedMs: row.revoked_ms,
    version: row.version,
  };
}

/** Without the hash: nothing outside the object needs it. */
function publicKey({ hash: _hash, version: _version, ...key }: StoredKey): ApiKey {
  return key;
}
