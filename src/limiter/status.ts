/** A user's limits and usage as the object reports them: plain data. */
import type { LimitView } from "../core/decision.ts";
import type { AccountStatus, UsageView } from "./account.ts";

export interface StatusRequest {
  readonly revision: number;
  readonly tier: string;
  readonly keyId: string | null;
}

export type UserStatus =
  | {
      readonly kind: "status";
      readonly tier: string;
      readonly status: AccountStatus;
      readonly revision: number;
      readonly limits: readonly LimitView[];
      /** Of the current UTC hour, day and month, from the exact ledger. */
      readonly usage: { readonly hour: UsageView; readonly day: UsageView; readonly month: UsageView };
    }
  | { readonly kind: "revoked" };
