/** The props of every dialog that changes an account. */
import type { Account, UserStatus } from "../shell/answers.ts";
import type { TierCatalog } from "./account-api.ts";
import type { MakeChange } from "./use-user.ts";

export interface DialogProps {
  readonly account: Account;
  /** As it was when the dialog was opened. */
  readonly status: UserStatus;
  /** Null until loaded. */
  readonly policy: TierCatalog | null;
  readonly makeChange: MakeChange;
  readonly onClose: () => void;
}
