/**
 * Append-only migrations of an object's SQLite schema.
 *
 * A migration that has been released is never edited: a change is a new one at the end. The first run before the first write to a
 * table, so an object that needs no table never costs the rows that making them takes; later ones when an object with older tables
 * is loaded. Each run is one transaction.
 */

/** SQL, or what SQL alone cannot do. */
export type Migration = string | ((storage: DurableObjectStorage) => void);

/** Where the number of migrations already run is kept. */
const VERSION_KEY = "schemaVersion";

/**
 * The version of storage that has values but no tables. A Worker that knows only tables reads it as more migrations than it has, and
 * refuses; without a version it would begin from empty. Must stay above every number of migrations.
 */
const WITHOUT_TABLES = 1_000_000;

/** The version of the schema in storage: 0 for an object without tables. */
export function schemaVersion(storage: DurableObjectStorage): number {
  const version = storage.kv.get(VERSION_KEY);
  return typeof version === "number" && version !== WITHOUT_TABLES ? version : 0;
}

/** Whether storage has a version, by which older Workers know whether they can read it. */
export function isVersioned(storage: DurableObjectStorage): boolean {
  return storage.kv.get(VERSION_KEY) !== undefined;
}

/** Gives storage without tables its version. One row; call in the transaction of the first value. */
export function versionWithoutTables(storage: DurableObjectStorage): void {
  storage.kv.put(VERSION_KEY, WITHOUT_TABLES);
}

/**
 * Runs the migrations that storage lacks.
 * @throws where storage is newer than the code, as after a rollback of the Worker: guessing would corrupt it.
 */
export function migrate(storage: DurableObjectStorage, migrations: readonly Migration[]): void {
  const version = schemaVersion(storage);
  if (version === migrations.length) return;
  if (version > migrations.length) {
    throw new Error(
      `storage has schema ${version}, this Worker knows ${migrations.length}: deploy a newer one`,
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
