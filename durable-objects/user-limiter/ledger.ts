/**
 * The usage ledger: requests, cost and denials by hour, route and key. Bills are made from it, so it is exact.
 *
 * Open cells are in memory and in the state row, written together with the counters' floors. When their hour is over, they are added to
 * the usage table and removed from the row, in one transaction. So a decision writes no row of the ledger. An object without tables
 * does not create them for a closed hour: its cells stay in the row until there are too many.
 */
import * as z from "zod/mini";
import { HOUR_MS } from "../../src/core/time.ts";
import { addUnits, milliOf, REQUESTS, type UnitCosts } from "../../src/core/unit-costs.ts";
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
  /** The cost in other units than requests, and what was lost of it. */
  units: z.optional(z.array(z.tuple([z.string(), z.int()]))),
  lostUnits: z.optional(z.array(z.tuple([z.string(), z.int()]))),
});
export type Cell = Omit<z.infer<typeof cellSchema>, "units" | "lostUnits"> & {
  units?: UnitCosts | undefined;
  lostUnits?: UnitCosts | undefined;
};

/** Usage of a span of time. Cost in millitokens. */
export interface Usage {
  readonly requests: number;
  readonly costMilli: number;
  readonly denied: number;
  /** The cost in other units; null: there is none. */
  readonly units: UnitCosts | null;
}

/** What is reserved and not settled: in the ledger, but on no bill yet. */
export interface Reserved {
  readonly hour: number;
  /** "" stands for no route and for no key. */
  readonly route: string;
  readonly keyId: string;
  readonly costMilli: number;
  readonly units: UnitCosts | null;
}

/** Whose usage is billed. */
const BILLED = "live";

export class Ledger {
  /** Earlier hours are frozen: what is metered in them late counts in this one. 0: none is, without billing. */
  firstOpenHour = 0;
  /** The open reservations. */
  reserved: () => readonly Reserved[] = () => [];
  readonly #sql: SqlStorage;
  readonly #open = new Map<string, Cell>();
  /** The last cell added to, usually also the next: found without building its key. */
  #last: Cell | null = null;
  #unwrittenMilli = 0;
  #unwrittenUnits: UnitCosts | null = null;
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

