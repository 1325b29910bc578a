/**
 * The usage ledger: requests, cost and denials by hour, route and key. Bills are made from it, so it is exact.
 *
 * Open cells are in memory and in the state row, written together with the counters' floors. When their hour is over, they are added to
 * the usage table and removed from the row, in one transaction. So a decision writes no row of the ledger. An object without tables
 * does not create them for a closed hour: its cells stay in the row until there are too many.
 */
import * as z from "zod/mini";
import { HOUR_MS } from "../../src/core/time.ts";
import { MAX_EXACT } from "../../src/core/units.ts";
import type { UsageRow } from "../../src/billing/usage.ts";
import type { UsageCell } from "../../src/objects/object-call.ts";
import { includesKey, keyBinding, keyCondition, type KeySelection } from "./key-selection.ts";

/** With more open cells (many routes and keys in one hour), all go to the table early, to keep the state row small. */
const MAX_OPEN_CELLS = 32;

/** A crash loses at most this many free or denied requests, which use up no headroom. */
const MAX_UNWRITTEN_REQUESTS = 256;

const count = z.int().check(z.gte(0));
export const cellSchema = z.strictObject({
  hour: count,
  route: z.string(),
  keyId: z.string(),
  requests: count,
  costMilli: count,
  denied: count,
  /**
   * Counts in quotas but is not billed: it may have been lost in a crash, or by an isolate with its lease. Negative: it was metered after
   * all, and the table has it as lost.
   */
  lostMilli: z.optional(z.int()),
});
type Cell = z.infer<typeof cellSchema>;

/** Usage of a span of time. Cost in millitokens. */
export interface Usage {
  readonly requests: number;
  readonly costMilli: number;
  readonly denied: number;
}

/** What the ledger counts in: it has no other units yet. */
const UNIT = "requests";

/** Whose usage is billed. */
const BILLED = "live";

export class Ledger {
  /** Earlier hours are frozen: what is metered in them late counts in this one. 0: none is, without billing. */
  firstOpenHour = 0;
  readonly #sql: SqlStorage;
  readonly #open = new Map<string, Cell>();
  /** The last cell added to, usually also the next: found without building its key. */
  #last: Cell | null = null;
  #unwrittenMilli = 0;
  #unwrittenRequests = 0;

  /** @param open the cells of the state row. */
  constructor(sql: SqlStorage, open: readonly Cell[]) {
    this.#sql = sql;
    for (const cell of open) this.#open.set(cellKey(cell.hour, cell.route, cell.keyId), { ...cell });
  }

  /** Whether the next write is due because of the number of requests since the last one, whatever they cost, admitted or not. */
  get isLong(): boolean {
    return this.#unwrittenRequests >= MAX_UNWRITTEN_REQUESTS;
  }

  /** Cost admitted since the last write: what a crash would lose. */
  get unwrittenMilli(): number {
    return this.#unwrittenMilli;
  }

  /** Cells that are not in the table yet. */
  get openCells(): readonly Readonly<Cell>[] {
    return [...this.#open.values()];
  }

  /** When the last hour began in which each key was used, by key id. */
  lastUsedMs(hasTable: boolean): Map<string, number> {
    const last = new Map<string, number>();
    const stored = hasTable
      ? this.#sql.exec<{ key_id: string; hour: number }>(
          "SELECT key_id, max(hour) AS hour FROM usage GROUP BY key_id",
        )
      : [];
    for (const { key_id: keyId, hour } of stored) last.set(keyId, hour * HOUR_MS);
    for (const { keyId, hour } of this.#open.values()) {
      last.set(keyId, Math.max(hour * HOUR_MS, last.get(keyId) ?? 0));
    }
    return last;
  }

