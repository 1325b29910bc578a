/**
 * Whether a key is for live or for test requests. A key's id says so: wherever usage is counted by key, in leases, in the ledger and in
 * what is made from it, test usage can be told apart without asking for the key, also when the key is long gone.
 *
 * Pure: no I/O and no clock.
 */
export const KEY_MODES = ["live", "test"] as const;
export type KeyMode = (typeof KEY_MODES)[number];

/** What the ids of test keys begin with. Ids of live keys are UUIDs. */
export const TEST_KEY = "test_";

/** An id for a new key. */
export function newKeyId(mode: KeyMode): string {
  const id = crypto.randomUUID();
  return mode === "test" ? TEST_KEY + id : id;
}

/** The mode of a key; without a key (null or ""), a request is live. */
export function modeOf(keyId: string | null): KeyMode {
  return keyId?.startsWith(TEST_KEY) ? "test" : "live";
}
