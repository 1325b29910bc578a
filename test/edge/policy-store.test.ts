/**
 * The policy store of one isolate: it adopts a new policy in time, and keeps the last valid one whatever KV does. The clock is
 * an argument; KV is real, and fails on demand.
 */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CURRENT_KEY, documentKey, PolicyStore } from "../../src/policy/policy-store.ts";
import { hang, kvWith } from "../fixtures/edge-bindings.ts";
import { TEST_POLICY } from "../fixtures/edge-policy.ts";

const START_MS = 1_900_000_000_000;
const log = vi.fn();

/** A store, with its background work and the keys that it reads. */
function newStore(before: (key: string) => unknown = () => undefined) {
  const reads: string[] = [];
  const background: Promise<unknown>[] = [];
  const kv = kvWith((key) => {
    reads.push(key);
    return before(key);
  });
  const store = new PolicyStore(kv, log);
  const at = async (ms: number): Promise<number | undefined> =>
    (await store.current(START_MS + ms, (work) => background.push(work)))?.revision;
  return { store, reads, background, at };
}

const put = (revision: number, document: unknown = TEST_POLICY) =>
  env.CONFIG.put(documentKey(revision), JSON.stringify(document));
const activate = (pointer: unknown) => env.CONFIG.put(CURRENT_KEY, JSON.stringify(pointer));
const publish = async (revision: number, document?: unknown) => {
  await put(revision, document);
  await activate({ revision, activatedAt: "2026-11-21T00:00:00.000Z" });
};

beforeEach(async () => {
  await reset();
  log.mockClear();
});
afterEach(() => vi.useRealTimers());

describe("the policy in force", () => {
  it("is the embedded default, as revision 0, if KV holds none", async () => {
    const { store, at } = newStore();
    expect(await at(0)).toBe(0);
    expect(store.known?.routes.byId("/compare")?.costMilli).toBe(2_000);
    expect(store.problem).toBeNull();
  });

  it("is refreshed in the background of the first request twenty seconds after the last check", async () => {
    const { at, reads, background } = newStore();
    await publish(1);
    expect(await at(0)).toBe(1);
    await publish(2);
    reads.length = 0;
    expect(await at(19_999)).toBe(1);
    expect(reads).toEqual([]);
    expect(await at(20_000)).toBe(1);
    await Promise.all(background);
    expect(await at(20_001)).toBe(2);
  });

  it("is refreshed before the response to a request after a longer pause, so that it is at most a minute old with KV's own cache", async () => {
    const { at, background } = newStore();
    await publish(1);
    expect(await at(0)).toBe(1);
    await publish(2);
    expect(await at(25_000)).toBe(2);
    expect(background).toEqual([]);
  });

  it("is refreshed at once if an object needs a newer revision, however recent the last check", async () => {
    const { store, at } = newStore();
    await publish(1);
    await at(0);
    await put(2);
    expect((await store.atLeast(2))?.revision).toBe(2);
    expect(await at(1)).toBe(2);
    expect(await store.atLeast(3)).toBeNull();
    expect((await store.atLeast(1))?.revision).toBe(2);
  });
});

describe("an invalid policy never takes effect", () => {
  const bad: [what: string, make: () => Promise<void>][] = [
    ["a document that does not compile", () => publish(4, { ...TEST_POLICY, defaultTier: "gone" })],
    [
      "a document that is not JSON",
      async () => {
        await activate({ revision: 4 });
        await env.CONFIG.put(documentKey(4), "{");
      },
    ],
    ["a document that is missing", () => activate({ revision: 4 })],
    ["a pointer that is not JSON", () => env.CONFIG.put(CURRENT_KEY, "4")],
    ["a pointer without a revision", () => activate({ activatedAt: "2026-11-21T00:00:00.000Z" })],
    ["a pointer to revision 0", () => activate({ revision: 0 })],
    ["a pointer to a fractional revision", () => activate({ revision: 3.5 })],
    ["a pointer to a revision as a string", () => activate({ revision: "4" })],
  ];

  it.each(bad)("%s: the old one stays, and the problem is reported and logged once", async (_what, make) => {
    const { store, at } = newStore();
    await publish(3);
    await at(0);
    await make();
    expect(await at(30_000)).toBe(3);
    expect(await at(60_000)).toBe(3);
    expect(store.problem).toMatch(/policy/);
    expect(log).toHaveBeenCalledTimes(1);
  });

  it.each(bad.slice(0, 3))("%s: a new isolate falls back to the last valid revision", async (_what, make) => {
    await put(1);
    await put(2);
    await put(3, "rubbish");
    await make();
    const { store, at } = newStore();
    expect(await at(0)).toBe(2);
    expect(store.problem).toMatch(/policy revision 4/);
  });

  it("a new isolate that finds no valid revision uses the embedded default", async () => {
    await publish(2, "rubbish");
    const { store, at } = newStore();
    expect(await at(0)).toBe(0);
    expect(store.problem).toMatch(/policy revision 2 is rejected/);
  });

  it("the problem ends as soon as a valid policy is there", async () => {
    const { store, at } = newStore();
    await publish(1);
    await activate({ revision: 2 });
    expect(await at(0)).toBe(1);
    expect(store.problem).not.toBeNull();
    await put(2);
    expect(await at(30_000)).toBe(2);
    expect(store.problem).toBeNull();
  });

  it("the reported problem names the fault and its path", async () => {
    await publish(2, { ...TEST_POLICY, routes: [{ match: "/a", cost: -1 }] });
    const { store, at } = newStore();
    await at(0);
    expect(store.problem).toMatch(/^policy revision 2 is rejected: \/routes\/0\/cost /);
  });
});

