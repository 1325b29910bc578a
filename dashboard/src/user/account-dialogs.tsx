/** Changes of an account's standing: block, unblock, reset, another tier. */
import { useState } from "preact/hooks";
import { ActionDialog } from "../shell/action-dialog.tsx";
import { call } from "../shell/api-client.ts";
import { count, exact } from "../shell/format.ts";
import { accountPath, parseAccount, parseChangedAccount } from "./account-answers.ts";
import type { DialogProps } from "./dialog-props.ts";
import { FollowUp } from "./follow-up.tsx";
import { keptText, tierChanges } from "./limit-text.ts";

export function BlockDialog({ account: { id, status: is }, status, act, onClose }: DialogProps) {
  const isBlocked = is === "blocked";
  const { hour } = status.usage;
  return (
    <ActionDialog
      title={`${isBlocked ? "Unblock" : "Block"} ${id}`}
      verb={isBlocked ? "Unblock" : "Block"}
      isDangerous={!isBlocked}
      effect={
        isBlocked
          ? "Its next request is decided by its limits again. What was used stays used."
          : `From the next request on, all are refused with 403, by every key and token; none is charged. In this hour ${count(hour.requests)} of its requests were let in and ${count(hour.denied)} denied.`
      }
      run={(_fields, reason) =>
        act(
          call("PATCH", accountPath(id), parseAccount, {
            body: { status: isBlocked ? "active" : "blocked", reason },
          }),
        )
      }
      done={() => (isBlocked ? `${id} is let in again.` : `${id} is blocked.`)}
      onClose={onClose}
    />
  );
}

export function ResetDialog({ account: { id }, status: { limits }, act, onClose }: DialogProps) {
  return (
    <ActionDialog
      title={`Reset ${id}`}
      verb="Reset"
      effect="What was spent of the chosen limits is forgotten: they are full at once. Usage and bills stay as they are."
      run={(fields, reason) => {
        const chosen = limits.map(({ name }) => name).filter((name) => fields.has(`limit ${name}`));
        const body = { ...(chosen.length === limits.length ? {} : { limits: chosen }), reason };
        return act(call("POST", `${accountPath(id)}/reset`, parseAccount, { body }));
      }}
      done={() => `The limits of ${id} are full again.`}
      onClose={onClose}
    >
      <fieldset>
        <legend>Limits</legend>
        {limits.map(({ name, limit, remaining }) => (
          <label key={name} class="choice">
            <input type="checkbox" name={`limit ${name}`} defaultChecked />
            {name}: {exact(limit - remaining)} of {exact(limit)} are spent, then none
          </label>
        ))}
      </fieldset>
    </ActionDialog>
  );
}

const CLEARED = { limits: null, reason: "Cleared after the change of the tier" };

export function TierDialog({ account: { id, tier }, policy, act, onClose }: DialogProps) {
  const tiers = policy?.document.tiers ?? {};
  const [chosen, setChosen] = useState(tier);
  const lines = tierChanges(tiers[tier], tiers[chosen]);
  return (
    <ActionDialog
      title={`Change the tier of ${id}`}
      verb="Change tier"
      effect={
        chosen === tier ? (
          `It is in tier ${tier}. Choose another.`
        ) : (
          <>
            From the next request on, {id} counts by {chosen} instead of {tier}. What was used stays used.
            <ul class="changes">
              {lines.map((line) => (
                <li key={line}>{line}</li>
              ))}
            </ul>
          </>
        )
      }
      run={(_fields, reason) =>
        act(call("PATCH", accountPath(id), parseChangedAccount, { body: { tier: chosen, reason } }))
      }
      done={(value) => {
        const { overridesKept = [], grantsKept = [] } = parseChangedAccount(value) ?? {};
        return (
          <>
            <p>
              {id} is in tier {chosen}. {keptText(overridesKept, grantsKept)}
            </p>
            {overridesKept.length > 0 && (
              <FollowUp
                verb="Clear its own numbers"
                run={() => act(call("PATCH", accountPath(id), parseAccount, { body: CLEARED }))}
                done="The tier's numbers apply."
              />
            )}
          </>
        );
      }}
      onClose={onClose}
    >
      <label>
        Tier
        <select name="tier" value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
          {[...new Set([tier, ...Object.keys(tiers)])].map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
    </ActionDialog>
  );
}
