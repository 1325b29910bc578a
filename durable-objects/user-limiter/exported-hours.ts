/**
 * Which hours of the ledger have been exported, and so may never change, even without billing: one value of the storage's key-value table.
 *
 * From the first export on, an object that restarts freezes hours by the clock, as a billed account does. So the value need not follow every
 * export: only those that had something to export, which must hold even if the clock steps back.
 */
import { HOUR_MS, OPEN_HOURS } from "../../src/core/time.ts";

const KEY = "exportedBefore";

/** The first hour that may still change; 0: all may, since nothing was exported. */
export function firstUnexported(kv: SyncKvStorage, nowMs: number): number {
  const hour = exportedBefore(kv);
  return hour === 0 ? 0 : Math.max(hour, Math.floor(nowMs / HOUR_MS) - OPEN_HOURS);
}

/** The hours before this one have been exported; 0: none. */
export function exportedBefore(kv: SyncKvStorage): number {
  const hour = kv.get(KEY);
  return typeof hour === "number" ? hour : 0;
}

/** One row. */
export function putExportedBefore(kv: SyncKvStorage, hour: number): void {
  kv.put(KEY, hour);
}
