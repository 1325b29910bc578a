/** Everything that the screen of a user polls, and how it makes changes. */
import { useState } from "preact/hooks";
import type { Invoice } from "../billing/invoice-api.ts";
import type { Account, ApiKey, Credit, Grant, KeyList, UserStatus } from "../shell/answers.ts";
import type { ApiOutcome } from "../shell/api-client.ts";
import { type Polled, usePolled } from "../shell/use-polled.ts";
import {
  accountPath,
  parseAccount,
  parseKeys,
  parseStatus,
  parseTiers,
  type TierCatalog,
} from "./account-api.ts";
import { type BillingSummary, parseBilling } from "./billing-api.ts";
import type { InvoiceStep } from "./invoice-steps.ts";

/** Limits change fast, and reading them costs nothing. */
const STATUS_MS = 2_000;
/** Only operators change these, and each change made here refreshes them. */
const SLOW_MS = 15_000;

/** Makes a change, and refreshes the screen after success. */
export type MakeChange = <T>(change: Promise<ApiOutcome<T>>) => Promise<ApiOutcome<T>>;

export interface User {
  readonly account: Polled<Account>;
  readonly status: Polled<UserStatus>;
  readonly keys: Polled<KeyList>;
  readonly policy: TierCatalog | null;
  /** Polls nothing if the policy bills nothing. */
  readonly billing: Polled<BillingSummary>;
  /** Whether there is no account with this id. */
  readonly hasNoAccount: boolean;
  /** The account; null until loaded, or if there is none. */
  readonly known: Account | null;
  readonly makeChange: MakeChange;
  /** The number of changes made on this screen. */
  readonly changes: number;
}

export function useUser(id: string): User {
  const path = accountPath(id);
  const account = usePolled(path, parseAccount);
  const status = usePolled(`${path}/status`, parseStatus, STATUS_MS);
  const policy = usePolled("/api/v1/admin/policy", parseTiers, SLOW_MS);
  const hasNoAccount = account.status === 404;
  const known = hasNoAccount ? null : account.value;
  const keys = usePolled(known ? `${path}/keys` : null, parseKeys, SLOW_MS);
  const isBilled = policy.value?.document.billing !== undefined;
  const billing = usePolled(known && isBilled ? `${path}/billing` : null, parseBilling, SLOW_MS);
  const [changes, setChanges] = useState(0);
  const makeChange: MakeChange = async (change) => {
    const outcome = await change;
    if (outcome.kind === "ok") {
      for (const polled of [account, status, keys, billing]) polled.refresh();
      setChanges((made) => made + 1);
    }
    return outcome;
  };
  return { account, status, keys, policy: policy.value, billing, hasNoAccount, known, makeChange, changes };
}

/** The actions on a user that open a dialog. */
export type UserAction =
  | "grant"
  | "block"
  | "reset"
  | "tier"
  | "issue"
  | "portal"
  | "end-portal"
  | "create"
  | "delete"
  | "unblock-deleted"
  | { readonly revokeGrant: Grant }
  /** The override of the limit with this name. */
  | { readonly removeOverride: string }
  | { readonly rotate: ApiKey }
  | { readonly revoke: ApiKey }
  | { readonly budget: BillingSummary }
  /** A new credit in this currency. */
  | { readonly creditIn: string }
  | { readonly takeBack: Credit }
  | { readonly invoice: Invoice; readonly step: InvoiceStep };
