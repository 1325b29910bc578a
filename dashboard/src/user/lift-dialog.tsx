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
      effect="The account is deleted, but its block still holds, by tokens too. From the next request on, the user is decided by the default tier's limits again."
      run={(_fields, reason) => {
        const query = new URLSearchParams({ unblock: "true", reason });
        return act(call("DELETE", `${accountPath(id)}?${query}`, () => true));
      }}
      done={() => `${id} is let in again.`}
      onClose={onClose}
    />
  );
}
