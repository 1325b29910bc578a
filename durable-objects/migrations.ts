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

/** The version of the schema in storage: 0 for an object without tables. */
export function schemaVersion(storage: DurableObjectStorage): number {
  const version = storage.kv.get(VERSION_KEY);
  return typeof version === "number" ? version : 0;
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
