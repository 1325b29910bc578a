/**
 * The RPC interface of the AccountDirectory (durable-objects/account-directory.ts), which lists accounts as their own objects
 * published them, and the data it exchanges. A projection: no decision reads it.
 */
import * as z from "zod/mini";

/** Each method throws if the object's storage fails, or if a newer Worker wrote it. */
export interface AccountDirectoryRpc extends Rpc.DurableObjectBranded {
  /** Stores an account's newest value; null: it was deleted. An older version never replaces a newer one. */
  put(id: string, entry: DirectoryEntry | null, version: number): Promise<void>;
  /** The parts of the policy that accounts use, each once. */
  uses(): Promise<PolicyUses>;
  /** The accounts of the first `most` of these uses that still have any. */
  usersOf(uses: readonly PolicyUse[], nowMs: number, most: number): Promise<Users[]>;
  /** Accounts after the id `after` in the order of ids; at most `count`. */
  list(filter: DirectoryFilter, after: string, count: number): Promise<DirectoryPage>;
  /** Ids of accounts after `after` in the order of ids, deleted ones too, until the list is rebuilt; at most `count`. */
  known(after: string, count: number): Promise<string[]>;
  /**
   * The first `count` listed users in the given order after a position: those with accounts, and those whose deleted account's block is
   * still in force.
   */
  users(filter: UserFilter, after: UserPosition | null, count: number): Promise<UserPage>;
  /** Which of these ids are listed, and which of those pass the filter. @param ids at most {@link MAX_FOUND}. */
  find(ids: readonly string[], filter: UserFilter): Promise<FoundUsers>;
  /** Deletes the list; it is rebuilt from the accounts (src/api/accounts/directory.ts). */
  clear(): Promise<void>;
}

const one = z.optional(z.number());
/** An override as it is stored: whether it fits the policy is checked when it is used. */
export const overrideSchema = z.object({
  tokens: one,
  per: z.optional(z.enum(["second", "minute", "hour", "day", "month"])),
  burst: one,
  amount: one,
  max: one,
});

/** A limit of the account's tier for which the account has its own numbers or a grant. */
const limitUseSchema = z.object({
  limit: z.string(),
  /** The override's fields (policy/adjust.ts, shapeOf); null for a grant. */
  shape: z.nullable(overrideSchema),
  /** When the grant ends; null for an override. Unix ms. */
  untilMs: z.nullable(z.number()),
});
export type LimitUse = z.infer<typeof limitUseSchema>;

/** One account as its object publishes it. `version` grows with each change, so that an older value never wins. */
export const directoryEntrySchema = z.object({
  id: z.string(),
  name: z.string(),
  tier: z.string(),
  status: z.enum(["active", "blocked"]),
  createdMs: z.number(),
  updatedMs: z.number(),
  version: z.int(),
  /** Missing if an older Worker reported the account. */
  uses: z.optional(z.array(limitUseSchema)),
  /** The account was deleted, but its block is still in force. */
  deleted: z.optional(z.boolean()),
});
export type DirectoryEntry = z.infer<typeof directoryEntrySchema>;

export interface DirectoryFilter {
  readonly tier: string | null;
  readonly status: "active" | "blocked" | null;
  /** Part of the id or the name, whatever its case. */
  readonly text: string | null;
  /** Deleted accounts whose block is still in force, instead of existing accounts. */
  readonly deleted: boolean;
}

/** Which users to list. */
export interface UserFilter {
  /** Only accounts of this tier. */
  readonly tier: string | null;
  readonly status: "active" | "blocked" | null;
  /** Part of the id or the name, whatever its case; never "". */
  readonly text: string | null;
  /** Whether they have an account; null: either. */
  readonly hasAccount: boolean | null;
  /** In natural order (src/natural-order.ts), or those that match `text` best first ({@link MatchRank}). */
  readonly order: "natural" | "match";
}

/**
 * How well a user matches a text: 0 if it is the id, 1 if the id begins with it, 2 if the name does, 3 if either contains it. Always 0 in
 * natural order.
 */
export type MatchRank = number;

/** A user's place in a list: by rank, then in natural order. */
export interface UserPosition {
  readonly rank: MatchRank;
  readonly id: string;
}

export interface UserPage {
  readonly users: readonly { readonly entry: DirectoryEntry; readonly rank: MatchRank }[];
}

export interface FoundUsers {
  /** Those that pass the filter. */
  readonly passing: readonly DirectoryEntry[];
  /** The ids of those that do not. */
  readonly others: readonly string[];
}

/** Ids of one call of `find`: even long ones fit into one bound value of SQLite's. */
export const MAX_FOUND = 1_000;

/** A part of a policy that accounts use: their tier, or a limit of it. */
export const policyUseSchema = z.object({
  tier: z.string(),
  /** The limit for which they have their own numbers or a grant; null: the tier itself. */
  limit: z.nullable(z.string()),
  /** As in {@link LimitUse}. */
  shape: z.nullable(overrideSchema),
});
export type PolicyUse = z.infer<typeof policyUseSchema>;

/** The parts of the policy that accounts use, each once. */
export interface PolicyUses {
  readonly uses: readonly PolicyUse[];
  /** False if there may be more: an older Worker reported some accounts, or there are too many to list. */
  readonly isComplete: boolean;
}

/** The accounts of one use. */
export interface Users {
  readonly use: PolicyUse;
  /** At most {@link MAX_COUNTED_USERS}. */
  readonly count: number;
  /** The first few ids. */
  readonly examples: readonly string[];
}

/** Accounts counted for one use: bounds what a count reads. */
export const MAX_COUNTED_USERS = 100_000;

export interface DirectoryPage {
  readonly entries: readonly DirectoryEntry[];
  /** The id after which the next page starts; null at the end. */
  readonly next: string | null;
}

/** One shard by default; accounts are spread by this name when it grows. */
const DIRECTORY_NAME = "directory";

/** A fresh stub of the directory. */
export function directoryOf(
  namespace: DurableObjectNamespace<AccountDirectoryRpc>,
): DurableObjectStub<AccountDirectoryRpc> {
  return namespace.getByName(DIRECTORY_NAME);
}

/** KV key that marks an account's existence: what the directory is rebuilt from. */
export const ACCOUNT_MARK_PREFIX = "account:";
