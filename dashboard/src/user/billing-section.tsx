/** An account's billing: its open period line by line, what caps it, and its credits. Its limits show what is included. */
import { useEffect, useRef } from "preact/hooks";
import { type Facts, FactList } from "../kit/fact-list.tsx";
import { Section } from "../kit/section.tsx";
import { Empty } from "../kit/state.tsx";
import { ACTIONS, Table } from "../kit/table.tsx";
import { When } from "../kit/time.tsx";
import type { Credit } from "../shell/answers.ts";
import { periodText } from "../shell/moment.ts";
import { usePage } from "../shell/page.tsx";
import { PollState } from "../shell/poll-state.tsx";
import { type Polled, usePolled } from "../shell/use-polled.ts";
import { accountPath } from "./account-api.ts";
import { BillTable } from "./bill-table.tsx";
import { forecastText } from "./forecast-text.ts";
import { type BillingSummary, parseCredits } from "./billing-api.ts";
import type { UserAction } from "./use-user.ts";
import { RowAction } from "./user-actions.tsx";

const EVERY_MS = 15_000;

interface Props {
  readonly id: string;
  readonly polled: Polled<BillingSummary>;
  readonly onOpen: (action: UserAction) => void;
}

export function BillingSection({ id, polled, onOpen }: Props) {
  const credits = usePolled(`${accountPath(id)}/credits`, parseCredits, EVERY_MS);
  const { value } = polled;
  const { at } = usePage().address.params;
  const place = useRef<HTMLDivElement>(null);
  // The board leads here.
  useEffect(() => {
    if (at === "bill") place.current?.scrollIntoView({ block: "center" });
  }, [at, value !== null]);
  return (
    <Section
      title="Billing"
      detail={value && `in ${value.currency}, if no usage follows`}
      actions={
        value && (
          <>
            <RowAction verb="Set the budget" onClick={() => onOpen({ budget: value })} />
            <RowAction verb="Give a credit" onClick={() => onOpen({ creditIn: value.currency })} />
          </>
        )
      }
    >
      <PollState polled={polled} />
      {value && (
        <div ref={place} class="columns">
          <BillTable label="Bill of the open period" bills={[["Amount", value.accrued]]} />
          <div>
            <FactList facts={factsOf(value)} />
            <h3>Credits</h3>
            <PollState polled={credits} />
            {credits.value && <CreditTable credits={credits.value.credits} onOpen={onOpen} />}
          </div>
        </div>
      )}
    </Section>
  );
}

function factsOf({ period, spendCap, budget, pendingTier, forecast }: BillingSummary): Facts {
  return [
    ["Period", `${periodText(period, Date.now())}, in UTC`],
    ["Forecast", forecastText(forecast)],
    ["Spend cap", spendCap ?? "none in the policy"],
    ["Budget", budget ?? "none"],
    ...(pendingTier === null ? [] : [["Next tier", pendingTier] as const]),
  ];
}

interface CreditProps {
  readonly credits: readonly Credit[];
  readonly onOpen: (action: UserAction) => void;
}

function CreditTable({ credits, onOpen }: CreditProps) {
  if (credits.length === 0) return <Empty title="No credits" hint="A credit pays bills after tax." />;
  return (
    <Table
      label="List of credits"
      heads={[["For", "name"], ["Given", "num"], ["Left", "num"], "Expires", ACTIONS]}
    >
      {credits.map((credit) => {
        const { id, kind, amount, left, expires, source } = credit;
        return (
          <tr key={id}>
            <th scope="row" class="name">
              {source} <span class="caption">{kind}</span>
            </th>
            <td class="num">{amount}</td>
            <td class="num">{left}</td>
            <td>{expires === null ? <span class="quiet">never</span> : <When iso={expires} />}</td>
            <td class="row-actions">
              {Number(left) > 0 && (
                <RowAction
                  verb="Take back"
                  of={`the credit for ${source}`}
                  onClick={() => onOpen({ takeBack: credit })}
                />
              )}
            </td>
          </tr>
        );
      })}
    </Table>
  );
}