describe("a revision once seen is never replaced by an older one", () => {
  it.each<[what: string, make: () => Promise<void>]>([
    ["if KV returns an older pointer", () => activate({ revision: 4 })],
    ["if KV has lost its pointer", () => env.CONFIG.delete(CURRENT_KEY)],
  ])("%s", async (_what, make) => {
    const { store, at } = newStore();
    await put(4);
    await publish(5);
    expect(await at(0)).toBe(5);
    await make();
    expect(await at(30_000)).toBe(5);
    expect((await store.atLeast(4))?.revision).toBe(5);
    expect(store.problem).toBeNull();
  });
});

describe("generations of cached responses", () => {
  const purge = (revision: number, purged: unknown) => activate({ revision, purged });

  it("are adopted from the pointer although its revision is not new", async () => {
    const { store, at } = newStore();
    await publish(1);
    await at(0);
    expect(store.cacheGeneration("/a")).toBe(0);
    await purge(1, { all: 0, routes: { "/a": 1 } });
    await at(30_000);
    expect([store.cacheGeneration("/a"), store.cacheGeneration("/b")]).toEqual([1, 0]);
    await purge(1, { all: 2, routes: {} });
    await at(60_000);
    expect([store.cacheGeneration("/a"), store.cacheGeneration("/b")]).toEqual([2, 2]);
    expect(store.known?.revision).toBe(1);
  });

  it("never go back, whatever KV returns", async () => {
    const { store, at } = newStore();
    await put(1);
    await purge(1, { all: 3, routes: { "/a": 5 } });
    await at(0);
    let ms = 0;
    for (const older of [
      { all: 2, routes: {} },
      { all: 3, routes: { "/a": 4, "/b": 1 } },
      undefined,
      null,
      "rubbish",
      { all: -1, routes: {} },
      { all: 9 },
      { all: 9, routes: { "/a": "9" } },
    ]) {
      await purge(1, older);
      await at((ms += 30_000));
      expect([store.cacheGeneration("/a"), store.cacheGeneration("/b")]).toEqual([5, 3]);
      expect(store.problem).toBeNull();
    }
    await env.CONFIG.delete(CURRENT_KEY);
    await at((ms += 30_000));
    expect(store.cacheGeneration("/a")).toBe(5);
  });

  it("of the embedded policy have a pointer to revision 0", async () => {
    await purge(0, { all: 1, routes: {} });
    const { store, at } = newStore();
    expect(await at(0)).toBe(0);
    expect([store.cacheGeneration("/a"), store.problem]).toEqual([1, null]);
    await publish(1);
    await purge(0, { all: 2, routes: {} });
    expect(await at(30_000)).toBe(0);
    expect(store.cacheGeneration("/a")).toBe(2);
  });

  it("that a later Worker adds fields to are adopted", async () => {
    await put(1);
    await activate({ revision: 1, purged: { all: 4, routes: {}, tags: { x: 9 } }, more: true });
    const { store, at } = newStore();
    await at(0);
    expect(store.cacheGeneration("/a")).toBe(4);
  });

  it("come from the registry if KV does not answer", async () => {
    const registry = {
      document: async () => null,
      newest: async () => 0,
      purged: async () => ({ all: 0, routes: { "/a": 7 } }),
    };
    const kv = kvWith(() => {
      throw new Error("KV is down");
    });
    const store = new PolicyStore(kv, log, registry);
    await store.current(START_MS, () => undefined);
    expect(store.cacheGeneration("/a")).toBe(7);
  });
});

describe("while KV fails", () => {
  const broken = () => {
    throw new Error("KV is down");
  };

  it("an isolate that knows no policy has none, and loads one as soon as KV answers", async () => {
    let before: () => unknown = broken;
    const { store, at } = newStore(() => before());
    await publish(1);
    expect(await at(0)).toBeUndefined();
    expect(store.problem).toMatch(/is not responding/);
    before = () => undefined;
    expect(await at(1)).toBe(1);
    expect(store.problem).toBeNull();
  });

  it("the known policy stays, and KV is read again soon, but not by every request", async () => {
    let before: () => unknown = () => undefined;
    const { store, reads, background, at } = newStore(() => before());
    await publish(1);
    await at(0);
    before = broken;
    await publish(2);
    expect(await at(60_000)).toBe(1);
    expect(store.problem).toMatch(/is not responding/);
    reads.length = 0;
    for (let ms = 60_000; ms < 62_000; ms += 100) expect(await at(ms)).toBe(1);
    await Promise.all(background);
    expect(reads).toEqual([CURRENT_KEY]);
    before = () => undefined;
    await at(62_000);
    await Promise.all(background);
    expect(await at(62_001)).toBe(2);
    expect(store.problem).toBeNull();
  });

  it("a refresh that hangs delays no other request, and is repeated after two seconds", async () => {
    let before: () => unknown = () => undefined;
    const { reads, background, at } = newStore(() => before());
    await publish(1);
    await at(0);
    before = hang;
    reads.length = 0;
    expect(await at(20_000)).toBe(1);
    expect(await at(20_001)).toBe(1);
    expect(await at(21_999)).toBe(1);
    expect(reads).toEqual([CURRENT_KEY]);
    before = () => undefined;
    await publish(2);
    expect(await at(22_000)).toBe(1);
    await background.at(-1);
    expect(await at(22_001)).toBe(2);
  });

  it("a request that must wait for KV waits at most two seconds", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { store, at } = newStore(hang);
    const asked = at(0);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await asked).toBeUndefined();
    expect(store.problem).toMatch(/no answer in 2000 ms/);
  });
});
