/**
 * The control plane's side of a user's object: account, keys, grants, audit, usage. src/objects/user-limiter.ts documents the methods.
 *
 * Every change is one transaction of the change itself, its audit entry and its outbox entries. It takes effect with the object's next
 * turn.
 */
import { DurableObject } from "cloudflare:workers";
import type {
  Account,
  AccountAnswer,
  AccountChange,
  AccountView,
  ApiKey,
  AuditEntry,
  DeletedAnswer,
  GrantAnswer,
  Inherited,
  KeyAnswer,
  KeyStanding,
  NewAccount,
  NewAccountAnswer,
  NewKey,
  RevokedGrantAnswer,
  Rotation,
  UsageQuery,
  UsageRow,
} from "../../src/objects/account.ts";
import type { Change } from "../../src/objects/change.ts";
import type { AccountRpc } from "../../src/objects/user-limiter.ts";
import type { Grant } from "../../src/policy/adjust.ts";
import { countedStorage } from "../object-metrics.ts";
import { MAX_GRANTS } from "./account-store.ts";
import { type StoredKey, stopsMs } from "./key-ring.ts";
import type { Memory } from "./memory.ts";
import { usageRows } from "./usage-report.ts";
import { UserStore } from "./user-store.ts";

const NOBODY: Change = { actor: "", reason: "" };

export abstract class AccountObject extends DurableObject<Env> implements AccountRpc {
  protected readonly store: UserStore;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.store = new UserStore(countedStorage(ctx.storage, "UserLimiter"), env);
  }

  keyStanding(keyId: string): KeyStanding {
    const { accounts, keys } = this.store.memory;
    if (accounts.status === "blocked") return "blocked";
    return keys.isValid(keyId, Date.now()) ? "good" : "revoked";
  }

  account(): AccountAnswer {
    return accountAnswer(this.store.memory);
  }

  /** Keeps earlier state of the user, including a block, and reports it in the answer. */
  async createAccount(user: string, input: NewAccount, by: Change = NOBODY): Promise<NewAccountAnswer> {
    if (this.store.memory.accounts.account) return { kind: "exists" };
    const inherited = this.#isKnown() ? inheritedFrom(this.store.memory) : null;
    this.#commit((memory, nowMs) => {
      const account = memory.accounts.create(user, input, nowMs);
      memory.audit.note("account.create", by, null, settings(account), nowMs);
    });
    await this.store.publish();
    const { memory } = this.store;
    const { account } = memory.accounts;
    if (!account) throw new Error("the new account is missing from memory");
    return { kind: "account", inherited, ...accountView(account, memory) };
  }

  async changeAccount(change: AccountChange, by: Change = NOBODY): Promise<AccountAnswer> {
    const { account } = this.store.memory.accounts;
    if (!account) return { kind: "absent" };
    this.#commit((memory, nowMs) => {
      const changed = memory.accounts.change(account, change, nowMs);
      memory.audit.note("account.change", by, settings(account), settings(changed), nowMs);
    });
    await this.store.publish();
    return accountAnswer(this.store.memory);
  }

  /**
   * Deletes the account: its keys stop at once. Its ledger and audit trail stay, and so does a block, for every credential of the user.
   * @param lift lift the block, even of an account that is deleted already.
   */
  async deleteAccount(by: Change = NOBODY, lift = false): Promise<DeletedAnswer> {
    const { accounts, keys } = this.store.memory;
    const { account, status } = accounts;
    const keyIds = keys.all.map(({ keyId }) => keyId);
    if (!account && !(lift && status === "blocked")) return { kind: "absent" };
    this.#commit((memory, nowMs) => {
      if (account) {
        for (const key of memory.keys.all) memory.keys.revoke(account.user, key, nowMs);
        memory.accounts.delete(account, lift, nowMs);
        memory.audit.note("account.delete", by, settings(account), null, nowMs);
      } else {
        memory.accounts.lift(nowMs);
      }
      if (lift && status === "blocked") {
        memory.audit.note("account.unblock", by, { status }, { status: "active" }, nowMs);
      }
    });
    await this.store.publish();
    return { kind: "deleted", keyIds };
  }

  async grant(grant: Grant, by: Change = NOBODY): Promise<GrantAnswer> {
    const { accounts } = this.store.memory;
    if (!accounts.account) return { kind: "no-account" };
    if (accounts.grants(Date.now()).length >= MAX_GRANTS) return { kind: "too-many" };
    this.#commit((memory, nowMs) => {
      memory.accounts.grant(grant, nowMs);
      memory.audit.note("account.grant", by, null, grantSettings(grant), nowMs);
    });
    await this.store.publish();
    return { kind: "grant", grant };
  }

  async revokeGrant(grantId: string, by: Change = NOBODY): Promise<RevokedGrantAnswer> {
    const { accounts } = this.store.memory;
    if (!accounts.account) return { kind: "no-account" };
    const grant = accounts.grants(Date.now()).find((one) => one.grantId === grantId);
    if (!grant) return { kind: "no-grant" };
    this.#commit((memory, nowMs) => {
      memory.accounts.revokeGrant(grantId, nowMs);
      memory.audit.note("grant.revoke", by, grantSettings(grant), null, nowMs);
    });
    await this.store.publish();
    return { kind: "revoked", grant };
  }

  reset(names: readonly string[] | null, by: Change = NOBODY): AccountAnswer {
    if (!this.store.memory.accounts.account) return { kind: "absent" };
    this.#commit((memory, nowMs) => {
      memory.reset(names, nowMs);
      memory.writeState(nowMs);
      memory.audit.note("account.reset", by, null, { limits: names ?? "all" }, nowMs);
    });
    return accountAnswer(this.store.memory);
  }

  async addKey(input: NewKey, by: Change = NOBODY): Promise<KeyAnswer> {
    const { accounts, keys } = this.store.memory;
    const { account } = accounts;
    if (!account) return { kind: "no-account" };
    if (!keys.hasRoom(Date.now())) return { kind: "too-many" };
    const key = this.#commit((memory, nowMs) => {
      const added = memory.keys.add(account.user, input, nowMs);
      memory.audit.note("key.create", by, null, keySettings(added), nowMs);
      return added;
    });
    return this.#keyAnswer(key);
  }

  /**
   * Replaces a key with a new one; the old key still works for the grace period. A rotated key may be rotated again during its grace
   * period, which can only shorten that.
   */
  async rotateKey({ oldKeyId, keyId, hash, graceMs }: Rotation, by: Change = NOBODY): Promise<KeyAnswer> {
    const { accounts, keys } = this.store.memory;
    const { account } = accounts;
    if (!account) return { kind: "no-account" };
    const old = keys.get(oldKeyId);
    if (!old || !keys.isValid(oldKeyId, Date.now())) return { kind: "no-key" };
    if (graceMs > 0 && !keys.hasRoom(Date.now())) return { kind: "too-many" };
    const key = this.#commit((memory, nowMs) => {
      const rotated = memory.keys.rotate(account.user, old, { keyId, hash }, nowMs + graceMs, nowMs);
      memory.audit.note("key.rotate", by, keySettings(rotated.old), keySettings(rotated.added), nowMs);
      return rotated.added;
    });
    return this.#keyAnswer(key);
  }

  /** Revokes a key: the object rejects it from now on, whatever KV still says. */
  async revokeKey(keyId: string, by: Change = NOBODY): Promise<KeyAnswer> {
    const { accounts, keys } = this.store.memory;
    const { account } = accounts;
    if (!account) return { kind: "no-account" };
    const old = keys.get(keyId);
    if (!old) return { kind: "no-key" };
    const key = this.#commit((memory, nowMs) => {
      const revoked = memory.keys.revoke(account.user, old, nowMs);
      memory.audit.note("key.revoke", by, keySettings(old), keySettings(revoked), nowMs);
      return revoked;
    });
    return this.#keyAnswer(key);
  }

  audit(before: number, count: number): AuditEntry[] | null {
    if (!this.#isKnown()) return null;
    const { audit, hasTables } = this.store.memory;
    return hasTables ? audit.list(before, count) : [];
  }

  usage(query: UsageQuery): UsageRow[] | null {
    return this.#isKnown() ? usageRows(this.ctx.storage.sql, this.store.memory, query) : null;
  }

  async republish(): Promise<void> {
    const { listed } = this.store.memory.accounts;
    if (listed === null) return;
    this.#commit((memory, nowMs) => {
      memory.accounts.republish(nowMs);
      memory.keys.republish(listed, nowMs);
    });
    await this.store.publish();
  }

  /** Whether there is or was an account, or anything was counted. If not, the id is mistyped, and must not yield an empty bill. */
  #isKnown(): boolean {
    const { hasTables, ledger } = this.store.memory;
    return hasTables || ledger.openCells.length > 0;
  }

  #commit<T>(change: (memory: Memory, nowMs: number) => T): T {
    return this.store.change((memory) => memory.transact(() => change(memory, Date.now())));
  }

  async #keyAnswer(key: StoredKey): Promise<KeyAnswer> {
    return { kind: "key", key: keyView(key, null), published: await this.store.publish() };
  }
}

