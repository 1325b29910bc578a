/** The dialogs that set and remove the customer's own budget. */
import { ActionDialog } from "../../../dashboard/src/shell/action-dialog.tsx";
import { call } from "../../../dashboard/src/shell/api-client.ts";
import { fieldOf } from "../../../dashboard/src/shell/field-of.ts";
import { AmountField } from "../../../dashboard/src/user/amount-field.tsx";
import { money } from "../money.ts";
import { BILLING, parseBilling, type PortalBilling } from "../portal-api.ts";

interface Props {
  readonly billing: PortalBilling;
  readonly onClose: () => void;
}

export function SetBudgetDialog({ billing: { currency, budget }, onClose }: Props) {
  return (
    <ActionDialog
      title="Set your budget"
      verb="Set budget"
      needsReason={false}
      effect="From the next request on, requests that would cost more are denied: with status 429 and the code budget_reached, until the period ends or you raise the budget. What has been used already stays on the bill."
      run={(fields) => call("PATCH", BILLING, parseBilling, { body: { budget: fieldOf(fields, "amount") } })}
      done={(value) => {
        const set = parseBilling(value)?.budget;
        return set ? `Your budget is ${money(set, currency)} a period.` : "The budget is set.";
      }}
      onClose={onClose}
    >
      <AmountField label={`Budget in ${currency}, before tax`} first={budget} isRequired />
    </ActionDialog>
  );
}

export function RemoveBudgetDialog({ billing: { currency, spendCap }, onClose }: Props) {
  return (
    <ActionDialog
      title="Remove your budget"
      verb="Remove budget"
      needsReason={false}
      effect={
        spendCap === null
          ? "Nothing stops usage beyond what your plan includes then: all of it is billed."
          : `Usage beyond what your plan includes then costs at most the plan's cap, ${money(spendCap, currency)} a period.`
      }
      run={() => call("PATCH", BILLING, parseBilling, { body: { budget: null } })}
      done={() => "You have no budget."}
      onClose={onClose}
    />
  );
}
