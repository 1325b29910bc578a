/**
 * The purges of cached responses, and who made the last of them: two values in the storage's key-value table, which need no migration.
 * Older Workers ignore them.
 *
 * Each purge gets the next number, so a later purge is always a later generation, whichever routes it names.
 */
import * as z from "zod/mini";
import type { Change } from "../../src/objects/change.ts";
import type { PurgeInfo } from "../../src/objects/policy-registry.ts";
import {
  type CacheGenerations,
  laterGenerations,
  newestGeneration,
  NOTHING_PURGED,
  readGenerations,
} from "../../src/policy/cache-generations.ts";

const KEY = "cachePurges";
const LOG_KEY = "cachePurgeLog";
/** Purges in the log. With {@link MAX_NAMED}, they take 350 KB at most. */
const MAX_LOGGED = 50;
/** Routes that the log names of one purge; it counts the others. */
const MAX_NAMED = 20;

const logSchema = z.array(
  z.object({
    generation: z.int(),
    createdMs: z.number(),
    actor: z.string(),
    reason: z.string(),
    routes: z.nullable(z.array(z.string())),
    unnamed: z.int(),
  }),
);

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

  /** The last purges, newest first. What cannot be read is left out: it decides nothing. */
  get log(): PurgeInfo[] {
    const parsed = logSchema.safeParse(this.#kv.get(LOG_KEY));
    return parsed.success ? parsed.data : [];
  }

  /** Adds a purge of these routes, or of all routes if null. @returns its number, and all purges. */
  add(
    routes: readonly string[] | null,
    { actor, reason }: Change,
    createdMs: number,
  ): { generation: number; purged: CacheGenerations } {
    const before = this.newest ?? NOTHING_PURGED;
    const generation = newestGeneration(before) + 1;
    const purge: CacheGenerations =
      routes === null
        ? { all: generation, routes: {} }
        : { all: 0, routes: Object.fromEntries(routes.map((id) => [id, generation])) };
    const purged = laterGenerations(before, purge);
    this.#kv.put(KEY, purged);
    const named = routes?.slice(0, MAX_NAMED) ?? null;
    const unnamed = (routes?.length ?? 0) - (named?.length ?? 0);
    const info: PurgeInfo = { generation, createdMs, actor, reason, routes: named, unnamed };
    this.#kv.put(LOG_KEY, [info, ...this.log].slice(0, MAX_LOGGED));
    return { generation, purged };
  }
}
