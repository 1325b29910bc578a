/** The dialog that changes the plan. It shows the price, which the API computes with the code that closes a period. */
import { useMemo } from "preact/hooks";
import { FactList } from "../../../dashboard/src/kit/fact-list.tsx";
import { ActionDialog } from "../../../dashboard/src/shell/action-dialog.tsx";
import { call } from "../../../dashboard/src/shell/api-client.ts";
import { BillTable } from "../../../dashboard/src/user/bill-table.tsx";
import { money } from "../money.ts";
import { lastDay } from "../../../dashboard/src/shell/moment.ts";
import { parseChange, type TierPreview, TIER } from "../portal-api.ts";
import { previewFacts } from "./tier-text.ts";

interface Props {
  readonly tier: string;
  readonly preview: TierPreview;
  readonly onClose: () => void;
}

export function TierDialog({ tier, preview, onClose }: Props) {
  const { before, after, next, currency, effectiveAt } = preview;
  // One idempotency key per dialog: pressing the button again after a failure changes the plan only once.
  const idempotencyKey = useMemo(() => Array.from(crypto.getRandomValues(new Uint32Array(4))).join("-"), []);
  return (
    <ActionDialog
      title={`Change your plan to ${tier}`}
      verb={`Change to ${tier}`}
      needsReason={false}
      effect={
        <>
          <FactList facts={previewFacts(preview, Date.now())} />
          <details>
            <summary>Line by line, in {currency}</summary>
            <BillTable
              label="What it costs"
              bills={[
                ["As it is", before],
                ["Changed", after],
                ["Later", next],
              ]}
            />
          </details>
        </>
      }
      run={() =>
        call("POST", TIER, parseChange, {
          body: { tier },
          headers: { "Idempotency-Key": idempotencyKey },
        })
      }
      done={(value) => {
        const change = parseChange(value);
        if (change?.at === "period_end")
          return `Your plan is ${tier} after ${lastDay(effectiveAt, Date.now())}.`;
        const due = change?.billing.accrued.due ?? after.due;
        return `Your plan is ${tier} now. The next invoice comes to ${money(due, currency)}, if no usage follows.`;
      }}
      onClose={onClose}
    />
  );
}
