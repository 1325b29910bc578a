/**
 * Whether a key is for live or for test requests. A key's id says so: wherever usage is counted by key, in leases, in the ledger and in
 * what is made from it, test usage can be told apart without asking for the key, also when the key is long gone.
 *
 * An imported key's id says that it is one: its version as a UUID (RFC 9562) is 8, that of any other key 4. So nothing else has to store it.
 *
 * No I/O and no clock.
 */
export const KEY_MODES = ["live", "test"] as const;
export type KeyMode = (typeof KEY_MODES)[number];

/** What the ids of test keys begin with. Ids of live keys are UUIDs. */
export const TEST_KEY = "test_";

const UUID_LENGTH = 36;
/** Where a UUID has its version. */
const VERSION_AT = 14;

/** An id for a new key. */
export function newKeyId(mode: KeyMode): string {
  const id = crypto.randomUUID();
  return mode === "test" ? TEST_KEY + id : id;
}

/** An id for a key of another system. Random: one made of the key's hash would help to guess a weak key. */
export function importedKeyId(mode: KeyMode): string {
  const id = newKeyId(mode);
  const version = id.length - UUID_LENGTH + VERSION_AT;
  return `${id.slice(0, version)}8${id.slice(version + 1)}`;
}

/** Whether a key came by an import. */
export function isImportedKeyId(keyId: string): boolean {
  return keyId.at(VERSION_AT - UUID_LENGTH) === "8";
}

/** The mode of a key; without a key (null or ""), a request is live. */
export function modeOf(keyId: string | null): KeyMode {
  return keyId?.startsWith(TEST_KEY) ? "test" : "live";
}
