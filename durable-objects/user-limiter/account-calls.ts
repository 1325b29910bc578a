/**
 * What administrators do with an account itself: create, change, import, reset and delete it. account-object.ts says what all changes have
 * in common.
 */
import * as z from "zod/mini";
import { loadedBilling } from "../../src/billing-module.ts";
import { loadControl } from "../../src/control-module.ts";
import { parseJson } from "../../src/json.ts";
import type {
  Account,
  AccountAnswer,
  AccountChange,
  DeletedAnswer,
  NewAccount,
  NewAccountAnswer,
  ResetAnswer,
} from "../../src/objects/account.ts";
import type { AccountImport, AccountImportAnswer } from "../../src/objects/account-import.ts";
import type { TierRejection } from "../../src/objects/billing.ts";
import type { CallDiffers, Change } from "../../src/objects/change.ts";
import type { AccountChanges } from "./account-changes.ts";
import { accountAnswer, accountView, inheritedFrom, isKnown, settings } from "./account-views.ts";
import { BOTH, NOTHING } from "./fence-scopes.ts";
import type { Memory } from "./memory.ts";
import { endPortal, endPortalLinks } from "./portal/portal-rows.ts";
import type { UserStore } from "./user-store.ts";

const keyIdsSchema = z.array(z.string());

export class AccountCalls {
  readonly #store: UserStore;
  readonly #changes: AccountChanges;
  readonly #sql: SqlStorage;

  constructor(store: UserStore, changes: AccountChanges, sql: SqlStorage) {
    this.#store = store;
    this.#changes = changes;
    this.#sql = sql;
  }

