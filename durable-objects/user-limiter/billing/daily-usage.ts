/** What an account was billed for on each day, for its forecast. Read from the ledger when it is asked for, and not kept. */
import { MAX_DAYS } from "../../../src/billing/forecast.ts";
import { DAY_MS, HOUR_MS } from "../../../src/core/time.ts";
import { includesKey, keyBinding, keyCondition } from "../key-selection.ts";
import type { Ledger } from "../ledger.ts";

/** Whose usage is billed. */
const BILLED = "live";
const DAY_HOURS = DAY_MS / HOUR_MS;

/**
 * Billed usage in requests on the days of UTC before today, oldest first and without gaps: all since the first usage, without the day of
 * that unless it is whole; at most {@link MAX_DAYS}. Thousandths.
 */
export function billedDays(sql: SqlStorage, ledger: Ledger, hasTables: boolean, nowMs: number): number[] {
  const today = Math.floor(nowMs / DAY_MS);
  const [fromHour, toHour] = [(today - MAX_DAYS) * DAY_HOURS, today * DAY_HOURS];
  const sums = new Map<number, number>();
  let firstHour = hasTables && hasUsageBefore(sql, fromHour) ? fromHour : Infinity;
  const add = (hour: number, milli: number): void => {
    if (hour >= toHour) return;
    const day = Math.floor(hour / DAY_HOURS);
    sums.set(day, (sums.get(day) ?? 0) + milli);
    if (milli > 0) firstHour = Math.min(firstHour, hour);
  };
  if (hasTables) for (const { hour, milli } of storedDays(sql, fromHour, toHour)) add(hour, milli);
  for (const { hour, keyId, costMilli } of ledger.openCells) {
    if (includesKey(BILLED, keyId)) add(hour, costMilli);
  }
  // What is reserved is in the ledger, but not billed yet.
  for (const { hour, keyId, costMilli } of ledger.reserved()) {
    if (includesKey(BILLED, keyId)) add(hour, -costMilli);
  }
  const first = Math.max(today - MAX_DAYS, Math.ceil(firstHour / DAY_HOURS));
  const count = Math.max(0, today - first);
  return Array.from({ length: count }, (_none, i) => Math.max(0, sums.get(first + i) ?? 0));
}

/** A row for each day with usage: the first hour that has some, and the day's sum. */
function storedDays(
  sql: SqlStorage,
  fromHour: number,
  toHour: number,
): Iterable<{ hour: number; milli: number }> {
  return sql.exec<{ hour: number; milli: number }>(
    `SELECT min(hour) AS hour, total(cost_milli) AS milli FROM usage
     WHERE hour >= ?1 AND hour < ?2 AND cost_milli > 0 AND ${keyCondition(3)} GROUP BY hour / ${DAY_HOURS}`,
    fromHour,
    toHour,
    keyBinding(BILLED),
  );
}

function hasUsageBefore(sql: SqlStorage, hour: number): boolean {
  const query = `SELECT 1 FROM usage WHERE hour < ?1 AND cost_milli > 0 AND ${keyCondition(2)} LIMIT 1`;
  return sql.exec(query, hour, keyBinding(BILLED)).toArray().length > 0;
}
