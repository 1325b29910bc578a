/**
 * The control plane's side of a user's object: account, keys, grants, audit, usage. src/objects/user-limiter.ts documents the methods.
 *
 * Every change is one transaction of the change itself, its audit entry, its outbox entries and, if it changes limits, the state. A
 * change that may be an event loads the policy first, which says whether it is one. It
 * takes effect with the object's next turn, and is answered when no isolate decides without it any more (fence.ts).
 */
import * as z from "zod/mini";
import { loadBilling, loadedBilling } from "../../src/billing-module.ts";
import { loadControl } from "../../src/control-module.ts";
import { isImportedKeyId } from "../../src/identity/key-mode.ts";
import type {
  Account,
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
import { accountAnswer, accountView, inheritedFrom, settings } from "./account-views.ts";
import type { ErasureHost } from "./erasure/erasure.ts";
import { KeyCalls } from "./key-calls.ts";
import type { Memory } from "./memory.ts";
import { parseJson } from "../../src/json.ts";
import { AccountChanges } from "./account-changes.ts";
import { BOTH, NOTHING } from "./fence-scopes.ts";
import { GrantCalls } from "./grant-calls.ts";
import { endPortal, endPortalLinks } from "./portal/portal-rows.ts";
import { hasBilling, isErasing } from "./schema.ts";
import { UserStore } from "./user-store.ts";

const keyIdsSchema = z.array(z.string());

const NOBODY: Change = { actor: "", reason: "" };

export abstract class AccountObject extends PlacedObject implements AccountRpc, FrozenUsageRpc {
  // Fields, since the methods of a class can be called over RPC.
  protected readonly store: UserStore;
  protected readonly changes: AccountChanges;
  readonly #grantCalls: GrantCalls;
  readonly #keyCalls: KeyCalls;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.store = new UserStore(countedStorage(ctx.storage, "UserLimiter"), this.env);
    this.changes = new AccountChanges(this.store);
    this.#grantCalls = new GrantCalls(this.store, this.changes);
    this.#keyCalls = new KeyCalls(this.store, this.changes);
    this.store.eventKinds = () => {
      const { known } = this.changes.policies;
      return known === null ? undefined : known.events;
    };
    // No call may come to an account that is billed before the isolate has what bills it.
    if (loadedBilling() === null && hasBilling(ctx.storage)) void ctx.blockConcurrencyWhile(loadBilling);
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

  /** Keeps earlier state of the user, including a block, and reports it in the answer. */
  async createAccount(
    user: string,
    input: NewAccount,
    by: Change = NOBODY,
    revision = 0,
  ): Promise<NewAccountAnswer> {
    await this.changes.policies.load(revision);
    if (this.store.memory.accounts.account) return { kind: "exists" };
    const inherited = this.#isKnown() ? inheritedFrom(this.store.memory) : null;
    const account = this.#create(user, input, by);
    await this.changes.effective(BOTH);
    // It may have been deleted meanwhile: it was created all the same, and a failure would have it created again.
    return { kind: "account", inherited, ...accountView(account, this.store.memory) };
  }

  /** With billing, a change of tier or of the overage quota's amount is one of terms too, and may wait for the period's end. */
  async changeAccount(
    change: AccountChange,
    by: Change = NOBODY,
    revision = 0,
  ): Promise<AccountAnswer | TierRejection | CallDiffers> {
    const isDecisive =
      change.tier !== undefined || change.overrides !== undefined || change.status === "blocked";
    await this.changes.policies.load(revision);
    if (!this.store.memory.accounts.account) return { kind: "absent" };
    const made = this.#change(change, by);
    if (typeof made !== "string") return made;
    await this.changes.effective(isDecisive ? BOTH : NOTHING);
    return accountAnswer(this.store.memory);
  }

  async importAccount(input: AccountImport, by: Change = NOBODY, revision = 0): Promise<AccountImportAnswer> {
    await this.changes.policies.load(revision);
    const { importAccount } = await loadControl();
    const create = (tier: string): void =>
      void this.#create(input.user, { name: input.name ?? "", tier }, by);
    const change = (difference: AccountChange): string | TierRejection =>
      this.changes.commit((memory, nowMs) => this.#changed(memory, difference, by, nowMs));
    return importAccount({ store: this.store, changes: this.changes, create, change }, input, by);
  }

  /**
   * Deletes the account: its keys stop at once. Its ledger and audit trail stay, and so does a block, for every credential of the user.
   * @param lift lift the block, even of an account that is deleted already.
   */
  async deleteAccount(by: Change = NOBODY, lift = false, revision = 0): Promise<DeletedAnswer> {
    await this.changes.policies.load(revision);
    const { accounts, keys } = this.store.memory;
    const { account, status } = accounts;
    const isNew = this.changes.callOf(by) === null;
    if (isNew && !account && !(lift && status === "blocked")) return { kind: "absent" };
    const keyIds = this.changes.commitOnce(by, (memory, nowMs) => {
      const ids = keys.all.map(({ keyId }) => keyId);
      this.#delete(memory, by, lift, nowMs);
      return JSON.stringify(ids);
    });
    if (typeof keyIds !== "string") return keyIds;
    // If the call came before, the account may be gone because of it, and isolates may still decide by it.
    await this.changes.effective(isNew && !account ? NOTHING : BOTH);
    return { kind: "deleted", keyIds: keyIdsSchema.parse(parseJson(keyIds)) };
  }

  async eraseAccount(by: Change = NOBODY, lift = false): Promise<ErasedAnswer> {
    if (!this.#isKnown()) return { kind: "absent" };
    return (await loadControl()).eraseAccount(this.#erasureHost(), by, lift);
  }

  /** Does what is left of an erasure, and sets the alarm for the rest. */
  protected async continueErasure(): Promise<void> {
    if (!this.store.memory.hasTables || !isErasing(this.ctx.storage.sql)) return;
    await (await loadControl()).continueErasure(this.#erasureHost());
  }

  #erasureHost(): ErasureHost {
    const { ctx, env, store, changes } = this;
    return { ctx, env, store, changes, delete: this.#delete.bind(this) };
  }

  grant(grant: Grant, by: Change = NOBODY): Promise<GrantAnswer> {
    return this.#grantCalls.grant(grant, by);
  }

  revokeGrant(grantId: string, by: Change = NOBODY): Promise<RevokedGrantAnswer> {
    return this.#grantCalls.revoke(grantId, by);
  }

  /**
   * Waits until no isolate decides by what was before the reset, then charges what is still lent in full and refills the limits. Otherwise a
   * lease from before would be charged to the full limit. A quota that is billed is not reset: the bill would charge what it admits anew.
   */
  async reset(names: readonly string[] | null, by: Change = NOBODY): Promise<ResetAnswer> {
    if (!this.store.memory.accounts.account) return { kind: "absent" };
    const limit = this.store.memory.billing?.overageLimit ?? null;
    if (limit !== null && (names === null || names.includes(limit))) return { kind: "billed-limit", limit };
    if (this.changes.callOf(by) === null) {
      await this.changes.drain();
      if (!this.store.memory.accounts.account) return { kind: "absent" };
    }
    const made = this.changes.commitOnce(by, (memory, nowMs) => {
      this.changes.chargeAll(memory, nowMs);
      memory.reset(names, nowMs);
      memory.writeState(nowMs);
      memory.audit.note("account.reset", by, null, { limits: names ?? "all" }, nowMs);
      return "";
    });
    return typeof made === "string" ? accountAnswer(this.store.memory) : made;
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
    if (!this.#isKnown()) return null;
    const { audit, hasTables } = this.store.memory;
    return hasTables ? audit.list(before, count) : [];
  }

  async usage(query: UsageQuery): Promise<UsageRow[] | null> {
    if (!this.#isKnown()) return null;
    const { usageRows } = await loadControl();
    this.store.change((memory) => memory.keepFrozenHours(Date.now()));
    return usageRows(this.ctx.storage.sql, this.store.memory, query);
  }

  async frozenUsage(query: FrozenQuery): Promise<FrozenPage> {
    const { frozenUsage } = await loadControl();
    return frozenUsage(this.ctx.storage, this.store, query);
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

  /** Deletes the account, if there is one. Call in a transaction. */
  #delete(memory: Memory, by: Change, lift: boolean, nowMs: number): void {
    const { accounts, audit, keys } = memory;
    const { account, status } = accounts;
    if (account) {
      memory.billing?.end(nowMs);
      for (const key of keys.all) keys.revoke(account.user, key, nowMs);
      accounts.delete(account, lift, nowMs);
      endPortal(this.ctx.storage.sql);
      audit.note("account.delete", by, settings(account), null, nowMs);
    } else if (lift) {
      accounts.lift(nowMs);
    }
    if (lift && status === "blocked") {
      audit.note("account.unblock", by, { status }, { status: "active" }, nowMs);
    }
    this.changes.limitsChanged(memory, nowMs);
  }

  #create(user: string, input: NewAccount, by: Change): Account {
    return this.changes.commit((memory, nowMs) => {
      const created = memory.accounts.create(user, input, nowMs);
      memory.audit.note("account.create", by, null, settings(created), nowMs);
      this.changes.limitsChanged(memory, nowMs);
      return created;
    });
  }

  /** @returns "" if it was changed now or by an earlier call. */
  #change(change: AccountChange, by: Change): string | TierRejection | CallDiffers {
    return this.changes.tryOnce<TierRejection>(by, (memory, nowMs) =>
      this.#changed(memory, change, by, nowMs),
    );
  }

  /** @returns "" if it was changed. */
  #changed(memory: Memory, change: AccountChange, by: Change, nowMs: number): string | TierRejection {
    const isOfLimits = change.tier !== undefined || change.overrides !== undefined;
    const { account } = memory.accounts;
    if (!account) throw new Error("the account is gone");
    const own = isOfLimits ? this.#ofTerms(memory, account, change, nowMs) : change;
    if ("kind" in own) return own;
    const changed = memory.accounts.change(account, own, nowMs);
    if (own.status === "blocked") endPortalLinks(this.ctx.storage.sql);
    memory.audit.note("account.change", by, settings(account), settings(changed), nowMs);
    this.changes.limitsChanged(memory, nowMs);
    return "";
  }

  /** The change of limits as one of terms, if the account is billed. */
  #ofTerms(
    memory: Memory,
    account: Account,
    change: AccountChange,
    nowMs: number,
  ): AccountChange | TierRejection {
    const [module, { billing }] = [loadedBilling(), memory];
    if (module === null || billing === null) return change;
    return module.putTerms(billing, this.changes.known(memory), account, change, nowMs);
  }

  /** Whether there is or was an account, or anything was counted. If not, the id is mistyped, and must not yield an empty bill. */
  #isKnown(): boolean {
    const { hasTables, ledger } = this.store.memory;
    return hasTables || ledger.openCells.length > 0;
  }
}
