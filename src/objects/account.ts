/** Accounts, keys, grants, audit and usage as the control plane exchanges them with a user's object. Times are Unix milliseconds. */
import type { KeyMode } from "../identity/key-mode.ts";
import type { KeyScope } from "../identity/key-scope.ts";
import type { Grant, Overrides } from "../policy/adjust.ts";
import type { CallDiffers } from "./change.ts";

export type AccountStatus = "active" | "blocked";

export interface Account {
  readonly user: string;
  readonly name: string;
  readonly tier: string;
  readonly status: AccountStatus;
  /** Numbers that replace those of the tier's limits for this account. */
  readonly overrides: Overrides;
  /** Grows with each change. */
  readonly version: number;
  readonly createdMs: number;
  readonly updatedMs: number;
}

export interface NewAccount {
  readonly name: string;
  readonly tier: string;
}

export interface AccountChange {
  readonly name?: string;
  readonly tier?: string;
  readonly status?: AccountStatus;
  readonly overrides?: Overrides;
}

/** A key as it may be shown: without the key itself and its hash. */
export interface ApiKey {
  readonly keyId: string;
  readonly name: string;
  readonly scopes: readonly KeyScope[];
  readonly createdMs: number;
  readonly expiresMs: number | null;
  readonly revokedMs: number | null;
  /** When the hour began in which the key was last used, by the ledger; null if never. */
  readonly lastUsedMs: number | null;
}

/** A key to be stored: the plaintext never reaches the object. */
export interface NewKey {
  readonly keyId: string;
  readonly hash: string;
  readonly name: string;
  readonly scopes: readonly KeyScope[];
  readonly expiresMs: number | null;
}

/** A new key that replaces another, with the name, scopes and expiry of the old one. */
export interface Rotation {
  readonly oldKeyId: string;
  readonly keyId: string;
  readonly hash: string;
  /** How long the old key still works. */
  readonly graceMs: number;
}

export interface AccountView {
  readonly account: Account;
  readonly keys: readonly ApiKey[];
  readonly grants: readonly Grant[];
  /** Names of the limits for which the user has counters, whatever the tier. */
  readonly counted: readonly string[];
  /** The tier from the next billing period on, if it is another one. */
  readonly pendingTier?: string;
}

export type AccountAnswer = ({ readonly kind: "account" } & AccountView) | { readonly kind: "absent" };

export type ResetAnswer =
  | AccountAnswer
  | CallDiffers
  /** One of the limits is a quota with overage. */
  | { readonly kind: "billed-limit"; readonly limit: string };

/** What a new account inherits from an earlier user of the same id. */
export interface Inherited {
  /** An account of the id was deleted while it was blocked: the new one is blocked too. */
  readonly blocked: boolean;
  /** The ledger has usage of the user. */
  readonly usage: boolean;
  /** Names of limits that are not full. */
  readonly limits: readonly string[];
  /** The audit trail has entries. */
  readonly audit: boolean;
}

export type NewAccountAnswer =
  /** `inherited`: null if the user was unknown. */
  | ({ readonly kind: "account"; readonly inherited: Inherited | null } & AccountView)
  | { readonly kind: "exists" };

/** `absent`: there is no account nor, if a block was to be lifted, the block of a deleted one. */
export type DeletedAnswer =
  /** `keyIds`: the keys that stopped with it. Objects of an older version leave them out. */
  | { readonly kind: "deleted"; readonly keyIds?: readonly string[] }
  | { readonly kind: "absent" }
  | CallDiffers;

/** `absent`: there is no account, there was none, and nothing was counted for the user. */
export type ErasedAnswer =
  | {
      readonly kind: "erased";
      /** When it was first erased: a repeated call erases nothing more. */
      readonly atMs: number;
      /** The keys that stopped with it. */
      readonly keyIds: readonly string[];
      /** What will be erased later, by itself: the customer's details once the last invoice is numbered, and points. */
      readonly pending: readonly ("bills" | "points")[];
    }
  | { readonly kind: "absent" }
  | CallDiffers;

export type KeyAnswer =
  | {
      readonly kind: "key";
      readonly key: ApiKey;
      /** Whether KV has it already; if not, the object keeps trying. */
      readonly published: boolean;
    }
  | { readonly kind: "no-account" }
  | { readonly kind: "no-key" }
  | { readonly kind: "too-many" }
  | CallDiffers;

export type GrantAnswer =
  | { readonly kind: "grant"; readonly grant: Grant }
  | { readonly kind: "no-account" }
  | { readonly kind: "too-many" }
  | CallDiffers;

export type RevokedGrantAnswer =
  /** The grant that was in force. */
  | { readonly kind: "revoked"; readonly grant: Grant }
  | { readonly kind: "no-account" }
  /** There is no such grant, or it has ended. */
  | { readonly kind: "no-grant" }
  | CallDiffers;

/** One change of an account. `before` and `after` are JSON text of what changed; null for nothing. */
export interface AuditEntry {
  readonly seq: number;
  readonly atMs: number;
  readonly actor: string;
  readonly reason: string;
  readonly action: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** Whether a key may be used. `revoked`: revoked, expired or unknown. `blocked`: its account is. */
export type KeyStanding = "good" | "revoked" | "blocked";

/** Usage of one span of time by the ledger. Cost in tokens. */
export interface UsageView {
  readonly requests: number;
  readonly cost: number;
  readonly denied: number;
  /** The cost in other units than requests, by unit. Absent: there is none. */
  readonly units?: Readonly<Record<string, number>>;
}

/** Weeks are those of ISO 8601: they begin on Monday. */
export type Granularity = "hour" | "day" | "week" | "month";

/** What rows of usage can be grouped by, in the order of their columns. */
export const USAGE_GROUPS = ["route", "key", "unit"] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

export interface UsageQuery {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly granularity: Granularity;
  /** Day of the month on which months begin, 1 to 31; the last day if a month is shorter. */
  readonly anchorDay: number;
  /** As `by` of `route` alone, for objects and callers of an older version. */
  readonly byRoute: boolean;
  /** One row for each value of these instead of one for all. Older Workers leave it out, and ignore all but routes. */
  readonly by?: readonly UsageGroup[];
  /** Only usage of keys of this mode; null: all. Older Workers leave it out. */
  readonly keyMode?: KeyMode | null;
  /** Only rows after this one; null: from the first. */
  readonly after: UsagePosition | null;
  readonly count: number;
}

/** A row's position: rows are ordered by period, then by route, key and unit as UTF-8. Each is "" if rows are not by it. */
export interface UsagePosition {
  readonly period: string;
  readonly route: string;
  /** Older Workers leave these out. */
  readonly key?: string;
  readonly unit?: string;
}

export interface UsageRow extends UsageView {
  /** Beginning of the period, RFC 3339 in UTC. */
  readonly period: string;
  /** "" if no route was named; null if rows are not by route. */
  readonly route: string | null;
  /** The key's id, "" without a key. Only if rows are by key. */
  readonly key?: string;
  /**
   * Only if rows are by unit: then `cost` is in this unit, there are no `units`, and requests and denials are those of the row of
   * `requests`, so that sums over rows count each once.
   */
  readonly unit?: string;
}
