/** An account, its keys and grants as answers and the audit trail have them. */
import type { Account, AccountAnswer, AccountView, ApiKey, Inherited } from "../../src/objects/account.ts";
import type { Grant } from "../../src/policy/adjust.ts";
import { type StoredKey, stopsMs } from "./key-ring.ts";
import type { Memory } from "./memory.ts";

export function accountAnswer(memory: Memory): AccountAnswer {
  const { account } = memory.accounts;
  return account ? { kind: "account", ...accountView(account, memory) } : { kind: "absent" };
}

export function accountView(
  account: Account,
  { accounts, billing, keys, ledger, counters, hasTables }: Memory,
): AccountView {
  const pendingTier = billing?.store.account?.pendingTier ?? null;
  const lastUsed = ledger.lastUsedMs(hasTables);
  return {
    account,
    keys: keys.all.map((key) => keyView(key, lastUsed.get(key.keyId) ?? null)),
    grants: accounts.grants.inForce(Date.now()),
    counted: counters.names,
    ...(pendingTier === null ? {} : { pendingTier }),
  };
}

/** What a new account inherits from the user in memory. */
export function inheritedFrom({ accounts, ledger, counters, audit, hasTables }: Memory): Inherited {
  const used = ledger.since(0, hasTables);
  return {
    blocked: accounts.status === "blocked",
    usage: used.requests > 0 || used.denied > 0,
    limits: counters.names,
    audit: hasTables && audit.list(Number.MAX_SAFE_INTEGER, 1).length > 0,
  };
}

/** Whether there is or was an account, or anything was counted. If not, the id is mistyped, and must not yield an empty bill. */
export function isKnown({ hasTables, ledger }: Memory): boolean {
  return hasTables || ledger.openCells.length > 0;
}

/** The fields of an account in the audit trail. */
export function settings({ name, tier, status, overrides }: Account): object {
  return { name, tier, status, limits: overrides };
}

/** The fields of a grant in the audit trail. */
export function grantSettings({ grantId, limit, amount, untilMs }: Grant): object {
  return { grantId, limit, amount, until: new Date(untilMs).toISOString() };
}

/** The fields of a key in the audit trail. */
export function keySettings(key: StoredKey): object {
  const { keyId, name, scopes, revokedMs } = key;
  const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return { keyId, name, scopes, expiresAt: iso(stopsMs(key)), revokedAt: iso(revokedMs) };
}

/** Without the hash: nothing outside the object needs it. */
export function keyView(key: StoredKey, lastUsedMs: number | null): ApiKey {
  const { keyId, name, scopes, createdMs, revokedMs } = key;
  return { keyId, name, scopes, createdMs, expiresMs: stopsMs(key), revokedMs, lastUsedMs };
}
