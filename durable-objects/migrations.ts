/**
 * Append-only migrations of an object's SQLite schema.
 *
 * A released migration is never edited: a change is a new one at the end. They run before the first write to a table, so an object
 * without tables never pays for the rows that creating them writes; later ones run when an object with older tables is loaded. Each run
 * is one transaction.
 */

/** SQL, or a function for what SQL cannot do. */
export type Migration = string | ((storage: DurableObjectStorage) => void);

/** Key of the number of migrations that have run. */
const VERSION_KEY = "schemaVersion";

/**
 * The version of storage with values but without tables. A Worker that knows only tables takes it for more migrations than it has, and
 * throws; without a version it would start from an empty state. Must stay above every number of migrations.
 */
const WITHOUT_TABLES = 1_000_000;

/** The schema version in storage: 0 for an object without tables. */
export function schemaVersion(storage: DurableObjectStorage): number {
  const version = storage.kv.get(VERSION_KEY);
  return typeof version === "number" && version !== WITHOUT_TABLES ? version : 0;
}

/** Whether storage has a version, by which older Workers decide whether they can read it. */
export function isVersioned(storage: DurableObjectStorage): boolean {
  return storage.kv.get(VERSION_KEY) !== undefined;
}

/** Writes the version of storage without tables. One row; call in the transaction of the first value. */
export function versionWithoutTables(storage: DurableObjectStorage): void {
  storage.kv.put(VERSION_KEY, WITHOUT_TABLES);
}

/**
 * Runs the missing migrations.
 * @throws if storage is newer than the code, as after a rollback of the Worker: guessing would corrupt it.
 */
export function migrate(storage: DurableObjectStorage, migrations: readonly Migration[]): void {
  const version = schemaVersion(storage);
  if (version === migrations.length) return;
  if (version > migrations.length) {
    throw new Error(
      `storage has schema ${version}, but this Worker knows only ${migrations.length}: deploy a newer Worker`,
    );
  }
  storage.transactionSync(() => {
    for (const migration of migrations.slice(version)) {
      if (typeof migration === "string") storage.sql.exec(migration);
      else migration(storage);
    }
    storage.kv.put(VERSION_KEY, migrations.length);
  });
}
