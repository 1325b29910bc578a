/**
 * The policy store of one isolate: takes a new policy in time, and keeps the last good one through whatever KV does. The
 * clock is an argument; KV is real, and fails on demand.
 */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CURRENT_KEY, documentKey, PolicyStore } from "../../src/policy/policy-store.ts";
import { hang, kvWith } from "../fixtures/edge-bindings.ts";
import { TEST_POLICY } from "../fixtures/edge-policy.ts";

const START_MS = 1_900_000_000_000;
const log = vi.fn();

/** A store with what it does behind requests, and the keys it reads. */
function newStore(before: (key: string) => unknown = () => undefined) {
  const reads: string[] = [];
  const behind: Promise<unknown>[] = [];
  const kv = kvWith((key) => {
    reads.push(key);
    return before(key);
  });
  const store = new PolicyStore(kv, log);
  const at = async (ms: number): Promise<number | undefined> =>
    (await store.current(START_MS + ms, (work) => behind.push(work)))?.revision;
  return { store, reads, behind, at };
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

describe("a policy takes effect", () => {
  it("is the embedded default, as revision 0, where KV holds none", async () => {
    const { store, at } = newStore();
    expect(await at(0)).toBe(0);
    expect(store.known?.routes.byId("/compare")?.costMilli).toBe(2_000);
    expect(store.problem).toBeNull();
  });

  it("behind the first request that comes ten seconds after the last look", async () => {
    const { at, reads, behind } = newStore();
    await publish(1);
    expect(await at(0)).toBe(1);
    await publish(2);
    reads.length = 0;
    expect(await at(9_999)).toBe(1);
    expect(reads).toEqual([]);
    expect(await at(10_000)).toBe(1);
    await Promise.all(behind);
    expect(await at(10_001)).toBe(2);
  });

  it("before the answer to a request that comes after a longer pause: never older than a minute with KV's own cache", async () => {
    const { at, behind } = newStore();
    await publish(1);
    expect(await at(0)).toBe(1);
    await publish(2);
    expect(await at(25_000)).toBe(2);
    expect(behind).toEqual([]);
  });

  it("at once where an object is asked by it, however fresh the last look", async () => {
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

describe("a policy that is no good never takes effect", () => {
  const bad: [what: string, make: () => Promise<void>][] = [
    ["a document that does not compile", () => publish(4, { ...TEST_POLICY, defaultTier: "gone" })],
    [
      "a document that is not JSON",
      async () => {
        await activate({ revision: 4 });
        await env.CONFIG.put(documentKey(4), "{");
      },
    ],
    ["a document that is not there yet", () => activate({ revision: 4 })],
    ["a pointer that is not JSON", () => env.CONFIG.put(CURRENT_KEY, "4")],
    ["a pointer without a revision", () => activate({ activatedAt: "2026-11-21T00:00:00.000Z" })],
    ["a pointer to revision 0", () => activate({ revision: 0 })],
    ["a pointer to half a revision", () => activate({ revision: 3.5 })],
    ["a pointer to a revision as a string", () => activate({ revision: "4" })],
  ];

  it.each(bad)("%s: the old one stays, and the problem is told, logged once", async (_what, make) => {
    const { store, at } = newStore();
    await publish(3);
    await at(0);
    await make();
    expect(await at(30_000)).toBe(3);
    expect(await at(60_000)).toBe(3);
    expect(store.problem).toMatch(/policy/);
    expect(log).toHaveBeenCalledTimes(1);
  });

  it.each(bad.slice(0, 3))("%s: a new isolate looks back to the last good one", async (_what, make) => {
    await put(1);
    await put(2);
    await put(3, "rubbish");
    await make();
    const { store, at } = newStore();
    expect(await at(0)).toBe(2);
    expect(store.problem).toMatch(/policy revision 4/);
  });

  it("the embedded default, where a new isolate finds no good one", async () => {
    await publish(2, "rubbish");
    const { store, at } = newStore();
    expect(await at(0)).toBe(0);
    expect(store.problem).toMatch(/policy revision 2 is rejected/);
  });

  it("the problem is over when a good one is there", async () => {
    const { store, at } = newStore();
    await publish(1);
    await activate({ revision: 2 });
    expect(await at(0)).toBe(1);
    expect(store.problem).not.toBeNull();
    await put(2);
    expect(await at(30_000)).toBe(2);
    expect(store.problem).toBeNull();
  });

  it("says what is wrong and where, for the operator", async () => {
    await publish(2, { ...TEST_POLICY, routes: [{ match: "/a", cost: -1 }] });
    const { store, at } = newStore();
    await at(0);
    expect(store.problem).toMatch(/^policy revision 2 is rejected: \/routes\/0\/cost /);
  });
});

describe("a revision once seen is never left for an older one", () => {
  it.each<[what: string, make: () => Promise<void>]>([
    ["KV answers with an older pointer", () => activate({ revision: 4 })],
    ["KV has lost its pointer", () => env.CONFIG.delete(CURRENT_KEY)],
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

describe("while KV fails", () => {
  const broken = () => {
    throw new Error("KV is down");
  };

  it("there is no policy where none is known, and there is one as soon as KV answers", async () => {
    let before: () => unknown = broken;
    const { store, at } = newStore(() => before());
    await publish(1);
    expect(await at(0)).toBeUndefined();
    expect(store.problem).toMatch(/does not answer/);
    before = () => undefined;
    expect(await at(1)).toBe(1);
    expect(store.problem).toBeNull();
  });

  it("the known one stays, and KV is asked again soon, but not by every request", async () => {
    let before: () => unknown = () => undefined;
    const { store, reads, behind, at } = newStore(() => before());
    await publish(1);
    await at(0);
    before = broken;
    await publish(2);
    expect(await at(60_000)).toBe(1);
    expect(store.problem).toMatch(/does not answer/);
    reads.length = 0;
    for (let ms = 60_000; ms < 62_000; ms += 100) expect(await at(ms)).toBe(1);
    await Promise.all(behind);
    expect(reads).toEqual([CURRENT_KEY]);
    before = () => undefined;
    await at(62_000);
    await Promise.all(behind);
    expect(await at(62_001)).toBe(2);
    expect(store.problem).toBeNull();
  });

  it("a look that hangs holds up no other request, and one that is lost is made again", async () => {
    let before: () => unknown = () => undefined;
    const { reads, behind, at } = newStore(() => before());
    await publish(1);
    await at(0);
    before = hang;
    reads.length = 0;
    expect(await at(10_000)).toBe(1);
    expect(await at(10_001)).toBe(1);
    expect(await at(11_999)).toBe(1);
    expect(reads).toEqual([CURRENT_KEY]);
    before = () => undefined;
    await publish(2);
    expect(await at(12_000)).toBe(1);
    await behind.at(-1);
    expect(await at(12_001)).toBe(2);
  });

  it("a request that must wait for KV waits two seconds at most", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { store, at } = newStore(hang);
    const asked = at(0);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await asked).toBeUndefined();
    expect(store.problem).toMatch(/no answer in 2000 ms/);
  });
});