function accountAnswer(memory: Memory): AccountAnswer {
  const { account } = memory.accounts;
  return account ? { kind: "account", ...accountView(account, memory) } : { kind: "absent" };
}

function accountView(account: Account, { accounts, keys, ledger, counters, hasTables }: Memory): AccountView {
  const lastUsed = ledger.lastUsedMs(hasTables);
  return {
    account,
    keys: keys.all.map((key) => keyView(key, lastUsed.get(key.keyId) ?? null)),
    grants: accounts.grants(Date.now()),
    counted: counters.names,
  };
}

/** What a new account inherits from the user in memory. */
function inheritedFrom({ accounts, ledger, counters, audit, hasTables }: Memory): Inherited {
  const used = ledger.since(0, hasTables);
  return {
    blocked: accounts.status === "blocked",
    usage: used.requests > 0 || used.denied > 0,
    limits: counters.names,
    audit: hasTables && audit.list(Number.MAX_SAFE_INTEGER, 1).length > 0,
  };
}

/** The fields of an account in the audit trail. */
function settings({ name, tier, status, overrides }: Account): object {
  return { name, tier, status, limits: overrides };
}

/** The fields of a grant in the audit trail. */
function grantSettings({ grantId, limit, amount, untilMs }: Grant): object {
  return { grantId, limit, amount, until: new Date(untilMs).toISOString() };
}

/** The fields of a key in the audit trail. */
function keySettings(key: StoredKey): object {
  const { keyId, name, scopes, revokedMs } = key;
  const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return { keyId, name, scopes, expiresAt: iso(stopsMs(key)), revokedAt: iso(revokedMs) };
}

/** Without the hash: nothing outside the object needs it. */
function keyView(key: StoredKey, lastUsedMs: number | null): ApiKey {
  const { keyId, name, scopes, createdMs, revokedMs } = key;
  return { keyId, name, scopes, createdMs, expiresMs: stopsMs(key), revokedMs, lastUsedMs };
}
