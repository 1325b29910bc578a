/** The dialog that creates an account. */
import { ActionDialog } from "../shell/action-dialog.tsx";
import type { Inherited } from "../shell/answers.ts";
import { call } from "../shell/api-client.ts";
import { accountPath, ACCOUNTS, parseAccount, parseNewAccount, type TierCatalog } from "./account-api.ts";
import type { DialogProps } from "./dialog-props.ts";
import { FollowUp } from "./follow-up.tsx";
import { inheritedText } from "./limit-text.ts";

interface Props extends Pick<DialogProps, "makeChange" | "onClose"> {
  readonly id: string;
  readonly policy: TierCatalog | null;
}

export function CreateDialog({ id, policy, makeChange, onClose }: Props) {
  const { tiers = {}, defaultTier = "" } = policy?.document ?? {};
  return (
    <ActionDialog
      title={`Create the account ${id}`}
      verb="Create"
      effect="From the next request on, the account's tier applies to this user, with keys and with tokens."
      run={(fields, reason) => {
        const tier = String(fields.get("tier") ?? "");
        const body = { id, ...(tier === "" ? {} : { tier }), reason };
        return makeChange(call("POST", ACCOUNTS, parseNewAccount, { body }));
      }}
      done={(value) => (
        <>
          <p>The account {id} is created. Issue a key for it, or use tokens that name it.</p>
          <InheritedNote
            id={id}
            inherited={parseNewAccount(value)?.inherited ?? null}
            makeChange={makeChange}
          />
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

interface InheritedProps extends Pick<DialogProps, "makeChange"> {
  readonly id: string;
  readonly inherited: Inherited | null;
}

/** What the new account takes over, with buttons that clear it. */
function InheritedNote({ id, inherited, makeChange }: InheritedProps) {
  if (inherited === null) return null;
  const reason = "Cleared after the account was created";
  return (
    <>
      <p>{inheritedText(inherited)}</p>
      {inherited.limits.length > 0 && (
        <FollowUp
          verb="Reset its limits"
          run={() => makeChange(call("POST", `${accountPath(id)}/reset`, parseAccount, { body: { reason } }))}
          done="Its limits are full."
        />
      )}
      {inherited.blocked && (
        <FollowUp
          verb="Unblock it"
          run={() =>
            makeChange(call("PATCH", accountPath(id), parseAccount, { body: { status: "active", reason } }))
          }
          done="It is no longer blocked."
        />
      )}
    </>
  );
}
