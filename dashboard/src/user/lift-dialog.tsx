/** Lifts the block of an account that was deleted while it was blocked. */
import { ActionDialog } from "../shell/action-dialog.tsx";
import { call } from "../shell/api-client.ts";
import { accountPath } from "./account-answers.ts";
import type { DialogProps } from "./dialog-props.ts";

export function LiftDialog({
  id,
  act,
  onClose,
}: Pick<DialogProps, "act" | "onClose"> & { readonly id: string }) {
  return (
    <ActionDialog
      title={`Unblock ${id}`}
      verb="Unblock"
      effect="The account is deleted, but its block is still in force, also for tokens. From the next request on, the default tier's limits apply to the user again."
      run={(_fields, reason) => {
        const query = new URLSearchParams({ unblock: "true", reason });
        return act(call("DELETE", `${accountPath(id)}?${query}`, () => true));
      }}
      done={() => `${id} is no longer blocked.`}
      onClose={onClose}
    />
  );
}
