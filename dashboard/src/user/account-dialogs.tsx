/** The dialogs that block, unblock or reset an account. */
import { ActionDialog } from "../shell/action-dialog.tsx";
import { call } from "../shell/api-client.ts";
import { count, exact } from "../shell/format.ts";
import { accountPath, parseAccount } from "./account-api.ts";
import type { DialogProps } from "./dialog-props.ts";

export function BlockDialog({ account: { id, status: is }, status, makeChange, onClose }: DialogProps) {
  const isBlocked = is === "blocked";
  const { hour } = status.usage;
  return (
    <ActionDialog
      title={`${isBlocked ? "Unblock" : "Block"} ${id}`}
      verb={isBlocked ? "Unblock" : "Block"}
      isDangerous={!isBlocked}
      effect={
        isBlocked
          ? "From the next request on, its limits decide again. Usage stays as it is."
          : `From the next request on, requests with any of its keys and tokens are rejected with 403 and not charged. This hour, ${count(hour.requests)} of its requests were allowed and ${count(hour.denied)} denied.`
      }
      run={(_fields, reason) =>
        makeChange(
          call("PATCH", accountPath(id), parseAccount, {
            body: { status: isBlocked ? "active" : "blocked", reason },
          }),
        )
      }
      done={() => (isBlocked ? `${id} is unblocked.` : `${id} is blocked.`)}
      onClose={onClose}
    />
  );
}

export function ResetDialog({ account: { id }, status: { limits }, makeChange, onClose }: DialogProps) {
  return (
    <ActionDialog
      title={`Reset limits of ${id}`}
      verb="Reset"
      effect="The chosen limits are full again at once. The ledger and bills stay as they are."
      run={(fields, reason) => {
        const chosen = limits.map(({ name }) => name).filter((name) => fields.has(`limit ${name}`));
        const body = { ...(chosen.length === limits.length ? {} : { limits: chosen }), reason };
        return makeChange(call("POST", `${accountPath(id)}/reset`, parseAccount, { body }));
      }}
      done={() => `The limits of ${id} are full again.`}
      onClose={onClose}
    >
      <fieldset>
        <legend>Limits</legend>
        {limits.map(({ name, limit, remaining }) => (
          <label key={name} class="choice">
            <input type="checkbox" name={`limit ${name}`} defaultChecked />
            {name}: {exact(limit - remaining)} of {exact(limit)} spent
          </label>
        ))}
      </fieldset>
    </ActionDialog>
  );
}