  /** Adds to the cell of the hour of `atMs`, or of the first open hour. "" stands for no route and for no key. @returns whether that is later. */
  add(atMs: number, { route, keyId, requests, costMilli, denied, withdrawn = 0 }: UsageCell): boolean {
    const hour = Math.floor(atMs / HOUR_MS);
    const cell = this.#cell(hour < this.firstOpenHour ? this.firstOpenHour : hour, route, keyId);
    cell.requests += requests;
    cell.costMilli += costMilli;
    // A crash may have lost the denial, or the table may have it already.
    cell.denied = Math.max(0, cell.denied + denied - withdrawn);
    this.#unwrittenMilli += costMilli;
    this.#unwrittenRequests += requests + denied;
    return hour < this.firstOpenHour;
  }

  /** Usage that counts in quotas, from this hour on. Call only if there are tables. */
  charged(fromHour: number): [hour: number, route: string, keyId: string, milli: number][] {
    const cells = this.#sql
      .exec<{ hour: number; route: string; key_id: string; milli: number }>(
        "SELECT hour, route, key_id, cost_milli + lost_milli AS milli FROM usage WHERE hour >= ?",
        fromHour,
      )
      .toArray()
      .map(({ hour, route, key_id: keyId, milli }): [number, string, string, number] => [
        hour,
        route,
        keyId,
        milli,
      ]);
    for (const { hour, route, keyId, costMilli, lostMilli = 0 } of this.#open.values()) {
      if (hour >= fromHour) cells.push([hour, route, keyId, costMilli + lostMilli]);
    }
    return cells;
  }

  /**
   * Usage that counts in quotas, of the hours from `fromHour` to before `toHour`. Millitokens.
   * @param route only of this route; null: of all.
   */
  chargedMilli(
    fromHour: number,
    toHour: number,
    route: string | null,
    keys: KeySelection,
    hasTable: boolean,
  ): number {
    let milli = 0;
    for (const cell of this.#open.values()) {
      const counts =
        cell.hour >= fromHour &&
        cell.hour < toHour &&
        (route === null || route === cell.route) &&
        includesKey(keys, cell.keyId);
      if (counts) milli += cell.costMilli + (cell.lostMilli ?? 0);
    }
    if (!hasTable) return milli;
    const stored = this.#sql
      .exec<{ milli: number }>(
        `SELECT total(cost_milli + lost_milli) AS milli FROM usage WHERE hour >= ?1 AND hour < ?2
           AND (?3 IS NULL OR route = ?3) AND ${keyCondition(4)}`,
        fromHour,
        toHour,
        route,
        keyBinding(keys),
      )
      .one();
    return milli + stored.milli;
  }

