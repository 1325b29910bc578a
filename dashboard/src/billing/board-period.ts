/**
 * The ranges for which the board shows what was invoiced: whole months in UTC, by the beginning of the billing period. An invoice follows
 * its period, so the invoices of last month's periods are made this month. Pure.
 */

/** Names in the URL, with titles. */
export const RANGES = [
  ["", "since last month"],
  ["this", "this month"],
  ["last", "last month"],
  ["year", "in the last 12 months"],
] as const;

/** The first and the last month, counted back from the current one. */
const MONTHS: Readonly<Record<string, readonly [first: number, last: number]>> = {
  this: [0, 0],
  last: [1, 1],
  year: [11, 0],
};

/** The start and the end, as the API takes them. */
export function boundsIn(name: string, nowMs: number): { readonly from: string; readonly to: string } {
  const now = new Date(nowMs);
  const month = (ago: number) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - ago)).toISOString().slice(0, 10);
  const [first, last] = MONTHS[name] ?? [1, 0];
  return { from: month(first), to: month(last - 1) };
}

/**
 * What was invoiced month by month, from the first month with documents to the last: this month's invoices follow later, so its absence is
 * no fall.
 * @param rows by month, in order, such as "2026-11".
 * @returns undefined without two months: one is no trend.
 */
export function monthlyTrend(
  rows: readonly { readonly key: string; readonly amount: string }[],
): readonly number[] | undefined {
  const monthOf = (key: string) => Number(key.slice(0, 4)) * 12 + Number(key.slice(5));
  const amounts = new Map(rows.map(({ key, amount }) => [monthOf(key), Math.max(0, Number(amount))]));
  const [first = 0] = amounts.keys();
  const length = Math.max(0, ...amounts.keys()) - first + 1;
  return amounts.size < 2 ? undefined : Array.from({ length }, (_, i) => amounts.get(first + i) ?? 0);
}
