/** An account's open billing period: its bill so far, line by line, and what caps it. Its limits show what is included. */
import { type Facts, FactList } from "../kit/fact-list.tsx";
import { Section } from "../kit/section.tsx";
import { When } from "../kit/time.tsx";
import { PollState } from "../shell/poll-state.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { accountPath, type BillingSummary, parseBilling } from "./account-api.ts";

const EVERY_MS = 15_000;

export function BillingSection({ id }: { readonly id: string }) {
  const polled = usePolled(`${accountPath(id)}/billing`, parseBilling, EVERY_MS);
  const { value } = polled;
  return (
    <Section title="Billing" detail={value?.currency}>
      <PollState polled={polled} />
      {value && <FactList facts={linesOf(value)} />}
    </Section>
  );
}

function linesOf({
  period,
  accrued: { lines, total, due },
  spendCap,
  budget,
  pendingTier,
}: BillingSummary): Facts {
  const all = [
    ["Since", <When iso={period.start} />],
    ["Until", <When iso={period.end} />],
    ...lines.map(({ description, amount }) => [description, amount] as const),
    ["Total with tax", total],
    ["Due after credits", due],
    ["Spend cap", spendCap],
    ["Budget", budget],
    ["Next tier", pendingTier],
  ] as const;
  return all.filter(([, value]) => value !== null);
}
