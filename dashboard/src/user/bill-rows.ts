/** The rows that show bills side by side. Pure. */
import type { Bill } from "./billing-api.ts";

export interface BillRow {
  readonly name: string;
  /** One for each bill; null if it lacks the line. */
  readonly amounts: readonly (string | null)[];
  readonly isSum: boolean;
}

type Part = readonly (readonly [name: string, amount: string])[];

/** The lines of all bills, their taxes, totals, and what credits leave of them. Bills share the lines of the same name. */
export function billRows(bills: readonly Bill[]): readonly BillRow[] {
  const amountsOf = (of: (bill: Bill) => string) => bills.map(of);
  const isPaid = bills.some(({ total, due }) => total !== due);
  return [
    ...rowsOf(bills.map(({ lines }) => lines.map(({ description, amount }) => [description, amount]))),
    ...rowsOf(
      bills.map(({ taxes }) => taxes.map(({ name, percent, amount }) => [`${name} ${percent} %`, amount])),
    ),
    { name: "Total", amounts: amountsOf(({ total }) => total), isSum: true },
    ...(isPaid ? [{ name: "Due after credits", amounts: amountsOf(({ due }) => due), isSum: true }] : []),
  ];
}

/** The first line of a name in one bill stands beside the first of it in another, and so on. */
function rowsOf(parts: readonly Part[]): BillRow[] {
  const rows = new Map<string, { name: string; amounts: (string | null)[]; isSum: false }>();
  parts.forEach((part, bill) => {
    const seen = new Map<string, number>();
    for (const [name, amount] of part) {
      const nth = seen.get(name) ?? 0;
      seen.set(name, nth + 1);
      const key = `${nth} ${name}`;
      const row = rows.get(key) ?? { name, amounts: parts.map(() => null), isSum: false };
      row.amounts[bill] = amount;
      rows.set(key, row);
    }
  });
  return [...rows.values()];
}
