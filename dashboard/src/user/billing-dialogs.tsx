/** The dialogs that change what an account pays: its budget, and its credits. */
import { Choice } from "../kit/choice.tsx";
import { ActionDialog } from "../shell/action-dialog.tsx";
import type { Credit } from "../shell/answers.ts";
import { call } from "../shell/api-client.ts";
import { fieldOf } from "../shell/field-of.ts";
import { withQuery } from "../shell/query.ts";
import { accountPath } from "./account-api.ts";
import { AmountField } from "./amount-field.tsx";
import { type BillingSummary, parseBilling, parseCredit, parseRemovedCredit } from "./billing-api.ts";
import type { DialogProps } from "./dialog-props.ts";
import { EXPIRIES, expiryOf } from "./expiry.ts";

export function BudgetDialog({
  account: { id },
  of: { currency, budget, spendCap },
  makeChange,
  onClose,
}: DialogProps & { readonly of: BillingSummary }) {
  return (
    <ActionDialog
      title={`Set the budget of ${id}`}
      verb="Set"
      effect={`The most that usage beyond the included amount may cost in a billing period, before tax${spendCap === null ? "" : `; the policy's own cap is ${spendCap}`}. From the next request on, requests that would cost more are denied. One below what has accrued gives nothing back.`}
      run={(fields, reason) => {
        const amount = fieldOf(fields, "amount");
        const body = { budget: amount === "" ? null : amount, reason };
        return makeChange(call("PATCH", `${accountPath(id)}/billing`, parseBilling, { body }));
      }}
      done={(value) => {
        const set = parseBilling(value)?.budget ?? null;
        return set === null ? `${id} has no budget.` : `The budget of ${id} is ${set} ${currency}.`;
      }}
      onClose={onClose}
    >
      <AmountField label={`Budget in ${currency}; empty for none`} first={budget} />
    </ActionDialog>
  );
}

const KINDS = [
  ["promotional", "promotional"],
  ["paid", "paid: the customer has paid for it"],
] as const;

export function CreditDialog({
  account: { id },
  of: currency,
  makeChange,
  onClose,
}: DialogProps & { readonly of: string }) {
  return (
    <ActionDialog
      title={`Give ${id} a credit`}
      verb="Give"
      effect="It pays bills after tax, from the open period's on. It still pays the whole period in which it expires."
      run={(fields, reason) => {
        const body = {
          kind: fieldOf(fields, "kind"),
          amount: fieldOf(fields, "amount"),
          currency,
          source: fieldOf(fields, "source"),
          expires: expiryOf(fields),
          reason,
        };
        return makeChange(call("POST", `${accountPath(id)}/credits`, parseCredit, { body }));
      }}
      done={(value) => `${id} has a credit of ${parseCredit(value)?.amount ?? ""} ${currency}.`}
      onClose={onClose}
    >
      <AmountField label={`Amount in ${currency}`} isRequired />
      <label>
        For
        <input name="source" required maxLength={200} placeholder="payment, ticket, …" autocomplete="off" />
        <span class="caption">The same text gives a credit only once.</span>
      </label>
      <Choice label="Kind" name="kind" options={KINDS} />
      <Choice label="Expires" name="expires" options={EXPIRIES} />
    </ActionDialog>
  );
}

export function TakeBackDialog({
  account: { id },
  of: { id: credit, left, currency, source },
  makeChange,
  onClose,
}: DialogProps & { readonly of: Credit }) {
  return (
    <ActionDialog
      title={`Take back the credit for ${source}`}
      verb="Take back"
      isDangerous
      effect={`${left} ${currency} are left. What the open period's bill needs of them stays; the rest is removed. The credit stays in the list.`}
      run={(_fields, reason) =>
        makeChange(
          call("DELETE", withQuery(`${accountPath(id)}/credits/${credit}`, { reason }), parseRemovedCredit),
        )
      }
      done={(value) => `${parseRemovedCredit(value)?.removed ?? ""} ${currency} of the credit are removed.`}
      onClose={onClose}
    />
  );
}