  /** Keeps earlier state of the user, including a block, and reports it in the answer. */
  async create(user: string, input: NewAccount, by: Change, revision: number): Promise<NewAccountAnswer> {
    await this.#changes.policies.load(revision);
    if (this.#store.memory.accounts.account) return { kind: "exists" };
    const inherited = isKnown(this.#store.memory) ? inheritedFrom(this.#store.memory) : null;
    const account = this.#create(user, input, by);
    await this.#changes.effective(BOTH);
    // It may have been deleted meanwhile. Report success anyway: after an error, the caller would create it again.
    return { kind: "account", inherited, ...accountView(account, this.#store.memory) };
  }

  /** With billing, a change of tier or of the overage quota's amount also changes the billing terms, and may wait for the period's end. */
  async change(
    change: AccountChange,
    by: Change,
    revision: number,
  ): Promise<AccountAnswer | TierRejection | CallDiffers> {
    const isDecisive =
      change.tier !== undefined || change.overrides !== undefined || change.status === "blocked";
    await this.#changes.policies.load(revision);
    if (!this.#store.memory.accounts.account) return { kind: "absent" };
    const made = this.#change(change, by);
    if (typeof made !== "string") return made;
    await this.#changes.effective(isDecisive ? BOTH : NOTHING);
    return accountAnswer(this.#store.memory);
  }

  async import(input: AccountImport, by: Change, revision: number): Promise<AccountImportAnswer> {
    await this.#changes.policies.load(revision);
    const { importAccount } = await loadControl();
    const create = (tier: string): void =>
      void this.#create(input.user, { name: input.name ?? "", tier }, by);
    const change = (difference: AccountChange): string | TierRejection =>
      this.#changes.commit((memory, nowMs) => this.#changed(memory, difference, by, nowMs));
    return importAccount({ store: this.#store, changes: this.#changes, create, change }, input, by);
  }

  /**
   * Deletes the account: its keys stop at once. Its ledger and audit trail stay, and so does a block, for every credential of the user.
   * @param lift lift the block, even of an account that is deleted already.
   */
  async delete(by: Change, lift: boolean, revision: number): Promise<DeletedAnswer> {
    await this.#changes.policies.load(revision);
    const { accounts, keys } = this.#store.memory;
    const { account, status } = accounts;
    const isNew = this.#changes.callOf(by) === null;
    if (isNew && !account && !(lift && status === "blocked")) return { kind: "absent" };
    const keyIds = this.#changes.commitOnce(by, (memory, nowMs) => {
      const ids = keys.all.map(({ keyId }) => keyId);
      this.deleteIn(memory, by, lift, nowMs);
      return JSON.stringify(ids);
    });
    if (typeof keyIds !== "string") return keyIds;
    // If the call came before, the account may be gone because of it, and isolates may still decide by it.
    await this.#changes.effective(isNew && !account ? NOTHING : BOTH);
    return { kind: "deleted", keyIds: keyIdsSchema.parse(parseJson(keyIds)) };
  }

  /**
   * Waits until no isolate decides by what was before the reset, then charges what is still lent in full and refills the limits. Otherwise a
   * lease from before would be charged to the full limit. Rejected if it would include a billed quota: the bill would charge the usage that
   * the refilled quota admits.
   */
  async reset(names: readonly string[] | null, by: Change): Promise<ResetAnswer> {
    if (!this.#store.memory.accounts.account) return { kind: "absent" };
    const limit = this.#store.memory.billing?.overageLimit ?? null;
    if (limit !== null && (names === null || names.includes(limit))) return { kind: "billed-limit", limit };
    if (this.#changes.callOf(by) === null) {
      await this.#changes.drain();
      if (!this.#store.memory.accounts.account) return { kind: "absent" };
    }
    const made = this.#changes.commitOnce(by, (memory, nowMs) => {
      this.#changes.chargeAll(memory, nowMs);
      memory.reset(names, nowMs);
      memory.writeState(nowMs);
      memory.audit.note("account.reset", by, null, { limits: names ?? "all" }, nowMs);
      return "";
    });
    return typeof made === "string" ? accountAnswer(this.#store.memory) : made;
  }

  /** Deletes the account, if there is one. Call in a transaction. */
  deleteIn(memory: Memory, by: Change, lift: boolean, nowMs: number): void {
    const { accounts, audit, keys } = memory;
    const { account, status } = accounts;
    if (account) {
      memory.billing?.end(nowMs);
      for (const key of keys.all) keys.revoke(account.user, key, nowMs);
      accounts.delete(account, lift, nowMs);
      endPortal(this.#sql);
      audit.note("account.delete", by, settings(account), null, nowMs);
    } else if (lift) {
      accounts.lift(nowMs);
    }
    if (lift && status === "blocked") {
      audit.note("account.unblock", by, { status }, { status: "active" }, nowMs);
    }
    this.#changes.limitsChanged(memory, nowMs);
  }

  #create(user: string, input: NewAccount, by: Change): Account {
    return this.#changes.commit((memory, nowMs) => {
      const created = memory.accounts.create(user, input, nowMs);
      memory.audit.note("account.create", by, null, settings(created), nowMs);
      this.#changes.limitsChanged(memory, nowMs);
      return created;
    });
  }

  /** @returns "" if it was changed now or by an earlier call. */
  #change(change: AccountChange, by: Change): string | TierRejection | CallDiffers {
    return this.#changes.tryOnce<TierRejection>(by, (memory, nowMs) =>
      this.#changed(memory, change, by, nowMs),
    );
  }

  /** @returns "" if it was changed. */
  #changed(memory: Memory, change: AccountChange, by: Change, nowMs: number): string | TierRejection {
    const isOfLimits = change.tier !== undefined || change.overrides !== undefined;
    const { account } = memory.accounts;
    if (!account) throw new Error("the account is gone");
    const own = isOfLimits ? this.#withTerms(memory, account, change, nowMs) : change;
    if ("kind" in own) return own;
    const changed = memory.accounts.change(account, own, nowMs);
    if (own.status === "blocked") endPortalLinks(this.#sql);
    memory.audit.note("account.change", by, settings(account), settings(changed), nowMs);
    this.#changes.limitsChanged(memory, nowMs);
    return "";
  }

  /** Applies a change of limits to the billing terms, if the account is billed. @returns what to change in the account now. */
  #withTerms(
    memory: Memory,
    account: Account,
    change: AccountChange,
    nowMs: number,
  ): AccountChange | TierRejection {
    const [module, { billing }] = [loadedBilling(), memory];
    if (module === null || billing === null) return change;
    return module.putTerms(billing, this.#changes.known(memory), account, change, nowMs);
  }
}
