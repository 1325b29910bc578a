/** A user's limits and usage as the object reports them: plain data. */
import type { LimitView } from "../core/decision.ts";
import type { AccountStatus, UsageView } from "./account.ts";

export interface StatusRequest {
  readonly revision: number;
  readonly tier: string;
  readonly keyId: string | null;
}

/** The period that a quota counts in now. RFC 3339 in UTC; `end` is exclusive. */
export interface QuotaPeriod {
  readonly start: string;
  readonly end: string;
  /**
   * Tokens counted in it, including those lent to isolates: `limit` minus `remaining`, or more than `limit` if that was lowered. A reset
   * sets it to 0 but does not change the ledger.
   */
  readonly used: number;
}

export interface LimitStatus extends LimitView {
  /** Of quotas only. */
  readonly period?: QuotaPeriod | undefined;
}

export type UserStatus =
  | {
      readonly kind: "status";
      readonly tier: string;
      readonly status: AccountStatus;
      readonly revision: number;
      readonly limits: readonly LimitStatus[];
      /** Usage of the current UTC hour, day and calendar month, from the exact ledger. A quota's month may differ. */
      readonly usage: { readonly hour: UsageView; readonly day: UsageView; readonly month: UsageView };
    }
  | { readonly kind: "revoked" };
