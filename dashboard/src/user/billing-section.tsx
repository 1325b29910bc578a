/** An account's open billing period: its bill so far, line by line, and what caps it. Its limits show what is included. */
import { Section } from "../kit/section.tsx";
import { Figure, Table } from "../kit/table.tsx";
import { When } from "../kit/time.tsx";
import { PollState } from "../shell/poll-state.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { accountPath, type BillingSummary, parseBilling } from "./account-api.ts";

const EVERY_MS = 15_000;

export function BillingSection({ id }: { readonly id: string }) {
  const polled = usePolled(`${accountPath(id)}/billing`, parseBilling, EVERY_MS);
  const { value } = polled;
  return (
    <Section
      title="Billing"
      detail={
        value && (
          <>
            <When iso={value.period.start} /> – <When iso={value.period.end} />, {value.currency}
          </>
        )
      }
    >
      <PollState polled={polled} />
      {value && (
        <Table
          label="The bill so far"
          heads={[
            ["Line", "name"],
            ["Amount", "num"],
          ]}
        >
          {linesOf(value).map(([name, amount]) => (
            <tr key={name}>
              <th scope="row" class="name">
                {name}
              </th>
              <Figure>{amount}</Figure>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}

function linesOf({ accrued: { lines, total, due }, spendCap, budget, pendingTier }: BillingSummary) {
  const all = [
    ...lines.map(({ description, amount }) => [description, amount] as const),
    ["Total so far, with tax", total],
    ["Due after credits", due],
    ["Spend cap of overage", spendCap],
    ["Budget of overage", budget],
    ["Tier of the next period", pendingTier],
  ] as const;
  return all.filter(([, value]) => value !== null);
}
