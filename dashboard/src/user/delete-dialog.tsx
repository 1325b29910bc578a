/** The dialog that deletes an account, and erases the user's personal data. */
import { ActionDialog } from "../shell/action-dialog.tsx";
import { call } from "../shell/api-client.ts";
import { withQuery } from "../shell/query.ts";
import { accountPath } from "./account-api.ts";
import type { DialogProps } from "./dialog-props.ts";

export function DeleteDialog({
  id,
  makeChange,
  onClose,
}: Pick<DialogProps, "makeChange" | "onClose"> & { readonly id: string }) {
  return (
    <ActionDialog
      title={`Delete ${id}`}
      verb="Delete"
      isDangerous
      effect="Its keys stop at once. The ledger and issued invoices stay."
      run={(fields, reason) => {
        const path = withQuery(accountPath(id), fields.has("erase") ? { erase: "true" } : { reason });
        return makeChange(call("DELETE", path, () => true));
      }}
      done={() => `${id} is deleted.`}
      onClose={onClose}
    >
      <label class="choice">
        <input type="checkbox" name="erase" />
        Erase personal data; the reason is not kept
      </label>
    </ActionDialog>
  );
}
