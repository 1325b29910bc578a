/**
 * The purges of cached responses: one value in the storage's key-value table, which needs no migration. Older Workers ignore it.
 *
 * Each purge gets the next number, so a later purge is always a later generation, whichever routes it names.
 */
import {
  type CacheGenerations,
  laterGenerations,
  newestGeneration,
  NOTHING_PURGED,
  readGenerations,
} from "../../src/policy/cache-generations.ts";

const KEY = "cachePurges";

export class CachePurges {
  readonly #kv: SyncKvStorage;

  constructor(kv: SyncKvStorage) {
    this.#kv = kv;
  }

  /** All purges so far; null: there are none. @throws Error if the stored value cannot be read: its numbers must not be used again. */
  get newest(): CacheGenerations | null {
    const stored = this.#kv.get(KEY);
    if (stored === undefined) return null;
    const purged = readGenerations(stored);
    if (purged === null) throw new Error("the stored purges cannot be read");
    return purged;
  }

  /** Adds a purge of these routes, or of all routes if null. @returns its number, and all purges. */
  add(routes: readonly string[] | null): { generation: number; purged: CacheGenerations } {
    const before = this.newest ?? NOTHING_PURGED;
    const generation = newestGeneration(before) + 1;
    const purge: CacheGenerations =
      routes === null
        ? { all: generation, routes: {} }
        : { all: 0, routes: Object.fromEntries(routes.map((id) => [id, generation])) };
    const purged = laterGenerations(before, purge);
    this.#kv.put(KEY, purged);
    return { generation, purged };
  }
}