  /** As {@link unwrittenMilli}, in other units; null: nothing. */
  get unwrittenUnits(): UnitCosts | null {
    return this.#unwrittenUnits;
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

  /**
   * Adds to the cell of the hour of `atMs`, or of the first open hour. "" stands for no route and for no key.
   * @param units the cost in other units.
   * @returns whether that is later.
   */
  add(
    atMs: number,
    { route, keyId, requests, costMilli, denied, withdrawn = 0 }: UsageCell,
    units: UnitCosts | null = null,
  ): boolean {
    const hour = Math.floor(atMs / HOUR_MS);
    const cell = this.#cell(hour < this.firstOpenHour ? this.firstOpenHour : hour, route, keyId);
    cell.requests += requests;
    cell.costMilli += costMilli;
    // A crash may have lost the denial, or the table may have it already.
    cell.denied = Math.max(0, cell.denied + denied - withdrawn);
    this.#unwrittenMilli += costMilli;
    this.#unwrittenRequests += requests + denied;
    if (units) {
      cell.units = addUnits(cell.units ?? null, units);
      this.#unwrittenUnits = addUnits(this.#unwrittenUnits, units);
    }
    return hour < this.firstOpenHour;
  }

  /**
   * A reservation of the hour of `madeAtMs` has cost so much more, or less, than it reserved. Its hour is final only if billing has begun since:
   * then what is less counts in its quotas alone, and what is more in the first open hour.
   * @returns whether something counts in a later hour.
   */
  settle(madeAtMs: number, route: string, keyId: string, moreMilli: number, moreUnits: UnitCosts): boolean {
    const hour = Math.floor(madeAtMs / HOUR_MS);
    const isFinal = hour < this.firstOpenHour;
    const openPart = (milli: number): number => (isFinal ? Math.max(0, milli) : milli);
    const cell = this.#cell(isFinal ? this.firstOpenHour : hour, route, keyId);
    cell.costMilli += openPart(moreMilli);
    const more = moreUnits.map(([unit, milli]) => [unit, openPart(milli)] as const);
    if (more.length > 0) cell.units = addUnits(cell.units ?? null, more);
    if (!isFinal) return false;
    const less = moreUnits.map(([unit, milli]) => [unit, Math.min(0, milli)] as const);
    this.lose(madeAtMs, route, keyId, Math.min(0, moreMilli), less);
    return true;
  }

  /**
   * Takes back denials that were counted a moment ago, by this clock: in this hour, or at the end of the last one. A crash may have lost
   * them, or the table may have them already.
   */
  withdraw(nowMs: number, route: string, keyId: string, denials: number): void {
    const hour = Math.floor(nowMs / HOUR_MS);
    let left = denials;
    for (const each of [hour, hour - 1]) {
      const cell = left > 0 && this.#open.get(cellKey(each, route, keyId));
      if (!cell) continue;
      const taken = Math.min(left, cell.denied);
      cell.denied -= taken;
      left -= taken;
    }
  }

  /** Usage that counts in quotas, from this hour on. Call only if there are tables. */
  charged(fromHour: number): ChargedCell[] {
    const cells = this.#sql
      .exec<{ hour: number; route: string; key_id: string; milli: number; unit: string }>(
        `SELECT hour, route, key_id, cost_milli + lost_milli AS milli, ?2 AS unit FROM usage WHERE hour >= ?1
         UNION ALL SELECT hour, route, key_id, cost_milli + lost_milli, unit FROM usage_units WHERE hour >= ?1`,
        fromHour,
        REQUESTS,
      )
      .toArray()
      .map(({ hour, route, key_id: keyId, milli, unit }) => chargedCell(hour, route, keyId, milli, unit));
    for (const cell of this.#open.values()) {
      const { hour, route, keyId } = cell;
      if (hour < fromHour) continue;
      for (const unit of [REQUESTS, ...unitsOf(cell)]) {
        cells.push(chargedCell(hour, route, keyId, chargedIn(cell, unit), unit));
      }
    }
    return cells;
  }

  /**
   * Usage that counts in quotas, of the hours from `fromHour` to before `toHour`. Millitokens.
   * @param route only of this route; null: of all.
   * @param unit thousandths of it.
   */
  chargedMilli(
    fromHour: number,
    toHour: number,
    route: string | null,
    keys: KeySelection,
    hasTable: boolean,
    unit = REQUESTS,
  ): number {
    let milli = 0;
    for (const cell of this.#open.values()) {
      const counts =
        cell.hour >= fromHour &&
        cell.hour < toHour &&
        (route === null || route === cell.route) &&
        includesKey(keys, cell.keyId);
      if (counts) milli += chargedIn(cell, unit);
    }
    if (!hasTable) return milli;
    const isRequests = unit === REQUESTS;
    const stored = this.#sql
      .exec<{ milli: number }>(
        `SELECT total(cost_milli + lost_milli) AS milli FROM ${isRequests ? "usage" : "usage_units"}
         WHERE hour >= ?1 AND hour < ?2 AND (?3 IS NULL OR route = ?3) AND ${keyCondition(4)}
           ${isRequests ? "" : "AND unit = ?5"}`,
        fromHour,
        toHour,
        route,
        keyBinding(keys),
        ...(isRequests ? [] : [unit]),
      )
      .one();
    return milli + stored.milli;
  }

  /**
   * Billed usage of the hours from `fromHour` to before `toHour`, by route and unit. Denials and test keys are not billed, and what is
   * reserved is not until it is settled or has expired: so no bill ever counts less than before.
   */
  byRoute(fromHour: number, toHour: number, hasTable: boolean): UsageRow[] {
    const rows = new Map<string, { route: string; unit: string; count: number; costMilli: number }>();
    const addTo = (route: string, unit: string, requests: number, costMilli: number): void => {
      const key = `${route}\n${unit}`;
      const row = rows.get(key) ?? { route, unit, count: 0, costMilli: 0 };
      rows.set(key, { ...row, count: row.count + requests, costMilli: row.costMilli + costMilli });
    };
    const isBilled = (hour: number, keyId: string): boolean =>
      hour >= fromHour && hour < toHour && includesKey(BILLED, keyId);
    const stored = hasTable
      ? this.#sql.exec<{ route: string; unit: string; requests: number; cost: number }>(
          `SELECT route, ?4 AS unit, total(requests) AS requests, total(cost_milli) AS cost FROM usage
             WHERE hour >= ?1 AND hour < ?2 AND ${keyCondition(3)} GROUP BY route
           UNION ALL SELECT route, unit, 0, total(cost_milli) FROM usage_units
             WHERE hour >= ?1 AND hour < ?2 AND ${keyCondition(3)} GROUP BY route, unit`,
          fromHour,
          Math.min(toHour, Number.MAX_SAFE_INTEGER),
          keyBinding(BILLED),
          REQUESTS,
        )
      : [];
    for (const { route, unit, requests, cost } of stored) addTo(route, unit, requests, cost);
    for (const { hour, route, keyId, requests, costMilli, units = [] } of this.#open.values()) {
      if (!isBilled(hour, keyId)) continue;
      addTo(route.toWellFormed(), REQUESTS, requests, costMilli);
      for (const [unit, milli] of units) addTo(route.toWellFormed(), unit, 0, milli);
    }
    for (const { hour, route, keyId, costMilli, units } of this.reserved()) {
      if (!isBilled(hour, keyId)) continue;
      addTo(route.toWellFormed(), REQUESTS, 0, -costMilli);
      for (const [unit, milli] of units ?? []) addTo(route.toWellFormed(), unit, 0, -milli);
    }
    return [...rows.values()].filter(({ count: requests, costMilli }) => requests > 0 || costMilli > 0);
  }

