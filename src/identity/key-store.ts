/**
 * Looks up an API key's owner by the key's hash: KV `key:<sha256 hex>` -> {@link KeyRecord}.
 *
 * A projection: it finds the user; the user's object decides whether the key is still valid, as part of the decision. Cached in the
 * isolate: found keys for 30 s, unknown keys for 5 s, both bounded in number. The cache is indexed by the key itself, so that no key is
 * hashed twice; the key never leaves the isolate's memory.
 *
 * It also knows whether the deployment has imported keys of other systems. Only then is a key without a checksum looked up: elsewhere such
 * keys cost at most one read per isolate in half a minute, however many are sent.
 */
import * as z from "zod/mini";
import { BoundedCache } from "../bounded-cache.ts";
import { withDeadline } from "../deadline.ts";
import { parseJson } from "../json.ts";
import { type Log, messageOf } from "../log.ts";
import { parseBy } from "../policy/fault.ts";
import { hashApiKey } from "./api-key.ts";
import { KEY_SCOPES } from "./key-scope.ts";
import { userIdSchema } from "./user-id.ts";

const HIT_MS = 30_000;
const MISS_MS = 5_000;
/** At most about 5 MB of the isolate's 128 MB. */
const CACHED_KEYS = 10_000;
/** Unknown keys have their own cache, so that forged keys cannot evict real ones. */
const CACHED_UNKNOWN = 1_000;
/** The minimum that KV allows. A new key that was looked up before it existed may take this long to work. */
const KV_CACHE_SECONDS = 30;
const KV_DEADLINE_MS = 2_000;

export const keyRecordSchema = z.object({
  keyId: z.string().check(z.minLength(1), z.maxLength(64)),
  user: userIdSchema,
  scopes: z.array(z.enum(KEY_SCOPES)),
  /** Unix milliseconds, or null for a key that does not expire. */
  expiresAt: z.nullable(z.number()),
  /** Grows with each change, so that an older record never replaces a newer one. */
  version: z.int(),
});
export type KeyRecord = z.infer<typeof keyRecordSchema>;

/** Present once keys of other systems were imported. Never deleted but by an operator: docs/moving-in.md. */
export const IMPORTED_KEYS = "keys:imported";

export const keyRecordKey = (hash: string): string => `key:${hash}`;

/** `unavailable`: KV did not answer and no record is cached, so the owner is unknown. */
export type KeyLookup =
  | { readonly kind: "found"; readonly record: KeyRecord }
  | { readonly kind: "unknown" }
  | { readonly kind: "unavailable" };

/** The result of a lookup, for metrics: `stale` is an expired record that was used because KV failed. */
export type KeyResult = "hit" | "miss" | "stale" | "failed";

export class KeyStore {
  readonly #kv: KVNamespace;
  readonly #log: Log;
  readonly #count: (result: KeyResult) => void;
  readonly #found = new BoundedCache<KeyRecord>(CACHED_KEYS);
  readonly #unknown = new BoundedCache<true>(CACHED_UNKNOWN);
  /** Whether keys were imported, as last read; null: never read. */
  #hasImported: boolean | null = null;
  #importsKnownUntilMs = 0;

  /** @param count called for each lookup; must be quick and never throw. */
  constructor(kv: KVNamespace, log: Log, count: (result: KeyResult) => void = () => {}) {
    this.#kv = kv;
    this.#log = log;
    this.#count = count;
  }

  /** The cached result for a key, or null. */
  known(key: string, nowMs: number): KeyLookup | null {
    const record = this.#found.get(key, nowMs) ?? null;
    if (!record && !this.#unknown.get(key, nowMs)) return null;
    this.#count("hit");
    return lookup(record);
  }

  /** Whether the key has an owner, as far as this isolate remembers: even if it would look the key up again. */
  hasFound(key: string): boolean {
    return this.#found.getStale(key) !== undefined;
  }

  /**
   * Never rejects. If KV fails, an expired record from the cache is used, however old: the object checks the key anyway.
   * @param key well-formed, or of a bounded length, so that the cache is bounded in bytes too.
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

  /**
   * Whether keys of other systems may exist; null: KV fails, and it never answered this isolate. A promise only if KV must be read.
   * Never rejects.
   */
  hasImported(nowMs: number): boolean | null | Promise<boolean | null> {
    if (this.#hasImported === true || nowMs < this.#importsKnownUntilMs) return this.#hasImported;
    return this.#readImported(nowMs);
  }

  /** Notes for all isolates that keys are imported: before the first one is. @throws if KV fails. */
  async noteImported(): Promise<void> {
    const found = await withDeadline(this.#kv.get(IMPORTED_KEYS), KV_DEADLINE_MS, "KV");
    if (found === null) await withDeadline(this.#kv.put(IMPORTED_KEYS, "1"), KV_DEADLINE_MS, "KV");
    this.#hasImported = true;
  }

  async #readImported(nowMs: number): Promise<boolean | null> {
    try {
      const get = this.#kv.get(IMPORTED_KEYS, { type: "text", cacheTtl: KV_CACHE_SECONDS });
      this.#hasImported = (await withDeadline(get, KV_DEADLINE_MS, "KV")) !== null;
      this.#importsKnownUntilMs = nowMs + HIT_MS;
    } catch (thrown) {
      this.#log("error", "key_store_failed", { error: messageOf(thrown) });
      this.#importsKnownUntilMs = nowMs + MISS_MS;
    }
    return this.#hasImported;
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
