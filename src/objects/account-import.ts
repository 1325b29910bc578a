/** The import of an account with its keys, as the control plane exchanges it with the account's object. Repeating it changes nothing. */
import type { Account, AccountStatus, NewKey } from "./account.ts";
import type { TierRejection } from "./billing.ts";
import type { Overrides } from "../policy/adjust.ts";

/** What is left out stays as it is; in a new account, it has its default. */
export interface AccountImport {
  readonly user: string;
  readonly name?: string;
  readonly tier?: string;
  readonly status?: AccountStatus;
  readonly overrides?: Overrides;
  /** The tier of a new account that names none. */
  readonly defaultTier: string;
  /** At most 100, each hash once. Ids are for keys that the account does not have yet. */
  readonly keys: readonly NewKey[];
}

/**
 * - `added`.
 * - `present`: the account has it, with these attributes. `differs`: with others, which stay.
 * - `revoked`: the account has it, and it stays revoked.
 * - `expired`: it has expired, and is not added.
 */
export type ImportedKeyResult = "added" | "present" | "differs" | "revoked" | "expired";

export interface ImportedKey {
  /** Null for a key that was not added. */
  readonly keyId: string | null;
  readonly result: ImportedKeyResult;
}

export type AccountImportAnswer =
  | {
      readonly kind: "imported";
      readonly result: "created" | "changed" | "unchanged";
      readonly account: Account;
      /** In the order of the import's keys. */
      readonly keys: readonly ImportedKey[];
      /** Whether KV has all of it; if not, the object keeps trying. */
      readonly published: boolean;
    }
  /** More keys than an account may have at once. Nothing was changed. */
  | { readonly kind: "too-many" }
  | TierRejection;
