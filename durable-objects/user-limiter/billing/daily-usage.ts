/**
 * What an account was billed for on each day, for its forecast. Not stored: read from the ledger when it is asked for. Once past days are
 * frozen, memory keeps their sums until the next day, so that a page that polls does not read half a year each time.
 */
import { MAX_DAYS } from "../../../src/billing/forecast.ts";
import { DAY_MS, HOUR_MS } from "../../../src/core/time.ts";
import { includesKey, keyBinding, keyCondition } from "../key-selection.ts";
import type { Ledger } from "../ledger.ts";

/** Whose usage is billed. */
const BILLED = "live";
const DAY_HOURS = DAY_MS / HOUR_MS;

/** Usage before a day, including reservations. */
interface PastDays {
  /** That day, since 1970. */
  readonly today: number;
  /** The first hour with usage, or the first hour in range if there is older usage. Infinity if there is none. */
  readonly firstHour: number;
  /** By day since 1970, in thousandths. */
  readonly sums: ReadonlyMap<number, number>;
}

export class DailyUsage {
  readonly #sql: SqlStorage;
  readonly #ledger: Ledger;
  #frozen: PastDays | null = null;

  constructor(sql: SqlStorage, ledger: Ledger) {
    this.#sql = sql;
    this.#ledger = ledger;
  }

  /**
   * Billed usage in requests on the UTC days before today, oldest first and without gaps: since the first usage; that day counts only if it
   * is complete. At most {@link MAX_DAYS} days. Thousandths.
   */
  before(nowMs: number, hasTables: boolean): number[] {
    const today = Math.floor(nowMs / DAY_MS);
    const { firstHour, sums } = this.#pastDays(today, hasTables);
    const reserved = new Map<number, number>();
    // It is in the ledger, but not billed yet.
    for (const { hour, keyId, costMilli } of this.#ledger.reserved()) {
      if (includesKey(BILLED, keyId)) addTo(reserved, hour, costMilli);
    }
    const first = Math.max(today - MAX_DAYS, Math.ceil(firstHour / DAY_HOURS));
    const count = Math.max(0, today - first);
    return Array.from({ length: count }, (_none, i) =>
      Math.max(0, (sums.get(first + i) ?? 0) - (reserved.get(first + i) ?? 0)),
    );
  }

  #pastDays(today: number, hasTables: boolean): PastDays {
    if (this.#frozen?.today === today) return this.#frozen;
    const found = pastDays(this.#sql, this.#ledger, hasTables, today);
    // Then nothing is added to them any more: cells only move from memory to the table.
    const isFrozen = this.#ledger.firstOpenHour >= today * DAY_HOURS;
    this.#frozen = isFrozen ? found : null;
    return found;
  }
}

function pastDays(sql: SqlStorage, ledger: Ledger, hasTables: boolean, today: number): PastDays {
  const [fromHour, toHour] = [(today - MAX_DAYS) * DAY_HOURS, today * DAY_HOURS];
  const sums = new Map<number, number>();
  let firstHour = hasTables && hasUsageBefore(sql, fromHour) ? fromHour : Infinity;
  const add = (hour: number, milli: number): void => {
    addTo(sums, hour, milli);
    if (milli > 0) firstHour = Math.min(firstHour, hour);
  };
  if (hasTables) for (const { hour, milli } of storedDays(sql, fromHour, toHour)) add(hour, milli);
  for (const { hour, keyId, costMilli } of ledger.openCells) {
    if (hour < toHour && includesKey(BILLED, keyId)) add(hour, costMilli);
  }
  return { today, firstHour, sums };
}

/** Adds to the day of an hour. */
function addTo(sums: Map<number, number>, hour: number, milli: number): void {
  const day = Math.floor(hour / DAY_HOURS);
  sums.set(day, (sums.get(day) ?? 0) + milli);
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
