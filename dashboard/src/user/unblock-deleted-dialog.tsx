/** The dialog that lifts the block of an account that was deleted while it was blocked. */
import { ActionDialog } from "../shell/action-dialog.tsx";
import { call } from "../shell/api-client.ts";
import { withQuery } from "../shell/query.ts";
import { accountPath } from "./account-api.ts";
import type { DialogProps } from "./dialog-props.ts";

export function UnblockDeletedDialog({
  id,
  makeChange,
  onClose,
}: Pick<DialogProps, "makeChange" | "onClose"> & { readonly id: string }) {
  return (
    <ActionDialog
      title={`Unblock ${id}`}
      verb="Unblock"
      effect="The account is deleted, but its block is in force, for tokens too. From the next request on, the user has the default tier's limits again."
      run={(_fields, reason) => {
        const path = withQuery(accountPath(id), { unblock: "true", reason });
        return makeChange(call("DELETE", path, () => true));
      }}
      done={() => `${id} is no longer blocked.`}
      onClose={onClose}
    />
  );
}
