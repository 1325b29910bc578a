/**
 * Key lookup: one KV read, cached for exactly the promised time, and trusted only if the record parses. The clock is an
 * argument.
 */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { BoundedCache } from "../../src/bounded-cache.ts";
import { hashApiKey } from "../../src/identity/api-key.ts";
import { IMPORTED_KEYS, keyRecordKey, KeyStore } from "../../src/identity/key-store.ts";
import { kvWith } from "../fixtures/edge-bindings.ts";

const KEY = "el_test_F7EiAOHGSMcn0z3Ma9quqDETMHbrE62ASF45";
const HASH = await hashApiKey(KEY);
const RECORD = { keyId: "k1", user: "ada", scopes: ["call"], expiresAt: null, version: 1 };
const NOW_MS = 1_900_000_000_000;
const log = vi.fn();

const put = (record: unknown) => env.CONFIG.put(keyRecordKey(HASH), JSON.stringify(record));

function newStore(before: () => unknown = () => undefined) {
  const reads: string[] = [];
  const store = new KeyStore(
    kvWith((key) => {
      reads.push(key);
      return before();
    }),
    log,
  );
  return { reads, at: (ms: number) => store.find(KEY, NOW_MS + ms) };
}

beforeEach(async () => {
  await reset();
  log.mockClear();
});

describe("a key's record", () => {
  it("is found by the hash of the key, and cached for 30 s", async () => {
    const { reads, at } = newStore();
    await put(RECORD);
    expect(await at(0)).toEqual({ kind: "found", record: RECORD });
    await put({ ...RECORD, user: "bob" });
    expect(await at(29_999)).toEqual({ kind: "found", record: RECORD });
    expect(reads).toEqual([`key:${HASH}`]);
    expect(await at(30_000)).toMatchObject({ record: { user: "bob" } });
  });

  it("that is missing is read again after 5 s, so a new key soon works", async () => {
    const { reads, at } = newStore();
    expect(await at(0)).toEqual({ kind: "unknown" });
    await put(RECORD);
    expect(await at(4_999)).toEqual({ kind: "unknown" });
    expect(reads).toHaveLength(1);
    expect(await at(5_000)).toMatchObject({ kind: "found" });
  });

  it("that was deleted is not used again, even if KV fails later", async () => {
    let fails = false;
    const { at } = newStore(() => fails && Promise.reject(new Error("KV is down")));
    await put(RECORD);
    expect(await at(0)).toMatchObject({ kind: "found" });
    await env.CONFIG.delete(keyRecordKey(HASH));
    expect(await at(30_000)).toEqual({ kind: "unknown" });
    fails = true;
    expect(await at(60_000)).toEqual({ kind: "unavailable" });
  });

  it.each<[what: string, record: unknown]>([
    ["a string", "x"],
    ["null", null],
    ["a list", [RECORD]],
    ["no user", { ...RECORD, user: undefined }],
    ["an invalid user id", { ...RECORD, user: "a b" }],
    ["an unknown scope", { ...RECORD, scopes: ["call", "root"] }],
    ["an expiry that is a string", { ...RECORD, expiresAt: "never" }],
    ["no key id", { ...RECORD, keyId: "" }],
    ["a fractional version", { ...RECORD, version: 1.5 }],
  ])(
    "that does not parse makes the key unknown, and is logged without the key: %s",
    async (_what, record) => {
      const { at } = newStore();
      await put(record);
      expect(await at(0)).toEqual({ kind: "unknown" });
      expect(log).toHaveBeenCalledExactlyOnceWith("error", "key_record_refused", expect.anything());
    },
  );

  it("that is not JSON makes the key unknown", async () => {
    const { at } = newStore();
    await env.CONFIG.put(keyRecordKey(HASH), "{");
    expect(await at(0)).toEqual({ kind: "unknown" });
  });
});

