/** What every dialog that changes a user is given. */
import type { Outcome } from "../shell/api-client.ts";
import type { Account, Policy, Status } from "./account-answers.ts";

export interface DialogProps {
  readonly account: Account;
  /** As last answered: numbers in what a dialog says come from it. */
  readonly status: Status;
  /** Null where it is not known. */
  readonly policy: Policy | null;
  /** Runs a change; what the screen shows is asked for again once it is made. */
  readonly act: <T>(change: Promise<Outcome<T>>) => Promise<Outcome<T>>;
  readonly onClose: () => void;
}
