/**
 * The control plane's side of a user's object: account, keys, grants, audit, usage. src/objects/user-limiter.ts documents the methods.
 *
 * Every change is one transaction of the change itself, its audit entry, its outbox entries and, if it changes limits, the state. A change
 * that may be an event loads the policy first, which says whether it is one. A change is applied once per call, takes effect with the object's
 * next turn, and is acknowledged when every isolate decides by it (fence.ts).
 */
import { loadBilling, loadedBilling } from "../../src/billing-module.ts";
import { loadControl } from "../../src/control-module.ts";
import { isImportedKeyId } from "../../src/identity/key-mode.ts";
import type {
  AccountAnswer,
  AccountChange,
  AuditEntry,
  DeletedAnswer,
  ErasedAnswer,
  GrantAnswer,
  KeyAnswer,
  KeyStanding,
  NewAccount,
  NewAccountAnswer,
  NewKey,
  ResetAnswer,
  RevokedGrantAnswer,
  Rotation,
  UsageQuery,
  UsageRow,
} from "../../src/objects/account.ts";
import type { AccountImport, AccountImportAnswer } from "../../src/objects/account-import.ts";
import type { CallDiffers, Change } from "../../src/objects/change.ts";
import type { FrozenPage, FrozenQuery, FrozenUsageRpc } from "../../src/objects/frozen-usage.ts";
import type { AccountRpc } from "../../src/objects/user-limiter.ts";
import type { TierRejection } from "../../src/objects/billing.ts";
import type { Grant } from "../../src/policy/adjust.ts";
import type { Policy } from "../../src/policy/compile.ts";
import { countedStorage } from "../object-metrics.ts";
import { PlacedObject } from "../placed-object.ts";
import { AccountCalls } from "./account-calls.ts";
import { AccountChanges } from "./account-changes.ts";
import { accountAnswer, isKnown } from "./account-views.ts";
import type { ErasureHost } from "./erasure/erasure.ts";
import { GrantCalls } from "./grant-calls.ts";
import { KeyCalls } from "./key-calls.ts";
import { hasBilling, isErasing } from "./schema.ts";
import { UserStore } from "./user-store.ts";

const NOBODY: Change = { actor: "", reason: "" };

