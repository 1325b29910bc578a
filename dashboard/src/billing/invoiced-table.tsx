/** What was invoiced, divided by tier, route or customer: the largest part first. */
import { ShareCell } from "../kit/share-cell.tsx";
import { Empty } from "../kit/state.tsx";
import { Table } from "../kit/table.tsx";
import { PollState } from "../shell/poll-state.tsx";
import type { Polled } from "../shell/use-polled.ts";
import type { Invoiced } from "../shell/answers.ts";
import type { InvoicedSum } from "./board-api.ts";
import { counted } from "../shell/format.ts";
import { BillLink } from "./bill-link.tsx";
import { grouped } from "./money.ts";

interface Props {
  readonly by: "Tier" | "Route" | "Customer";
  readonly polled: Polled<Invoiced>;
}

export function InvoicedTable({ by, polled }: Props) {
  const { value } = polled;
  if (value === null) return <PollState polled={polled} />;
  const { rows, others, total, unknown, currency } = value;
  if (rows.length === 0) return <Empty title="Nothing is invoiced for these periods" />;
  const isCredited = Number(total.creditNotes) > 0;
  const row = (name: string, { documents, amount, creditNotes }: InvoicedSum) => (
    <tr key={name}>
      <th scope="row" class="name">
        {by === "Customer" && name !== OTHERS ? <BillLink of={name} /> : name}
      </th>
      <td class="num">{documents}</td>
      <td class="num">{grouped(amount)}</td>
      {isCredited && <td class="num">{grouped(creditNotes)}</td>}
      <ShareCell share={Number(amount) / (Number(total.amount) || 1)} />
    </tr>
  );
  return (
    <>
      <Table
        label={`Invoiced by ${by.toLowerCase()}`}
        heads={[
          [by, "name"],
          ["Documents", "num"],
          [currency ?? "Amount", "num", "Before tax, less credit notes"],
          ...(isCredited ? [["Credited", "num", "What credit notes took back"] as const] : []),
          "Share",
        ]}
      >
        {rows.map((of) => row(of.key, of))}
        {others && row(OTHERS, others)}
      </Table>
      {unknown > 0 && by !== "Customer" && (
        <p class="caption">
          {counted(unknown, "older document")} cannot be broken down until you run{" "}
          <code>npm run register:rebuild</code>.
        </p>
      )}
    </>
  );
}

const OTHERS = "(others)";
