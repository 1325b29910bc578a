/**
 * The rebuild of a register from the accounts' documents (src/api/billing/register.ts): it forgets all documents, takes each with its number,
 * and then says what is missing. Numbers that may have been given and are gone are never given again: the next epoch begins.
 */
import type { NumberedEntry, RebuiltSeries } from "../../src/objects/billing-register.ts";
import { placeOf, prefixOf } from "./document-number.ts";
import type { RegisterRow } from "./register-rows.ts";
import type { RegisterStore } from "./register-store.ts";

/** Call each of these in a transaction. */
export function beginRebuild(store: RegisterStore, name: string): void {
  store.open(name, 1);
  store.sql.exec(
    `UPDATE register SET rebuilding = 1, conflicts = 0,
       last_n = max(last_n, (SELECT coalesce(max(n), 0) FROM documents WHERE documents.epoch = register.epoch))`,
  );
  store.sql.exec("DELETE FROM documents");
}

/** @throws if the number is not of this series. */
export function restoreDocument(store: RegisterStore, entry: NumberedEntry): void {
  const { series } = store.begun();
  const place = placeOf(series, entry.number);
  if (place === null) throw new Error(`${entry.number} is not a number of ${series}`);
  if (store.find(entry.id)) return;
  const [taken] = store.sql
    .exec("SELECT n FROM documents WHERE epoch = ? AND n = ?", place.epoch, place.n)
    .toArray();
  if (taken) store.sql.exec("UPDATE register SET conflicts = conflicts + 1");
  else store.insert(place.epoch, place.n, entry, entry.issuedMs);
}

export function finishRebuild({ sql }: RegisterStore, state: RegisterRow): RebuiltSeries {
  const epochs = sql
    .exec<{ epoch: number; last: number; count: number }>(
      "SELECT epoch, max(n) AS last, count(*) AS count FROM documents GROUP BY epoch",
    )
    .toArray();
  const newest = Math.max(state.epoch, ...epochs.map(({ epoch }) => epoch));
  const missingIn = (epoch: number): number => {
    const { last, count } = epochs.find((one) => one.epoch === epoch) ?? { last: 0, count: 0 };
    return Math.max(last, epoch === state.epoch ? state.last_n : 0) - count;
  };
  // Earlier epochs have ended: their gaps are known.
  const isBroken = missingIn(newest) > 0 || state.conflicts > 0;
  const epoch = state.rebuilding && isBroken ? newest + 1 : newest;
  sql.exec(
    "UPDATE register SET rebuilding = 0, epoch = ?1, last_n = CASE epoch WHEN ?1 THEN last_n ELSE 0 END",
    epoch,
  );
  return {
    series: state.series,
    documents: epochs.reduce((sum, { count }) => sum + count, 0),
    missing: missingIn(newest),
    conflicts: state.conflicts,
    prefix: prefixOf(state.series, epoch),
  };
}
