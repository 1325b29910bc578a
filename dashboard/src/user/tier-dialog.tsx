/**
 * The dialog that changes the tier of an account. If the policy has billing, the change can wait for the period's end, and the dialog
 * shows what it costs, as the API computes it with the code that makes the change.
 */
import { useState } from "preact/hooks";
import { Choice } from "../kit/choice.tsx";
import { When } from "../kit/time.tsx";
import { ActionDialog } from "../shell/action-dialog.tsx";
import type { TierPreview } from "../shell/answers.ts";
import { call } from "../shell/api-client.ts";
import { accountPath, parseAccount, parseChangedAccount } from "./account-api.ts";
import { parseChangedTier } from "./billing-api.ts";
import type { DialogProps } from "./dialog-props.ts";
import { FollowUp } from "./follow-up.tsx";
import { keptText, tierChanges } from "./limit-text.ts";
import { PreviewView } from "./preview-view.tsx";
import { usePreview } from "./use-preview.ts";

const CLEARED = { limits: null, reason: "Cleared after a tier change" };

/** When the change takes effect. Without one, the API decides. */
const TIMES: readonly (readonly [at: TierPreview["at"] | "", title: string])[] = [
  ["", "Now; if the base fee falls, when the period ends"],
  ["now", "Now"],
  ["period_end", "When the billing period ends"],
];

export function TierDialog({ account, policy, makeChange, onClose }: DialogProps) {
  const { id, tier, limits, grants } = account;
  const { tiers = {}, billing } = policy?.document ?? {};
  const isBilled = billing !== undefined;
  const [chosen, setChosen] = useState(tier);
  const [at, setAt] = useState("");
  const preview = usePreview(isBilled ? id : null, chosen, at);
  const change = { tier: chosen, ...(at === "" ? {} : { at }) };
  const lines = tierChanges(tiers[tier], tiers[chosen]);
  const isKept = (name: string) => tiers[chosen]?.limits.some((limit) => limit.name === name) ?? false;
  const effectiveAt = preview?.kind === "ok" ? preview.value.effectiveAt : null;
  return (
    <ActionDialog
      title={`Change the tier of ${id}`}
      verb="Change tier"
      effect={
        <>
          {chosen === tier ? (
            `The tier is ${tier}. ${isBilled ? SAME_TIER : "Choose another."}`
          ) : (
            <>
              From {effectiveAt === null ? "the next request" : <When iso={effectiveAt} />} on, {id} has the
              limits of {chosen} instead of {tier}. Usage stays as it is.
              <ul class="changes">
                {lines.map((line) => (
                  <li key={line}>{line}</li>
                ))}
              </ul>
            </>
          )}
          {isBilled && <PreviewView of={preview} />}
        </>
      }
      run={(_fields, reason) =>
        makeChange<unknown>(
          isBilled
            ? call("POST", `${accountPath(id)}/tier`, parseChangedTier, { body: { ...change, reason } })
            : call("PATCH", accountPath(id), parseChangedAccount, { body: { tier: chosen, reason } }),
        )
      }
      done={(value) => {
        const changed = parseChangedAccount(value);
        if (changed ? changed.pendingTier !== null : parseChangedTier(value)?.at === "period_end") {
          return <p>The tier is {chosen} from the next billing period on.</p>;
        }
        // Only a change without billing answers with what is kept.
        const overrides = changed?.overridesKept ?? Object.keys(limits).filter(isKept);
        const granted = changed?.grantsKept ?? grants.map(({ limit }) => limit).filter(isKept);
        return (
          <>
            <p>
              {id} is in tier {chosen} now. {keptText(overrides, granted)}
            </p>
            {overrides.length > 0 && (
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
      {isBilled && <Choice label="When" options={TIMES} value={at} onPick={setAt} />}
    </ActionDialog>
  );
}

const SAME_TIER =
  "Now, it takes over the prices and included amounts that the policy in force has for it. When the billing period ends, it cancels a change that waits for that.";
