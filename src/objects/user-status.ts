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

/** What the account's open billing period has come to. Money: decimal strings of the currency's major unit. */
export interface StatusBilling {
  readonly currency: string;
  /** All lines of the bill so far, before tax and credits: with the whole base fee of the period. */
  readonly accrued: string;
  /** Of that, usage beyond what is included: what caps count. */
  readonly overage: string;
  /** The policy's and the customer's own cap on it; null: none. */
  readonly spendCap: string | null;
  readonly budget: string | null;
  /** What credits can still pay, of which the bill so far takes its part. */
  readonly credits: string;
}

/** Charged already, though what they cost is not known yet. */
export interface OpenReservations {
  readonly open: number;
  /** What all of them have reserved: requests, and other units. */
  readonly cost: number;
  readonly units?: Readonly<Record<string, number>> | undefined;
}

export type UserStatus =
  | {
      readonly kind: "status";
      readonly tier: string;
      readonly status: AccountStatus;
      readonly revision: number;
      readonly limits: readonly LimitStatus[];
      /** Limits in shadow. Absent: there are none. */
      readonly shadow?: readonly LimitStatus[] | undefined;
      /** Usage of the current UTC hour, day and calendar month, from the exact ledger. A quota's month may differ. */
      readonly usage: { readonly hour: UsageView; readonly day: UsageView; readonly month: UsageView };
      /** Of an account that is billed. */
      readonly billing?: StatusBilling | undefined;
      /** Absent: none is open. */
      readonly reservations?: OpenReservations | undefined;
    }
  | { readonly kind: "revoked" };
