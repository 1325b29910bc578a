/**
 * A user's account: tier, status and overrides, with its grants. The directory is a projection of it.
 *
 * Read into memory once and changed only here, so a decision sees a change at once and costs no read.
 */
import * as z from "zod/mini";
import { parseJson } from "../../src/json.ts";
import type { Account, AccountChange, AccountStatus, NewAccount } from "../../src/objects/account.ts";
import {
  ACCOUNT_MARK_PREFIX,
  type DirectoryEntry,
  type LimitUse,
  overrideSchema,
} from "../../src/objects/account-directory.ts";
import type { AccountStanding } from "../../src/objects/object-call.ts";
import { adjustTier, type Grant, shapeOf } from "../../src/policy/adjust.ts";
import type { Tier } from "../../src/policy/compiled.ts";
import { type CounterAllowance, isSameAllowance, withOwnAllowance } from "../../src/policy/own-allowance.ts";
import type { AccountEvents } from "../events/account-events.ts";
import type { Outbox } from "../outbox.ts";
import { GrantStore } from "./grant-store.ts";

const overridesSchema = z.record(z.string(), overrideSchema);

const accountRow = z.object({
  user: z.string(),
  name: z.string(),
  tier: z.string(),
  status: z.enum(["active", "blocked"] satisfies AccountStatus[]),
  overrides: z.string(),
  version: z.int(),
  deleted: z.int(),
  created_ms: z.number(),
  updated_ms: z.number(),
});

/** A tier as adjusted for this account, and until when it is valid. */
interface Adjusted {
  readonly base: Tier;
  readonly tier: Tier;
  readonly untilMs: number;
}

/** A deleted account leaves a mark. */
type Stored = Account & { readonly deleted: boolean };

export class AccountStore {
  readonly #sql: SqlStorage;
  readonly #outbox: Outbox;
  readonly #events: () => AccountEvents | null;
  /** Changed only by {@link grant}, {@link revokeGrant} and {@link delete}, which publish the account too. */
  readonly grants: GrantStore;
  #stored: Stored | null = null;
  #adjusted: Adjusted | null = null;
  #allowance: CounterAllowance | null = null;
  #standing: AccountStanding | null = null;

  /** @param hasTables whether there are tables. */
  constructor(
    sql: SqlStorage,
    outbox: Outbox,
    hasTables: boolean,
    events: () => AccountEvents | null = () => null,
  ) {
    this.#sql = sql;
    this.#outbox = outbox;
    this.#events = events;
    this.grants = new GrantStore(sql, hasTables);
    if (!hasTables) return;
    for (const row of sql.exec("SELECT * FROM account")) this.#stored = toAccount(accountRow.parse(row));
  }

  /** Null if there is none, or it was deleted. */
  get account(): Account | null {
    return this.#stored?.deleted === false ? this.#stored : null;
  }

  /** What isolates use when this object does not answer. Made anew after each change. */
  get standing(): AccountStanding {
    return (this.#standing ??= standingOf(this.account, this.#allowance));
  }

  /** The user's status. The block of a deleted account stays in force until it is lifted. */
  get status(): AccountStatus {
    return this.#stored?.status ?? "active";
  }

  /** The user id, also of a deleted account; null if there was none. */
  get user(): string | null {
    return this.#stored?.user ?? null;
  }

  /** The version of the account, also of a deleted one; 0 if there was none. */
  get version(): number {
    return this.#stored?.version ?? 0;
  }

  /** The user id if the directory lists the user: with an account, or with the block of a deleted one. Else null. */
  get listed(): string | null {
    return this.#stored && isListed(this.#stored) ? this.#stored.user : null;
  }

  /** Sets where the overage quota is covered and where it stops; null: the tier's own amount. */
  setAllowance(allowance: CounterAllowance | null): void {
    if (!isSameAllowance(allowance, this.#allowance)) this.#standing = null;
    this.#allowance = allowance;
    this.#adjusted = null;
  }

  /** When {@link adjust} changes by itself after `nowMs`: as the next grant ends; Infinity: never. */
  changesAtMs(nowMs: number): number {
    return this.grants.nextEndMs(nowMs);
  }

  /** The tier with this account's overrides and grants at `nowMs`. */
  adjust(base: Tier, nowMs: number): Tier {
    const { account } = this;
    const hasOwn =
      this.grants.kept.length > 0 ||
      this.#allowance !== null ||
      Object.keys(account?.overrides ?? {}).length > 0;
    if (!account || !hasOwn) return base;
    const known = this.#adjusted;
    if (known?.base === base && nowMs < known.untilMs) return known.tier;
    const tier = withOwnAllowance(
      adjustTier(base, account.overrides, this.grants.inForce(nowMs)),
      this.#allowance,
    );
    this.#adjusted = { base, tier, untilMs: this.changesAtMs(nowMs) };
    return tier;
  }

  /** Keeps the block of a deleted account of this id: the new one is blocked too. */
  create(user: string, { name, tier }: NewAccount, nowMs: number): Account {
    const version = (this.#stored?.version ?? 0) + 1;
    const dates = { createdMs: nowMs, updatedMs: nowMs };
    return this.#put({
      user,
      name,
      tier,
      status: this.status,
      overrides: {},
      version,
      deleted: false,
      ...dates,
    });
  }

  change(account: Account, change: AccountChange, nowMs: number): Account {
    return this.#put({
      ...account,
      ...change,
      version: account.version + 1,
      updatedMs: nowMs,
      deleted: false,
    });
  }

