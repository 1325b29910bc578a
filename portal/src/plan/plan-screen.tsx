/** The account's plan and the customer's own budget. Only a session that began with a link may change them. */
import { useState } from "preact/hooks";
import { Section } from "../../../dashboard/src/kit/section.tsx";
import { PollState } from "../../../dashboard/src/shell/poll-state.tsx";
import { usePolled } from "../../../dashboard/src/shell/use-polled.ts";
import { money } from "../money.ts";
import { Notice } from "../notice.tsx";
import { BILLING, parseBilling, type PortalBilling } from "../portal-api.ts";
import { useSession } from "../session.tsx";
import { RemoveBudgetDialog, SetBudgetDialog } from "./budget-dialogs.tsx";
import { TiersSection } from "./tiers-section.tsx";

export function PlanScreen() {
  const { kind } = useSession();
  const billing = usePolled(BILLING, parseBilling);
  return (
    <>
      {kind === "key" && (
        <Notice tone="info">
          You signed in by key, so you can read this page and change nothing on it: programs have keys, too.
          Ask the provider of this API for a sign-in link, and open it in this browser.
        </Notice>
      )}
      <TiersSection billing={billing.value} onChanged={billing.refresh} />
      <Section title="Budget">
        <PollState polled={billing} />
        {billing.value && <Budget billing={billing.value} onChanged={billing.refresh} />}
      </Section>
    </>
  );
}

interface BudgetProps {
  readonly billing: PortalBilling;
  readonly onChanged: () => void;
}

function Budget({ billing, onChanged }: BudgetProps) {
  const { may } = useSession();
  const [dialog, setDialog] = useState<"set" | "remove" | null>(null);
  const { budget, spendCap, currency } = billing;
  const close = () => {
    setDialog(null);
    onChanged();
  };
  return (
    <>
      <p>
        <strong class="figure">{budget === null ? "None" : `${money(budget, currency)} a period`}</strong>
      </p>
      <p>
        The most that usage beyond what your plan includes may cost in a billing period, before tax. It does
        not cover the base fee. Requests stop exactly there: nothing is billed above it.
        {spendCap !== null &&
          ` Your plan has a cap of its own, ${money(spendCap, currency)}: the lower one applies.`}
      </p>
      {may.budget && (
        <p class="buttons">
          {budget !== null && (
            <button type="button" onClick={() => setDialog("remove")}>
              Remove budget
            </button>
          )}
          <button type="button" class="primary" onClick={() => setDialog("set")}>
            {budget === null ? "Set a budget" : "Change budget"}
          </button>
        </p>
      )}
      {dialog === "set" && <SetBudgetDialog billing={billing} onClose={close} />}
      {dialog === "remove" && <RemoveBudgetDialog billing={billing} onClose={close} />}
    </>
  );
}
