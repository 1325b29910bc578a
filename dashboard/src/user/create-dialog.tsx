/** Makes the account of an id that has none. */
import { ActionDialog } from "../shell/action-dialog.tsx";
import { call } from "../shell/api-client.ts";
import {
  accountPath,
  ACCOUNTS,
  type Inherited,
  type Policy,
  parseAccount,
  parseNewAccount,
} from "./account-answers.ts";
import type { DialogProps } from "./dialog-props.ts";
import { FollowUp } from "./follow-up.tsx";
import { inheritedText } from "./limit-text.ts";

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
        return act(call("POST", ACCOUNTS, parseNewAccount, { body }));
      }}
      done={(value) => (
        <>
          <p>The account {id} is made. Issue it a key, or let its tokens name it.</p>
          <InheritedNote id={id} inherited={parseNewAccount(value)?.inherited ?? null} act={act} />
        </>
      )}
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

interface InheritedProps extends Pick<DialogProps, "act"> {
  readonly id: string;
  readonly inherited: Inherited | null;
}

/** What the new account takes over, and the way to clear what can be cleared. */
function InheritedNote({ id, inherited, act }: InheritedProps) {
  if (inherited === null) return null;
  const reason = "Cleared after the account was created";
  return (
    <>
      <p>{inheritedText(inherited)}</p>
      {inherited.limits.length > 0 && (
        <FollowUp
          verb="Reset its limits"
          run={() => act(call("POST", `${accountPath(id)}/reset`, parseAccount, { body: { reason } }))}
          done="Its limits are full."
        />
      )}
      {inherited.blocked && (
        <FollowUp
          verb="Unblock it"
          run={() =>
            act(call("PATCH", accountPath(id), parseAccount, { body: { status: "active", reason } }))
          }
          done="It is no longer blocked."
        />
      )}
    </>
  );
}