export abstract class AccountObject extends PlacedObject implements AccountRpc, FrozenUsageRpc {
  // Fields, since the methods of a class can be called over RPC.
  /** Counts the rows that are written. */
  protected readonly storage: DurableObjectStorage;
  protected readonly store: UserStore;
  protected readonly changes: AccountChanges;
  readonly #accountCalls: AccountCalls;
  readonly #grantCalls: GrantCalls;
  readonly #keyCalls: KeyCalls;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.storage = countedStorage(ctx.storage, "UserLimiter");
    this.store = new UserStore(this.storage, this.env);
    this.changes = new AccountChanges(this.store);
    this.#accountCalls = new AccountCalls(this.store, this.changes, this.storage.sql);
    this.#grantCalls = new GrantCalls(this.store, this.changes);
    this.#keyCalls = new KeyCalls(this.store, this.changes);
    this.store.eventKinds = () => {
      const { known } = this.changes.policies;
      return known === null ? undefined : known.events;
    };
    // No call may come to an account that is billed before the isolate has what bills it.
    if (loadedBilling() === null && hasBilling(this.storage)) void ctx.blockConcurrencyWhile(loadBilling);
  }

  /** Does what is due in billing, as a turn does first. */
  protected advanceBilling(policy: Policy): void {
    const publishes = this.store.change((memory) => memory.advanceBilling(policy, Date.now()));
    if (publishes) this.ctx.waitUntil(this.store.publish());
    else if (this.store.memory.billing?.store.account) this.ctx.waitUntil(this.store.wake());
  }

  keyStanding(keyId: string): KeyStanding {
    const { accounts, keys } = this.store.memory;
    if (accounts.status === "blocked") return "blocked";
    return keys.isValid(keyId, Date.now()) ? "good" : "revoked";
  }

  account(): AccountAnswer {
    return accountAnswer(this.store.memory);
  }

  createAccount(
    user: string,
    input: NewAccount,
    by: Change = NOBODY,
    revision = 0,
  ): Promise<NewAccountAnswer> {
    return this.#accountCalls.create(user, input, by, revision);
  }

  changeAccount(
    change: AccountChange,
    by: Change = NOBODY,
    revision = 0,
  ): Promise<AccountAnswer | TierRejection | CallDiffers> {
    return this.#accountCalls.change(change, by, revision);
  }

  importAccount(input: AccountImport, by: Change = NOBODY, revision = 0): Promise<AccountImportAnswer> {
    return this.#accountCalls.import(input, by, revision);
  }

  deleteAccount(by: Change = NOBODY, lift = false, revision = 0): Promise<DeletedAnswer> {
    return this.#accountCalls.delete(by, lift, revision);
  }

  reset(names: readonly string[] | null, by: Change = NOBODY): Promise<ResetAnswer> {
    return this.#accountCalls.reset(names, by);
  }

  async eraseAccount(by: Change = NOBODY, lift = false): Promise<ErasedAnswer> {
    if (!isKnown(this.store.memory)) return { kind: "absent" };
    return (await loadControl()).eraseAccount(this.#erasureHost(), by, lift);
  }

  /** Does what is left of an erasure, and sets the alarm for the rest. */
  protected async continueErasure(): Promise<void> {
    if (!this.store.memory.hasTables || !isErasing(this.storage.sql)) return;
    await (await loadControl()).continueErasure(this.#erasureHost());
  }

  #erasureHost(): ErasureHost {
    const { ctx, env, storage, store, changes } = this;
    return { user: ctx.id.name ?? "", env, storage, store, changes, calls: this.#accountCalls };
  }

  grant(grant: Grant, by: Change = NOBODY): Promise<GrantAnswer> {
    return this.#grantCalls.grant(grant, by);
  }

  revokeGrant(grantId: string, by: Change = NOBODY): Promise<RevokedGrantAnswer> {
    return this.#grantCalls.revoke(grantId, by);
  }

  addKey(input: NewKey, by: Change = NOBODY, revision = 0): Promise<KeyAnswer> {
    return this.#keyCalls.add(input, by, revision);
  }

  rotateKey(rotation: Rotation, by: Change = NOBODY, revision = 0): Promise<KeyAnswer> {
    return this.#keyCalls.rotate(rotation, by, revision);
  }

  revokeKey(keyId: string, by: Change = NOBODY, revision = 0): Promise<KeyAnswer> {
    return this.#keyCalls.revoke(keyId, by, revision);
  }

  audit(before: number, count: number): AuditEntry[] | null {
    if (!isKnown(this.store.memory)) return null;
    const { audit, hasTables } = this.store.memory;
    return hasTables ? audit.list(before, count) : [];
  }

  async usage(query: UsageQuery): Promise<UsageRow[] | null> {
    if (!isKnown(this.store.memory)) return null;
    const { usageRows } = await loadControl();
    this.store.change((memory) => memory.keepFrozenHours(Date.now()));
    return usageRows(this.storage.sql, this.store.memory, query);
  }

  async frozenUsage(query: FrozenQuery): Promise<FrozenPage> {
    const { frozenUsage } = await loadControl();
    return frozenUsage(this.storage, this.store, query);
  }

  async republish(): Promise<boolean> {
    const { accounts, keys } = this.store.memory;
    const { listed } = accounts;
    if (listed === null) return false;
    this.changes.commit((memory, nowMs) => {
      memory.accounts.republish(nowMs);
      memory.keys.republish(listed, nowMs);
    });
    await this.store.publish();
    return keys.all.some(({ keyId }) => isImportedKeyId(keyId));
  }
}