  /** Deletes the account and its grants. The ledger stays, and so does a block unless it is lifted. */
  delete(account: Account, lift: boolean, nowMs: number): void {
    this.grants.deleteAll();
    const status = lift ? "active" : account.status;
    const version = account.version + 1;
    this.#put({ ...account, status, overrides: {}, version, updatedMs: nowMs, deleted: true });
  }

  /** Erases the name, also of a deleted account, and publishes that. */
  eraseName(nowMs: number): void {
    const mark = this.#stored;
    if (mark) this.#put({ ...mark, name: "", version: mark.version + 1, updatedMs: nowMs });
  }

  /** Lifts the block of a deleted account. */
  lift(nowMs: number): void {
    const mark = this.#stored;
    if (mark) this.#put({ ...mark, status: "active", version: mark.version + 1, updatedMs: nowMs });
  }

  /** Grants extra capacity, and deletes grants that ended before `keptFromMs`: those since then count in the open billing period. */
  grant(grant: Grant, nowMs: number, keptFromMs = nowMs): void {
    this.grants.add(grant, keptFromMs);
    this.#grantsChanged(nowMs);
  }

  /** Ends a grant before its time. @param usedAmount what it admitted, which stays included in the open billing period. */
  revokeGrant(grantId: string, nowMs: number, usedAmount = 0): void {
    this.grants.revoke(grantId, nowMs, usedAmount);
    this.#grantsChanged(nowMs);
  }

  /** Publishes the account again, for a projection that was lost. */
  republish(nowMs: number): void {
    if (this.#stored) this.#publish(this.#stored, nowMs);
  }

  /** Gives the account a higher version, by which the directory knows that its grants are newer. */
  #grantsChanged(nowMs: number): void {
    const { account } = this;
    if (account) this.change(account, {}, nowMs);
  }

  #put(account: Stored): Account {
    this.#sql.exec(
      `INSERT OR REPLACE INTO account
         (id, user, name, tier, status, overrides, version, deleted, created_ms, updated_ms)
       VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      account.user,
      account.name,
      account.tier,
      account.status,
      JSON.stringify(account.overrides),
      account.version,
      account.deleted ? 1 : 0,
      account.createdMs,
      account.updatedMs,
    );
    this.#publish(account, account.updatedMs);
    this.#events()?.accountPut(this.#stored, account, account.updatedMs);
    this.#stored = account;
    this.#adjusted = null;
    this.#standing = null;
    return account;
  }

  #publish(account: Stored, nowMs: number): void {
    const { user: id, name, tier, status, createdMs, updatedMs, version, deleted } = account;
    const entry: DirectoryEntry = { id, name, tier, status, createdMs, updatedMs, version };
    const isKnown = isListed(account);
    const mark = isKnown ? "1" : null;
    this.#outbox.put({ lane: "kv", name: `${ACCOUNT_MARK_PREFIX}${id}`, value: mark, version }, nowMs);
    const uses = limitUses(account, this.grants.inForce(nowMs));
    const value = isKnown ? JSON.stringify({ ...entry, uses, ...(deleted ? { deleted } : {}) }) : null;
    this.#outbox.put({ lane: "directory", name: id, value, version }, nowMs);
  }
}

/** 52 random bits distinguish it from every other state that an isolate may know, even from before a restart of the object. */
function standingOf(account: Account | null, allowance: CounterAllowance | null): AccountStanding {
  if (!account) return { id: 0, account: null };
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  const { tier, overrides } = account;
  const own = { tier, overrides, ...(allowance === null ? {} : { allowance }) };
  return { id: 1 + (high % 2 ** 20) * 2 ** 32 + low, account: own };
}

function isListed({ deleted, status }: Stored): boolean {
  return !deleted || status === "blocked";
}

/** The limits for which the account has overrides or grants, which a policy without these limits would orphan. */
function limitUses({ overrides }: Account, grants: readonly Grant[]): LimitUse[] {
  return [
    ...Object.entries(overrides).map(([limit, override]) => ({
      limit,
      shape: shapeOf(override),
      untilMs: null,
    })),
    ...grants.map(({ limit, untilMs }) => ({ limit, shape: null, untilMs })),
  ];
}

function toAccount(row: z.infer<typeof accountRow>): Stored {
  const { user, name, tier, status, version, created_ms: createdMs, updated_ms: updatedMs } = row;
  const overrides = overridesSchema.parse(parseJson(row.overrides));
  return { user, name, tier, status, overrides, version, createdMs, updatedMs, deleted: row.deleted === 1 };
}