  /** Counts what may have been admitted at `atMs` without being metered: in quotas, but on no bill. Negative: it was metered after all. */
  lose(
    atMs: number,
    route: string | null,
    keyId: string | null,
    costMilli: number,
    units: UnitCosts | null = null,
  ): void {
    const cell = this.#cell(Math.floor(atMs / HOUR_MS), route ?? "", keyId ?? "");
    if (costMilli !== 0) cell.lostMilli = Math.min(MAX_EXACT, (cell.lostMilli ?? 0) + costMilli);
    if (units) cell.lostUnits = addUnits(cell.lostUnits ?? null, units);
  }

  /** Whether {@link write} moves cells to the table now, and so needs a transaction. */
  hasToMove(nowMs: number, hasTable: boolean): boolean {
    if (this.#isCrowded()) return true;
    for (const cell of this.#open.values()) if (isNegative(cell)) return true;
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
      if (!crowded && !isNegative(cell) && (!hasTable || cell.hour >= hour)) continue;
      storeCell(this.#sql, cell);
      this.#open.delete(key);
      this.#last = null;
    }
    this.#unwrittenMilli = 0;
    this.#unwrittenUnits = null;
    this.#unwrittenRequests = 0;
    return [...this.#open.values()];
  }

  /** Usage of the hours from `fromMs` on, including open ones. */
  since(fromMs: number, hasTable: boolean): Usage {
    const fromHour = Math.floor(fromMs / HOUR_MS);
    const total: Total = { requests: 0, costMilli: 0, denied: 0, units: null };
    const stored = hasTable
      ? this.#sql.exec<{ requests: number; cost: number; denied: number }>(
          `SELECT total(requests) AS requests, total(cost_milli) AS cost, total(denied) AS denied
           FROM usage WHERE hour >= ?`,
          fromHour,
        )
      : [];
    for (const row of stored) add(total, row.requests, row.cost, row.denied);
    const units = hasTable
      ? this.#sql.exec<{ unit: string; cost: number }>(
          "SELECT unit, total(cost_milli) AS cost FROM usage_units WHERE hour >= ? GROUP BY unit",
          fromHour,
        )
      : [];
    for (const { unit, cost } of units) total.units = addUnits(total.units, [[unit, cost]]);
    for (const cell of this.#open.values()) {
      if (cell.hour < fromHour) continue;
      add(total, cell.requests, cell.costMilli, cell.denied);
      if (cell.units) total.units = addUnits(total.units, cell.units);
    }
    return total;
  }

  /** Whether there are too many cells, or one soon exceeds the integers of the state row. The table holds larger sums. */
  #isCrowded(): boolean {
    if (this.#open.size > MAX_OPEN_CELLS) return true;
    for (const { costMilli, units = [] } of this.#open.values()) {
      if (costMilli > MAX_EXACT || units.some(([, milli]) => milli > MAX_EXACT)) return true;
    }
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
  { hour, route, keyId, requests, costMilli, denied, lostMilli = 0, ...others }: Readonly<Cell>,
): void {
  const { units = [], lostUnits = [] } = others;
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
  for (const unit of unitsOf(others)) {
    sql.exec(
      `INSERT INTO usage_units (hour, route, key_id, unit, cost_milli, lost_milli) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET cost_milli = cost_milli + excluded.cost_milli,
         lost_milli = lost_milli + excluded.lost_milli`,
      hour,
      route,
      keyId,
      unit,
      milliOf(unit, 0, units),
      milliOf(unit, 0, lostUnits),
    );
  }
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

/** A cell that counts in quotas. Without a unit: requests, as an older Worker stored it. */
export type ChargedCell =
  | [hour: number, route: string, keyId: string, milli: number]
  | [hour: number, route: string, keyId: string, milli: number, unit: string];

function chargedCell(hour: number, route: string, keyId: string, milli: number, unit: string): ChargedCell {
  return unit === REQUESTS ? [hour, route, keyId, milli] : [hour, route, keyId, milli, unit];
}

/** What counts of a cell in quotas of a unit. */
function chargedIn({ costMilli, lostMilli = 0, units, lostUnits }: Readonly<Cell>, unit: string): number {
  return milliOf(unit, costMilli, units) + milliOf(unit, lostMilli, lostUnits);
}

/** The other units of a cell. */
function unitsOf({ units = [], lostUnits = [] }: Pick<Readonly<Cell>, "units" | "lostUnits">): string[] {
  return [...new Set([...units, ...lostUnits].map(([unit]) => unit))];
}

/** Whether a settlement took more from the cell than it has, since the table has the rest. */
function isNegative({ costMilli, units }: Readonly<Cell>): boolean {
  return costMilli < 0 || (units?.some(([, milli]) => milli < 0) ?? false);
}

type Total = { -readonly [Field in keyof Usage]: Usage[Field] };

function add(total: Total, requests: number, costMilli: number, denied: number): void {
  total.requests += requests;
  total.costMilli += costMilli;
  total.denied += denied;
}