  /** Billed usage of the hours from `fromHour` to before `toHour`, by route. Denials and test keys are not billed. */
  byRoute(fromHour: number, toHour: number, hasTable: boolean): UsageRow[] {
    const routes = new Map<string, { count: number; costMilli: number }>();
    const addTo = (route: string, requests: number, costMilli: number): void => {
      const sum = routes.get(route) ?? { count: 0, costMilli: 0 };
      routes.set(route, { count: sum.count + requests, costMilli: sum.costMilli + costMilli });
    };
    const stored = hasTable
      ? this.#sql.exec<{ route: string; requests: number; cost: number }>(
          `SELECT route, total(requests) AS requests, total(cost_milli) AS cost FROM usage
           WHERE hour >= ?1 AND hour < ?2 AND ${keyCondition(3)} GROUP BY route`,
          fromHour,
          Math.min(toHour, Number.MAX_SAFE_INTEGER),
          keyBinding(BILLED),
        )
      : [];
    for (const { route, requests, cost } of stored) addTo(route, requests, cost);
    for (const { hour, route, keyId, requests, costMilli } of this.#open.values()) {
      if (hour < fromHour || hour >= toHour || !includesKey(BILLED, keyId)) continue;
      addTo(route.toWellFormed(), requests, costMilli);
    }
    return [...routes].flatMap(([route, { count: requests, costMilli }]) =>
      requests > 0 || costMilli > 0 ? [{ route, unit: UNIT, count: requests, costMilli }] : [],
    );
  }

  /** Counts what may have been admitted at `atMs` without being metered: in quotas, but on no bill. Negative: it was metered after all. */
  lose(atMs: number, route: string | null, keyId: string | null, milli: number): void {
    const cell = this.#cell(Math.floor(atMs / HOUR_MS), route ?? "", keyId ?? "");
    cell.lostMilli = Math.min(MAX_EXACT, (cell.lostMilli ?? 0) + milli);
  }

  /** Whether {@link write} moves cells to the table now, and so needs a transaction. */
  hasToMove(nowMs: number, hasTable: boolean): boolean {
    if (this.#isCrowded()) return true;
    if (!hasTable) return false;
    const hour = Math.floor(nowMs / HOUR_MS);
    for (const cell of this.#open.values()) if (cell.hour < hour) return true;
    return false;
  }

  /**
   * Moves closed cells to the table, if there is one or {@link hasToMove} says that one is needed. Must be part of the transaction that
   * writes the state row.
   * @returns the remaining cells, for the row.
   */
  write(nowMs: number, hasTable: boolean): readonly Cell[] {
    const hour = Math.floor(nowMs / HOUR_MS);
    const crowded = this.#isCrowded();
    for (const [key, cell] of this.#open) {
      if (!crowded && (!hasTable || cell.hour >= hour)) continue;
      storeCell(this.#sql, cell);
      this.#open.delete(key);
      this.#last = null;
    }
    this.#unwrittenMilli = 0;
    this.#unwrittenRequests = 0;
    return [...this.#open.values()];
  }

  /** Usage of the hours from `fromMs` on, including open ones. */
  since(fromMs: number, hasTable: boolean): Usage {
    const fromHour = Math.floor(fromMs / HOUR_MS);
    const total = { requests: 0, costMilli: 0, denied: 0 };
    const stored = hasTable
      ? this.#sql.exec<{ requests: number; cost: number; denied: number }>(
          `SELECT total(requests) AS requests, total(cost_milli) AS cost, total(denied) AS denied
           FROM usage WHERE hour >= ?`,
          fromHour,
        )
      : [];
    for (const row of stored) add(total, row.requests, row.cost, row.denied);
    for (const cell of this.#open.values()) {
      if (cell.hour >= fromHour) add(total, cell.requests, cell.costMilli, cell.denied);
    }
    return total;
  }

  /** Whether there are too many cells, or one soon exceeds the integers of the state row. The table holds larger sums. */
  #isCrowded(): boolean {
    if (this.#open.size > MAX_OPEN_CELLS) return true;
    for (const { costMilli } of this.#open.values()) if (costMilli > MAX_EXACT) return true;
    return false;
  }

  #cell(hour: number, route: string, keyId: string): Cell {
    const last = this.#last;
    if (last?.hour === hour && last.route === route && last.keyId === keyId) return last;
    const key = cellKey(hour, route, keyId);
    const cell = this.#open.get(key) ?? { hour, route, keyId, requests: 0, costMilli: 0, denied: 0 };
    this.#open.set(key, cell);
    this.#last = cell;
    return cell;
  }
}

/** Adds a cell to the usage table. */
export function storeCell(
  sql: SqlStorage,
  { hour, route, keyId, requests, costMilli, denied, lostMilli = 0 }: Readonly<Cell>,
): void {
  sql.exec(
    `INSERT INTO usage (hour, route, key_id, requests, cost_milli, denied) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
       cost_milli = cost_milli + excluded.cost_milli, denied = denied + excluded.denied`,
    hour,
    route,
    keyId,
    requests,
    costMilli,
    denied,
  );
  // A separate statement, because an early migration stores cells before the table has this column.
  if (lostMilli === 0) return;
  sql.exec(
    "UPDATE usage SET lost_milli = lost_milli + ? WHERE hour = ? AND route = ? AND key_id = ?",
    lostMilli,
    hour,
    route,
    keyId,
  );
}

function cellKey(hour: number, route: string, keyId: string): string {
  return `${hour}\n${route}\n${keyId}`;
}

function add(
  total: { requests: number; costMilli: number; denied: number },
  requests: number,
  costMilli: number,
  denied: number,
): void {
  total.requests += requests;
  total.costMilli += costMilli;
  total.denied += denied;
}
