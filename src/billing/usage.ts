/**
 * Metered usage by route and unit, as the ledger counts it and an invoice lists it.
 *
 * Segments store the usage since the period began, and their own usage is a difference of two such sums. So the segments' usage adds up
 * to the ledger, whatever happened between.
 */

/** Usage of one route in one unit. */
export interface UsageRow {
  /** The route's pattern in the policy; "" for usage without a route. */
  readonly route: string;
  /** `requests`, or another unit of the policy. */
  readonly unit: string;
  /** Requests. Only in the row of the unit `requests`, 0 in all others, so that a sum counts each request once. */
  readonly count: number;
  /** Cost in thousandths of the unit. */
  readonly costMilli: number;
}

/** What `prices[].of` says for the number of requests, whatever they cost. */
export const COUNT = "count";

/**
 * Usage between two sums of the same period: only rows that changed, ordered by route and unit.
 * @throws RangeError if usage has become less: the ledger never does.
 */
export function usageBetween(start: readonly UsageRow[], end: readonly UsageRow[]): UsageRow[] {
  const before = new Map(start.map((row) => [keyOf(row), row]));
  const rows: UsageRow[] = [];
  let matched = 0;
  for (const row of end) {
    const earlier = before.get(keyOf(row));
    if (earlier !== undefined) matched++;
    const count = row.count - (earlier?.count ?? 0);
    const costMilli = row.costMilli - (earlier?.costMilli ?? 0);
    if (count < 0 || costMilli < 0) throw new RangeError(`usage of ${keyOf(row)} has become less`);
    if (count > 0 || costMilli > 0) rows.push({ route: row.route, unit: row.unit, count, costMilli });
  }
  if (matched < before.size) throw new RangeError("a row of usage is gone");
  return rows.toSorted((a, b) => compare(a.route, b.route) || compare(a.unit, b.unit));
}

/**
 * Usage of a route (null: of all routes) in a unit, or {@link COUNT}, in thousandths.
 * @throws RangeError above 2^53 - 1, where a number is no longer exact.
 */
export function quantityMilli(rows: readonly UsageRow[], route: string | null, of: string): number {
  let milli = 0;
  for (const row of rows) {
    if (route !== null && row.route !== route) continue;
    if (of === COUNT) milli += row.count * 1000;
    else if (row.unit === of) milli += row.costMilli;
  }
  if (!Number.isSafeInteger(milli)) throw new RangeError("usage is too large to be exact");
  return milli;
}

/** Usage with so many requests' cost more, of no route. Thousandths. */
export function withUsage(rows: readonly UsageRow[], milli: number): readonly UsageRow[] {
  if (milli === 0) return rows;
  const isOwn = ({ route, unit }: UsageRow): boolean => route === "" && unit === "requests";
  const own = rows.find(isOwn) ?? { route: "", unit: "requests", count: 0, costMilli: 0 };
  return [...rows.filter((row) => !isOwn(row)), { ...own, costMilli: own.costMilli + milli }];
}

function keyOf({ route, unit }: UsageRow): string {
  return `${route}\n${unit}`;
}

/** By code unit, not by locale: an invoice is rated again to the same bytes anywhere. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
