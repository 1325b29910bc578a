/** Whose usage is meant: that of all keys and without a key (null), of live or of test keys, or of these keys. Usage without a key is live. */
import { type KeyMode, modeOf, TEST_KEY } from "../../src/identity/key-mode.ts";

export type KeySelection = KeyMode | readonly string[] | null;

/** @param keyId of a cell of the ledger: "" without a key. */
export function includesKey(keys: KeySelection, keyId: string): boolean {
  if (keys === null) return true;
  return typeof keys === "string" ? modeOf(keyId) === keys : keys.includes(keyId);
}

/** A condition on the column `key_id`, and what it needs as its one binding. @param at the number of that binding. */
export function keyCondition(at: number): string {
  const isTest = `substr(key_id, 1, ${TEST_KEY.length}) = '${TEST_KEY}'`;
  return `(CASE ?${at} WHEN 'all' THEN 1 WHEN 'test' THEN ${isTest} WHEN 'live' THEN NOT ${isTest}
    ELSE key_id IN (SELECT value FROM json_each(?${at})) END)`;
}

export function keyBinding(keys: KeySelection): string {
  if (keys === null) return "all";
  return typeof keys === "string" ? keys : JSON.stringify(keys);
}