describe("while KV fails", () => {
  const broken = () => {
    throw new Error("KV is down");
  };

  it("a key that is not cached is unavailable, and the next request reads KV again", async () => {
    let before: () => unknown = broken;
    const { at } = newStore(() => before());
    await put(RECORD);
    expect(await at(0)).toEqual({ kind: "unavailable" });
    before = () => undefined;
    expect(await at(1)).toMatchObject({ kind: "found" });
  });

  it("a cached record is used however old it is, but a key cached as unknown is unavailable", async () => {
    let before: () => unknown = () => undefined;
    const known = newStore(() => before());
    const unknown = newStore(() => before());
    expect(await unknown.at(0)).toEqual({ kind: "unknown" });
    await put(RECORD);
    await known.at(0);
    before = broken;
    expect(await known.at(86_400_000)).toEqual({ kind: "found", record: RECORD });
    expect(await unknown.at(86_400_000)).toEqual({ kind: "unavailable" });
  });
});

describe("whether keys without a checksum may exist", () => {
  function watched(before: () => unknown = () => undefined) {
    const reads: string[] = [];
    const store = new KeyStore(
      kvWith((key) => {
        reads.push(key);
        return before();
      }),
      log,
    );
    return { reads, store, at: async (ms: number) => store.hasImported(NOW_MS + ms) };
  }

  it("costs a deployment without imports one KV read in half a minute, and then tells at once", async () => {
    const { reads, store, at } = watched();
    expect(await at(0)).toBe(false);
    expect(store.hasImported(NOW_MS + 29_999)).toBe(false);
    expect(reads).toEqual([IMPORTED_KEYS]);
    await watched().store.noteImported();
    expect(await at(30_000)).toBe(true);
    expect(store.hasImported(NOW_MS + 86_400_000)).toBe(true);
    expect(reads).toHaveLength(2);
  });

  it("is unknown while KV fails, unless it was known; KV is asked again after 5 s", async () => {
    let fails = true;
    const { reads, store, at } = watched(() => fails && Promise.reject(new Error("KV is down")));
    expect(await at(0)).toBeNull();
    expect(store.hasImported(NOW_MS + 4_999)).toBeNull();
    fails = false;
    expect(await at(5_000)).toBe(false);
    fails = true;
    expect(await at(60_000)).toBe(false);
    expect(reads).toHaveLength(3);
    await expect(store.noteImported()).rejects.toThrow("KV is down");
  });
});

describe("the isolate's cache", () => {
  it("holds a fixed number of entries, and evicts the least recently written first", () => {
    const cache = new BoundedCache<number>(3);
    for (let i = 0; i < 5; i++) cache.set(`k${i}`, i, 10);
    cache.set("k2", 20, 10);
    cache.set("k5", 5, 10);
    expect(cache.size).toBe(3);
    expect(["k0", "k1", "k2", "k3", "k4", "k5"].map((key) => cache.get(key, 9))).toEqual([
      undefined,
      undefined,
      20,
      undefined,
      4,
      5,
    ]);
    expect(cache.get("k2", 10)).toBeUndefined();
    expect(cache.getStale("k2")).toBe(20);
  });

  it("never evicts a real key for made-up ones, and keeps at most 1,000 of those", async () => {
    const reads: string[] = [];
    // Stands in for KV, because 10,000 real reads are slow.
    const get = async (key: string): Promise<string | null> => {
      reads.push(key);
      return key === keyRecordKey(HASH) ? JSON.stringify(RECORD) : null;
    };
    const store = new KeyStore(new Proxy(env.CONFIG, { get: () => get }), log);
    await store.find(KEY, NOW_MS);
    for (let i = 0; i <= 10_000; i++) await store.find(`made-up-${i}`, NOW_MS);
    reads.length = 0;
    expect(await store.find(KEY, NOW_MS)).toMatchObject({ kind: "found" });
    for (const i of [10_000, 9_001, 9_000]) await store.find(`made-up-${i}`, NOW_MS);
    expect(reads).toEqual([keyRecordKey(await hashApiKey("made-up-9000"))]);
  });
});
