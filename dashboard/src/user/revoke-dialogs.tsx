/** The dialogs that end what an account has beyond its tier: a grant, or an override. */
import { ActionDialog } from "../shell/action-dialog.tsx";
import type { Grant } from "../shell/answers.ts";
import { call } from "../shell/api-client.ts";
import { exact } from "../shell/format.ts";
import { withQuery } from "../shell/query.ts";
import { accountPath, parseAccount, parseGrant } from "./account-api.ts";
import type { DialogProps } from "./dialog-props.ts";
import { numbersText } from "./limit-text.ts";

export function RevokeGrantDialog({
  account: { id },
  status: { limits },
  of: { grantId, limit, amount },
  makeChange,
  onClose,
}: DialogProps & { readonly of: Grant }) {
  const reading = limits.find(({ name }) => name === limit);
  return (
    <ActionDialog
      title={`Revoke the grant of ${exact(amount)} of ${limit}`}
      verb="Revoke"
      isDangerous
      effect={
        reading
          ? `From the next request on, ${limit} is ${exact(reading.limit - amount)} instead of ${exact(reading.limit)}. What was used stays used, so ${exact(Math.max(0, reading.remaining - amount))} of it is left.`
          : `The grant ends with the next request. What was used stays used.`
      }
      run={(_fields, reason) => {
        const path = `${accountPath(id)}/grants/${encodeURIComponent(grantId)}`;
        return makeChange(call("DELETE", withQuery(path, { reason }), parseGrant));
      }}
      done={() => `The grant is revoked: ${id} has ${exact(amount)} less of ${limit}.`}
      onClose={onClose}
    />
  );
}

export function RemoveOverrideDialog({
  account: { id, tier, limits },
  policy,
  of: name,
  makeChange,
  onClose,
}: DialogProps & { readonly of: string }) {
  const inTier = policy?.document.tiers[tier]?.limits.find((limit) => limit.name === name);
  const { [name]: removed = {}, ...others } = limits;
  return (
    <ActionDialog
      title={`Remove the override of ${name}`}
      verb="Remove"
      effect={`From the next request on, ${name} has ${inTier ? `the tier's numbers again: ${numbersText(inTier)}` : "no effect: the tier has no such limit"}. It is ${numbersText(removed)} now. What was used stays used.`}
      run={(_fields, reason) => {
        const body = { limits: Object.keys(others).length === 0 ? null : others, reason };
        return makeChange(call("PATCH", accountPath(id), parseAccount, { body }));
      }}
      done={() => `${name} has the numbers of tier ${tier}.`}
      onClose={onClose}
    />
  );
}
