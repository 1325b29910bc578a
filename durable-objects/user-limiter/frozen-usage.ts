/**
 * The export's view of the ledger: cells of frozen hours, page by page.
 *
 * What is exported must stay true. So before it answers, storage has all of these hours, which a crash would take from memory otherwise,
 * and knows that nothing may be added to them any more.
 */
import * as z from "zod/mini";
import { HOUR_MS } from "../../src/core/time.ts";
import type { CellPlace, FrozenCell, FrozenPage, FrozenQuery } from "../../src/objects/frozen-usage.ts";
import { exportedBefore, putExportedBefore } from "./exported-hours.ts";
import type { Memory } from "./memory.ts";
import type { UserStore } from "./user-store.ts";

const cellSchema = z.object({
  hour: z.int(),
  route: z.string(),
  keyId: z.string(),
  requests: z.number(),
  costMilli: z.number(),
  denied: z.number(),
});
const unitSchema = z.object({
  hour: z.int(),
  route: z.string(),
  keyId: z.string(),
  unit: z.string(),
  milli: z.number(),
});

/** src/objects/frozen-usage.ts documents it. */
export function frozenUsage(storage: DurableObjectStorage, store: UserStore, query: FrozenQuery): FrozenPage {
  const nowMs = Date.now();
  if ((query.toHour + 1) * HOUR_MS > nowMs)
    throw new Error(`the hour ${query.toHour} is too recent to freeze`);
  const { hasTables } = store.change((memory) => freeze(storage, memory, query.toHour, nowMs));
  return hasTables ? pageOf(storage.sql, query) : { cells: [], next: null };
}

function freeze({ kv, sql }: DurableObjectStorage, memory: Memory, hour: number, nowMs: number): Memory {
  const { ledger } = memory;
  const isOpen = ledger.openCells.some((cell) => cell.hour < hour);
  // Moves them to the table, which it creates if there is none.
  if (isOpen) memory.transact(() => memory.writeState(nowMs));
  if (!memory.hasTables) return memory;
  ledger.firstOpenHour = Math.max(ledger.firstOpenHour, hour);
  const before = exportedBefore(kv);
  if (before < hour && (before === 0 || hasCells(sql, before, hour))) putExportedBefore(kv, hour);
  return memory;
}

function hasCells(sql: SqlStorage, fromHour: number, toHour: number): boolean {
  const [found] = sql
    .exec("SELECT 1 FROM usage WHERE hour >= ? AND hour < ? LIMIT 1", fromHour, toHour)
    .toArray();
  return found !== undefined;
}

/** Every row of `usage_units` has one in `usage`. */
function pageOf(sql: SqlStorage, { fromHour, toHour, after, count }: FrozenQuery): FrozenPage {
  const range = [
    Math.max(fromHour, after?.hour ?? 0),
    toHour,
    after?.hour ?? -1,
    after?.route ?? "",
    after?.keyId ?? "",
  ];
  const found = sql
    .exec(
      `SELECT hour, route, key_id AS keyId, requests, cost_milli AS costMilli, denied FROM usage
       WHERE hour >= ?1 AND hour < ?2 AND (hour, route, key_id) > (?3, ?4, ?5)
       ORDER BY hour, route, key_id LIMIT ?6`,
      ...range,
      count + 1,
    )
    .toArray()
    .map((row) => cellSchema.parse(row));
  const shown = found.slice(0, count);
  const last = shown.at(-1);
  if (!last) return { cells: [], next: null };
  const units = unitsOf(sql, range, last);
  const cells = shown.map((cell) => Object.assign(cell, { units: units.get(keyOf(cell)) ?? null }));
  const { hour, route, keyId } = last;
  return { cells: cells.filter(hasUsage), next: found.length > count ? { hour, route, keyId } : null };
}

/** The cells' costs in other units, by cell, from the beginning of the range to the last cell. */
function unitsOf(
  sql: SqlStorage,
  range: readonly (number | string)[],
  last: CellPlace,
): ReadonlyMap<string, NonNullable<FrozenCell["units"]>> {
  const units = new Map<string, Readonly<Record<string, number>>>();
  const rows = sql.exec(
    `SELECT hour, route, key_id AS keyId, unit, cost_milli AS milli FROM usage_units
     WHERE hour >= ?1 AND hour < ?2 AND (hour, route, key_id) > (?3, ?4, ?5)
       AND (hour, route, key_id) <= (?6, ?7, ?8) AND cost_milli <> 0
     ORDER BY hour, route, key_id, unit`,
    ...range,
    last.hour,
    last.route,
    last.keyId,
  );
  for (const row of rows) {
    const { unit, milli, ...place } = unitSchema.parse(row);
    const key = keyOf(place);
    units.set(key, { ...units.get(key), [unit]: milli });
  }
  return units;
}

function keyOf({ hour, route, keyId }: CellPlace): string {
  return JSON.stringify([hour, route, keyId]);
}

/** A crash may have lost all that was counted in a cell: then it counts in quotas alone. */
function hasUsage({ requests, costMilli, denied, units }: FrozenCell): boolean {
  return requests !== 0 || costMilli !== 0 || denied !== 0 || units !== null;
}
