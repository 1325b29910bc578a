/** What the control plane asks of a user's object and gets back: accounts and keys as plain data. Times are Unix ms. */
import type { Scope } from "../identity/key-store.ts";

export type AccountStatus = "active" | "blocked";

export interface Account {
  readonly user: string;
  readonly name: string;
  readonly tier: string;
  readonly status: AccountStatus;
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
}

/** A key as it may be shown: neither the key nor its hash. */
export interface ApiKey {
  readonly keyId: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly createdMs: number;
  readonly expiresMs: number | null;
  readonly revokedMs: number | null;
}

/** A key to be stored: the plaintext never reaches the object. */
export interface NewKey {
  readonly keyId: string;
  readonly hash: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresMs: number | null;
}

export type AccountAnswer =
  | { readonly kind: "account"; readonly account: Account; readonly keys: readonly ApiKey[] }
  | { readonly kind: "absent" }
  | { readonly kind: "exists" };

export type KeyAnswer =
  | {
      readonly kind: "key";
      readonly key: ApiKey;
      /** Whether KV knows already; if not, the object goes on trying. */
      readonly published: boolean;
    }
  | { readonly kind: "no-account" }
  | { readonly kind: "no-key" }
  | { readonly kind: "too-many" };

/** Whether a key may be used: its account may be suspended, or the key revoked, expired or unknown. */
export type KeyStanding = "good" | "revoked" | "blocked";

/** What the ledger says of one span of time. Cost in tokens. */
export interface UsageView {
  readonly requests: number;
  readonly cost: number;
  readonly denied: number;
}
