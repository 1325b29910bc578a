/**
 * Imports an account with its keys into a user's object. It compares what is to be there with what is: so the same import again changes
 * nothing, and one that was interrupted is completed by the next.
 *
 * Never adds a key twice, never replaces one, and never brings a revoked key back, as long as the account remembers it.
 */
import { canonicalJson } from "../../src/canonical-json.ts";
import type { Account, AccountChange, NewKey } from "../../src/objects/account.ts";
import type {
  AccountImport,
  AccountImportAnswer,
  ImportedKey,
  ImportedKeyResult,
} from "../../src/objects/account-import.ts";
import type { TierRejection } from "../../src/objects/billing.ts";
import type { Change } from "../../src/objects/change.ts";
import type { AccountChanges } from "./account-changes.ts";
import { keySettings } from "./account-views.ts";
import type { FenceScope } from "./fence.ts";
import { BOTH, NOTHING } from "./fence-scopes.ts";
import type { KeyRing, StoredKey } from "./key-ring.ts";
import type { Memory } from "./memory.ts";
import type { UserStore } from "./user-store.ts";

/** The object whose account it is. */
export interface ImportHost {
  readonly store: UserStore;
  readonly changes: AccountChanges;
  create(tier: string): void;
  /** @returns "" if it was changed. */
  change(change: AccountChange): string | TierRejection;
}

/** Nothing awaits between its changes, so they are one write. */
export async function importAccount(
  { store, changes, create, change }: ImportHost,
  input: AccountImport,
  by: Change,
): Promise<AccountImportAnswer> {
  const nowMs = Date.now();
  const isNew = store.memory.accounts.account === null;
  const missing = input.keys.filter((key) => isMissing(store.memory.keys, key, nowMs));
  if (!store.memory.keys.hasRoomFor(missing.length, nowMs)) return { kind: "too-many" };
  if (isNew) create(input.tier ?? input.defaultTier);
  const difference = differenceFrom(accountOf(store.memory), store.memory, input);
  if (difference) {
    const rejection = change(difference);
    if (typeof rejection !== "string") return rejection;
  }
  const known = new Set(store.memory.keys.all.map(({ hash }) => hash));
  if (missing.length > 0) {
    changes.commit((memory, atMs) => {
      for (const key of missing) {
        const added = memory.keys.add(input.user, key, atMs);
        memory.audit.note("key.import", by, null, keySettings(added), atMs);
      }
    });
  }
  const { memory } = store;
  const keys = input.keys.map((key) => resultOf(memory.keys, key, known));
  const account = accountOf(memory);
  const isChanged = isNew || difference !== null || missing.length > 0;
  const published = isChanged
    ? await changes.effective(scopeOf(isNew, difference))
    : memory.outbox.nextDueMs(nowMs) === null;
  const result = isNew ? "created" : difference || missing.length > 0 ? "changed" : "unchanged";
  return { kind: "imported", result, account, keys, published };
}

function accountOf({ accounts }: Memory): Account {
  if (!accounts.account) throw new Error("the account is gone");
  return accounts.account;
}

function isMissing(keys: KeyRing, { hash, expiresMs }: NewKey, nowMs: number): boolean {
  return keys.byHash(hash) === null && (expiresMs === null || nowMs < expiresMs);
}

/** @param known the hashes of the account's keys before the import. */
function resultOf(keys: KeyRing, input: NewKey, known: ReadonlySet<string>): ImportedKey {
  const key = keys.byHash(input.hash);
  if (key === null) return { keyId: null, result: "expired" };
  return { keyId: key.keyId, result: known.has(input.hash) ? comparedWith(key, input) : "added" };
}

function comparedWith(key: StoredKey, input: NewKey): ImportedKeyResult {
  if (key.revokedMs !== null) return "revoked";
  const isSame =
    key.name === input.name &&
    key.expiresMs === input.expiresMs &&
    key.scopes.toSorted().join() === input.scopes.toSorted().join();
  return isSame ? "present" : "differs";
}

/** What the import changes; null: nothing. A tier that is pending is as good as in force. */
function differenceFrom(account: Account, { billing }: Memory, input: AccountImport): AccountChange | null {
  const { name, tier, status, overrides } = input;
  const pendingTier = billing?.store.account?.pendingTier ?? null;
  const change: AccountChange = {
    ...(name === undefined || name === account.name ? {} : { name }),
    ...(tier === undefined || tier === (pendingTier ?? account.tier) ? {} : { tier }),
    ...(status === undefined || status === account.status ? {} : { status }),
    ...(overrides === undefined || canonicalJson(overrides) === canonicalJson(account.overrides)
      ? {}
      : { overrides }),
  };
  return Object.keys(change).length > 0 ? change : null;
}

function scopeOf(isNew: boolean, change: AccountChange | null): FenceScope {
  const isDecisive =
    change?.tier !== undefined || change?.overrides !== undefined || change?.status === "blocked";
  return isNew || isDecisive ? BOTH : NOTHING;
}
