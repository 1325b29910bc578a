/** Makes the account of an id that has none. */
import { ActionDialog } from "../shell/action-dialog.tsx";
import { call } from "../shell/api-client.ts";
import { ACCOUNTS, type Policy, parseAccount } from "./account-answers.ts";
import type { DialogProps } from "./dialog-props.ts";

interface Props extends Pick<DialogProps, "act" | "onClose"> {
  readonly id: string;
  readonly policy: Policy | null;
}

export function CreateDialog({ id, policy, act, onClose }: Props) {
  const { tiers = {}, defaultTier = "" } = policy?.document ?? {};
  return (
    <ActionDialog
      title={`Create the account ${id}`}
      verb="Create"
      effect="Requests of this user count by the account's tier from the next one on, however they identify themselves."
      run={(fields, reason) => {
        const tier = String(fields.get("tier") ?? "");
        const body = { id, ...(tier === "" ? {} : { tier }), reason };
        return act(call("POST", ACCOUNTS, parseAccount, { body }));
      }}
      done={() => `The account ${id} is made. Issue it a key, or let its tokens name it.`}
      onClose={onClose}
    >
      <label>
        Tier
        <select name="tier">
          {Object.keys(tiers).map((name) => (
            <option key={name} selected={name === defaultTier}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </ActionDialog>
  );
}
