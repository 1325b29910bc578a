/**
 * Looks an API key up by its hash: KV `key:<sha256 hex>` -> whose key it is.
 *
 * A projection: it finds the user; whether the key is still good is for the user's object to say, in the decision itself.
 * Cached in the isolate: a hit for 30 s, a miss for 5 s, both bounded in number. The cache is by the key itself, which every
 * request brings along anyway, so that none is hashed twice; it never leaves the isolate's memory.
 */
import * as z from "zod/mini";
import { BoundedCache } from "../bounded-cache.ts";
import { withDeadline } from "../deadline.ts";
import { parseJson } from "../json.ts";
import { type Log, messageOf } from "../log.ts";
import { parseBy } from "../policy/fault.ts";
import { hashApiKey } from "./api-key.ts";
import { userIdSchema } from "./user-id.ts";

const HIT_MS = 30_000;
const MISS_MS = 5_000;
/** About 3 MB of isolate memory at most, of 128. */
const CACHED_KEYS = 10_000;
/** Keys that are nobody's, apart: anybody can make such up, and is not to push out those that are somebody's. */
const CACHED_UNKNOWN = 1_000;
/** KV's least; a new key that was asked for before it existed may need so long to work. */
const KV_CACHE_SECONDS = 30;
const KV_DEADLINE_MS = 2_000;

/** What a key may do: `call` the routes of the gateway, `check` by the decision API. */
export const SCOPES = ["call", "check"] as const;
export type Scope = (typeof SCOPES)[number];

export const keyRecordSchema = z.object({
  keyId: z.string().check(z.minLength(1), z.maxLength(64)),
  user: userIdSchema,
  scopes: z.array(z.enum(SCOPES)),
  /** Unix milliseconds, or null for a key that does not expire. */
  expiresAt: z.nullable(z.number()),
  /** Grows with each change, so that an older record never replaces a newer one. */
  version: z.int(),
});
export type KeyRecord = z.infer<typeof keyRecordSchema>;

export const keyRecordKey = (hash: string): string => `key:${hash}`;

/** `unavailable`: KV did not answer and nothing is cached, so nobody can say whose key it is. */
export type KeyLookup =
  | { readonly kind: "found"; readonly record: KeyRecord }
  | { readonly kind: "unknown" }
  | { readonly kind: "unavailable" };

/**
 * How a look-up went, for whoever counts them: cached, read from KV, answered by an old record because KV failed, or not at all.
 */
export type KeyResult = "hit" | "miss" | "stale" | "failed";

export class KeyStore {
  readonly #kv: KVNamespace;
  readonly #log: Log;
  readonly #count: (result: KeyResult) => void;
  readonly #found = new BoundedCache<KeyRecord>(CACHED_KEYS);
  readonly #unknown = new BoundedCache<true>(CACHED_UNKNOWN);

  /** @param count told of each look-up; must be quick and never throw. */
  constructor(kv: KVNamespace, log: Log, count: (result: KeyResult) => void = () => {}) {
    this.#kv = kv;
    this.#log = log;
    this.#count = count;
  }

  /** What is cached of a key, or null. */
  known(key: string, nowMs: number): KeyLookup | null {
    const record = this.#found.get(key, nowMs) ?? null;
    if (!record && !this.#unknown.get(key, nowMs)) return null;
    this.#count("hit");
    return lookup(record);
  }

  /**
   * Never rejects. Where KV fails, a record that was cached before is used however old: the object checks it anyway.
   * @param key well-formed: of one length, so that the cache is bounded in bytes too.
   */
  async find(key: string, nowMs: number): Promise<KeyLookup> {
    const known = this.known(key, nowMs);
    if (known) return known;
    try {
      const record = await this.#read(await hashApiKey(key));
      if (record) {
        this.#found.set(key, record, nowMs + HIT_MS);
      } else {
        this.#found.delete(key);
        this.#unknown.set(key, true, nowMs + MISS_MS);
      }
      this.#count("miss");
      return lookup(record);
    } catch (thrown) {
      this.#log("error", "key_store_failed", { error: messageOf(thrown) });
      const stale = this.#found.getStale(key);
      this.#count(stale ? "stale" : "failed");
      return stale ? lookup(stale) : { kind: "unavailable" };
    }
  }

  async #read(hash: string): Promise<KeyRecord | null> {
    const get = this.#kv.get(keyRecordKey(hash), { type: "text", cacheTtl: KV_CACHE_SECONDS });
    const text = await withDeadline(get, KV_DEADLINE_MS, "KV key lookup");
    if (text === null) return null;
    const parsed = parseBy(keyRecordSchema, parseJson(text));
    if (parsed.ok) return parsed.value;
    this.#log("error", "key_record_refused", { hash, path: parsed.faults[0]?.path });
    return null;
  }
}

function lookup(record: KeyRecord | null): KeyLookup {
  return record ? { kind: "found", record } : { kind: "unknown" };
}
