/** What administrators and customers do with an account's keys. account-object.ts says what all changes have in common. */
import type { KeyAnswer, NewKey, Rotation } from "../../src/objects/account.ts";
import type { Change } from "../../src/objects/change.ts";
import type { AccountChanges } from "./account-changes.ts";
import { keySettings, keyView } from "./account-views.ts";
import type { FenceScope } from "./fence.ts";
import { NOTHING } from "./fence-scopes.ts";
import type { StoredKey } from "./key-ring.ts";
import type { Memory } from "./memory.ts";
import type { UserStore } from "./user-store.ts";

export class KeyCalls {
  readonly #store: UserStore;
  readonly #changes: AccountChanges;

  constructor(store: UserStore, changes: AccountChanges) {
    this.#store = store;
    this.#changes = changes;
  }

  async add(input: NewKey, by: Change, revision: number): Promise<KeyAnswer> {
    await this.#changes.policies.load(revision);
    const { accounts, keys } = this.#store.memory;
    const { account } = accounts;
    if (!account) return { kind: "no-account" };
    return this.#changeKey(by, NOTHING, () => {
      if (!keys.hasRoom(Date.now())) return { kind: "too-many" };
      return (memory, nowMs) => {
        const added = memory.keys.add(account.user, input, nowMs);
        memory.audit.note("key.create", by, null, keySettings(added), nowMs);
        return added;
      };
    });
  }

  /**
   * Replaces a key with a new one; the old key still works for the grace period. A rotated key may be rotated again during its grace
   * period, which can only shorten that.
   */
  async rotate(
    { oldKeyId, keyId, hash, graceMs }: Rotation,
    by: Change,
    revision: number,
  ): Promise<KeyAnswer> {
    await this.#changes.policies.load(revision);
    const { accounts, keys } = this.#store.memory;
    const { account } = accounts;
    if (!account) return { kind: "no-account" };
    return this.#changeKey(by, { leases: { keyId: oldKeyId }, denials: true }, () => {
      const old = keys.get(oldKeyId);
      if (!old || !keys.isValid(oldKeyId, Date.now())) return { kind: "no-key" };
      if (graceMs > 0 && !keys.hasRoom(Date.now())) return { kind: "too-many" };
      return (memory, nowMs) => {
        const rotated = memory.keys.rotate(account.user, old, { keyId, hash }, nowMs + graceMs, nowMs);
        memory.audit.note("key.rotate", by, keySettings(rotated.old), keySettings(rotated.added), nowMs);
        return rotated.added;
      };
    });
  }

  /** Revokes a key: the object rejects it from now on, whatever KV still says. */
  async revoke(keyId: string, by: Change, revision: number): Promise<KeyAnswer> {
    await this.#changes.policies.load(revision);
    const { accounts, keys } = this.#store.memory;
    const { account } = accounts;
    if (!account) return { kind: "no-account" };
    return this.#changeKey(by, { leases: { keyId }, denials: true }, () => {
      const old = keys.get(keyId);
      if (!old) return { kind: "no-key" };
      return (memory, nowMs) => {
        const revoked = memory.keys.revoke(account.user, old, nowMs);
        memory.audit.note("key.revoke", by, keySettings(old), keySettings(revoked), nowMs);
        return revoked;
      };
    });
  }

  /** Changes a key, once for each call. @param prepare the change, or why there is none. */
  async #changeKey(
    by: Change,
    scope: FenceScope,
    prepare: () => ((memory: Memory, nowMs: number) => StoredKey) | KeyAnswer,
  ): Promise<KeyAnswer> {
    let keyId = this.#changes.callOf(by);
    if (keyId === null) {
      const change = prepare();
      if (typeof change !== "function") return change;
      keyId = this.#changes.commitOnce(by, (memory, nowMs) => change(memory, nowMs).keyId);
    }
    if (typeof keyId !== "string") return keyId;
    const published = await this.#changes.effective(scope);
    const key = this.#store.memory.keys.get(keyId);
    return key ? { kind: "key", key: keyView(key, null), published } : { kind: "no-key" };
  }
}
