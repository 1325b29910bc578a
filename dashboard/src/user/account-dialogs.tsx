/** The dialogs that block, unblock or reset an account, or change its tier. */
import { useState } from "preact/hooks";
import { Choice } from "../kit/choice.tsx";
import { ActionDialog } from "../shell/action-dialog.tsx";
import { call } from "../shell/api-client.ts";
import { count, exact } from "../shell/format.ts";
import { accountPath, parseAccount, parseChangedAccount } from "./account-api.ts";
import type { DialogProps } from "./dialog-props.ts";
import { FollowUp } from "./follow-up.tsx";
import { keptText, tierChanges } from "./limit-text.ts";

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

const CLEARED = { limits: null, reason: "Cleared after a tier change" };

export function TierDialog({ account: { id, tier }, policy, makeChange, onClose }: DialogProps) {
  const tiers = policy?.document.tiers ?? {};
  const [chosen, setChosen] = useState(tier);
  const lines = tierChanges(tiers[tier], tiers[chosen]);
  return (
    <ActionDialog
      title={`Change the tier of ${id}`}
      verb="Change tier"
      effect={
        chosen === tier ? (
          `The tier is ${tier}. Choose another.`
        ) : (
          <>
            From the next request on, {id} has the limits of {chosen} instead of {tier}. Usage stays as it is.
            <ul class="changes">
              {lines.map((line) => (
                <li key={line}>{line}</li>
              ))}
            </ul>
          </>
        )
      }
      run={(_fields, reason) =>
        makeChange(call("PATCH", accountPath(id), parseChangedAccount, { body: { tier: chosen, reason } }))
      }
      done={(value) => {
        const { overridesKept = [], grantsKept = [], pendingTier = null } = parseChangedAccount(value) ?? {};
        if (pendingTier !== null) {
          return <p>The tier changes to {pendingTier} when the billing period ends.</p>;
        }
        return (
          <>
            <p>
              {id} is in tier {chosen} now. {keptText(overridesKept, grantsKept)}
            </p>
            {overridesKept.length > 0 && (
              <FollowUp
                verb="Clear its overrides"
                run={() => makeChange(call("PATCH", accountPath(id), parseAccount, { body: CLEARED }))}
                done="The tier's limits apply."
              />
            )}
          </>
        );
      }}
      onClose={onClose}
    >
      <Choice
        label="Tier"
        options={[...new Set([tier, ...Object.keys(tiers)])]}
        value={chosen}
        onPick={setChosen}
      />
    </ActionDialog>
  );
}
