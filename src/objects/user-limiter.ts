/**
 * The RPC interface of the UserLimiter, the one object per user that decides, counts and keeps the account
 * (durable-objects/user-limiter.ts). Calls and answers are plain data, declared in the other files of this folder.
 *
 * Methods may gain optional parameters but never change meaning: during a rollout, edges and objects of two versions call each other.
 */
import type { Decision, DecisionRequest, Slot } from "../core/decision.ts";
import type { Grant } from "../policy/adjust.ts";
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
} from "./account.ts";
import type { AccountImport, AccountImportAnswer } from "./account-import.ts";
import type { BillingRpc, TierRejection } from "./billing.ts";
import type { CallDiffers, Change } from "./change.ts";
import type { FrozenUsageRpc } from "./frozen-usage.ts";
import type { InvoicesRpc } from "./invoices.ts";
import type { RepeatedAnswer, ObjectCall } from "./object-call.ts";
import type { PortalRpc } from "./portal.ts";
import type { ReservationAnswer, ReservationCall } from "./reservation.ts";
import type { StatusRequest, UserStatus } from "./user-status.ts";

/** Decisions. Each method rejects if storage fails; those that decide also if no policy as new as asked for can be loaded. */
export interface DecisionRpc {
  ping(): "pong";
  /** Takes settlements, then answers questions, in order, as one turn and one write. */
  serve(call: ObjectCall): RepeatedAnswer[] | Promise<RepeatedAnswer[]>;
  /** The call that edges of an older version make instead of {@link serve}. */
  decide(requests: readonly DecisionRequest[]): Promise<Decision[]>;
  /** Frees slots of a concurrency limit. Freeing a slot twice, or after it expired, changes nothing. */
  release(holds: readonly Slot[]): void;
  /** Settles reservations or extends them, in order, as one turn and one write. @param revision the policy that the edge knows. */
  settle(
    calls: readonly ReservationCall[],
    revision: number,
  ): ReservationAnswer[] | Promise<ReservationAnswer[]>;
  /** The user's limits and usage. Costs nothing and writes nothing. */
  status(request: StatusRequest): Promise<UserStatus>;
  keyStanding(keyId: string): KeyStanding;
}

/**
 * The control plane. A change is in force from the object's next turn on, and answered once no isolate decides without it any more: after
 * about a second at most. `by` is left out by older versions. `revision`: of a policy that the change must
 * know, since it has terms or reports events; 0, or left out by older versions: any.
 */
export interface AccountRpc {
  account(): AccountAnswer;
  /** @param revision of a policy with billing: the account's first period begins now. */
  createAccount(user: string, input: NewAccount, by?: Change, revision?: number): Promise<NewAccountAnswer>;
  /** @param revision the policy that the change was validated against. */
  changeAccount(
    change: AccountChange,
    by?: Change,
    revision?: number,
  ): Promise<AccountAnswer | TierRejection | CallDiffers>;
  /** Creates or changes the account, and adds the keys that it lacks. Repeating it changes nothing. Not in older versions. */
  importAccount(input: AccountImport, by?: Change, revision?: number): Promise<AccountImportAnswer>;
  /** Keys stop at once; ledger, audit trail and a block remain. @param lift also lift the block. */
  deleteAccount(by?: Change, lift?: boolean, revision?: number): Promise<DeletedAnswer>;
  /**
   * As {@link deleteAccount}, and erases the user's personal data, also of an account that is deleted already. The reason is not stored.
   * Not in older versions.
   */
  eraseAccount(by?: Change, lift?: boolean): Promise<ErasedAnswer>;
  grant(grant: Grant, by?: Change): Promise<GrantAnswer>;
  /** Ends a grant now. What it admitted stays used. */
  revokeGrant(grantId: string, by?: Change): Promise<RevokedGrantAnswer>;
  /** Refills the limits of these names, or all (null). The ledger is unchanged. */
  reset(names: readonly string[] | null, by?: Change): Promise<ResetAnswer>;
  addKey(input: NewKey, by?: Change, revision?: number): Promise<KeyAnswer>;
  rotateKey(rotation: Rotation, by?: Change, revision?: number): Promise<KeyAnswer>;
  revokeKey(keyId: string, by?: Change, revision?: number): Promise<KeyAnswer>;
  /** Entries older than `before`, newest first; null if the user is unknown. */
  audit(before: number, count: number): AuditEntry[] | null;
  /** Usage from the exact ledger in order of time; null if the user is unknown. */
  usage(query: UsageQuery): Promise<UsageRow[] | null>;
  /**
   * Publishes the account and its keys again, to projections that were lost.
   * @returns whether any of the keys was imported. Objects of an older version return nothing.
   */
  republish(): Promise<boolean>;
}

export interface UserLimiterRpc
  extends
    Rpc.DurableObjectBranded,
    DecisionRpc,
    AccountRpc,
    BillingRpc,
    InvoicesRpc,
    FrozenUsageRpc,
    PortalRpc {}

export type UserLimiterNamespace = DurableObjectNamespace<UserLimiterRpc>;
export type UserLimiterStub = DurableObjectStub<UserLimiterRpc>;
