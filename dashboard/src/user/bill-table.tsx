/** Bills side by side: line by line, with taxes, and what is left to pay. */
import { Table } from "../kit/table.tsx";
import type { Bill } from "./billing-api.ts";
import { billRows } from "./bill-rows.ts";

interface Props {
  /** What the table lists. */
  readonly label: string;
  readonly bills: readonly (readonly [title: string, bill: Bill])[];
}

export function BillTable({ label, bills }: Props) {
  return (
    <Table
      label={label}
      kind="bill"
      heads={[["Line", "name"], ...bills.map(([title]) => [title, "num"] as const)]}
    >
      {billRows(bills.map(([, bill]) => bill)).map(({ name, amounts, isSum }, i) => (
        <tr key={i}>
          <th scope="row">{isSum ? <strong>{name}</strong> : name}</th>
          {amounts.map((amount, of) => (
            <td key={of} class="num">
              {isSum ? <strong>{amount}</strong> : (amount ?? "–")}
            </td>
          ))}
        </tr>
      ))}
    </Table>
  );
}
