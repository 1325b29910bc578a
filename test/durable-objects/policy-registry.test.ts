/**
 * The registry of policies: it numbers them, never changes one, lets one of two concurrent changes win, and publishes to KV eventually,
 * the document before the pointer to it.
 */
import {
  abortAllDurableObjects,
  evictDurableObject,
  reset,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { PolicyRegistry } from "../../durable-objects/policy-registry.ts";
import { generationOf, MAX_PURGED_ROUTES } from "../../src/policy/cache-generations.ts";
import {
  type PurgeAnswer,
  type PutAnswer,
  registryOf,
  type RegistryStub,
} from "../../src/objects/policy-registry.ts";
import { CURRENT_KEY, documentKey } from "../../src/policy/policy-store.ts";
import { breakKv, type Fate, kvWhere } from "../fixtures/control-outages.ts";
import { dropTimers, later, startClock, stopClock } from "./fixture.ts";

// Many calls one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(async () => {
  await reset();
  startClock();
});
afterEach(stopClock);

const BY = { actor: "ada", reason: "more for all" };
/** The delay of the outbox's first retry, and its deadline for KV. */
const FIRST_RETRY_MS = 2_000;
const DEADLINE_MS = 3_000;

const registry = (): RegistryStub => registryOf(env.POLICY_REGISTRY);
const documentOf = (n: number): string => JSON.stringify({ n });

/** Puts documents 1 to `count` one after the other. */
async function putAll(count: number): Promise<void> {
  for (let n = 1; n <= count; n++) await registry().put(documentOf(n), n - 1, BY);
}

const pointer = (): Promise<unknown> => env.CONFIG.get(CURRENT_KEY, "json");
const document = (n: number): Promise<string | null> => env.CONFIG.get(documentKey(n));
const alarmAtMs = (): Promise<number | null> =>
  runInDurableObject(registry(), (_object, { storage }) => storage.getAlarm());
const ring = (): Promise<boolean> => runDurableObjectAlarm(registry());

/** Records the writes to KV from now on, in order; `fateOf` chooses the fate of each. */
function watchWrites(fateOf: (key: string) => Fate | Promise<Fate> = () => "through") {
  const writes: string[] = [];
  const restore = kvWhere((method, key) => {
    if (method !== "put") return "through";
    writes.push(key);
    return fateOf(key);
  });
  return { writes, restore };
}

describe("revisions", () => {
  it("are none until one is put, and reading them writes nothing", async () => {
    expect(await registry().newest()).toBeNull();
    expect(await registry().revision(1)).toBeNull();
    expect(await registry().revisions(100, 10)).toEqual([]);
    expect(await registry().activate(1, 0, BY)).toEqual({ kind: "absent" });
    const tables = await runInDurableObject(registry(), (_object, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'revisions'").toArray(),
    );
    expect(tables).toEqual([]);
  });

  it("are numbered from 1, and say who put them, when and why", async () => {
    for (let n = 1; n <= 3; n++) {
      later(1_000);
      const answer = await registry().put(documentOf(n), n - 1, { actor: `actor ${n}`, reason: `why ${n}` });
      const info = {
        revision: n,
        createdMs: Date.now(),
        actor: `actor ${n}`,
        reason: `why ${n}`,
        restores: null,
      };
      expect(answer).toEqual({ kind: "revision", revision: info, published: true });
      expect(await registry().newest()).toEqual({ ...info, document: documentOf(n) });
    }
  });

  it("never change: not by later ones, a rollback or a restart", async () => {
    await putAll(1);
    const first = await registry().revision(1);
    await registry().put(documentOf(2), 1, BY);
    await registry().activate(1, 2, BY);
    await abortAllDurableObjects();
    expect(await registry().revision(1)).toEqual(first);
    expect((await registry().newest())?.revision).toBe(3);
    expect((await registry().put(documentOf(4), 3, BY)).kind).toBe("revision");
  });

  it("are listed newest first, a page at a time, without their documents", async () => {
    await putAll(7);
    const pages: number[][] = [];
    for (let before = 100; before > 1;) {
      const page = await registry().revisions(before, 3);
      expect(Object.keys(page[0] ?? {}).toSorted()).toEqual([
        "actor",
        "createdMs",
        "reason",
        "restores",
        "revision",
      ]);
      pages.push(page.map(({ revision }) => revision));
      before = page.at(-1)?.revision ?? 0;
    }
    expect(pages).toEqual([[7, 6, 5], [4, 3, 2], [1]]);
  });

  it("restored by a rollback are new ones with the old document, and say which they restore", async () => {
    await putAll(3);
    expect(await registry().activate(1, 3, BY)).toMatchObject({
      kind: "revision",
      revision: { revision: 4, restores: 1 },
    });
    expect(await registry().newest()).toMatchObject({ revision: 4, restores: 1, document: documentOf(1) });
    expect(await registry().activate(4, 4, BY)).toMatchObject({ revision: { revision: 5, restores: 4 } });
    expect((await registry().newest())?.document).toBe(documentOf(1));
  });

  it("say that they restore 0 after a rollback to the embedded default", async () => {
    await putAll(1);
    expect(await registry().put(documentOf(0), 1, BY, 0)).toMatchObject({ revision: { restores: 0 } });
  });
});

describe("compare-and-set", () => {
  it.each([0, 1, 3, -1])(
    "rejects a change against revision %i if 2 is the newest, and changes nothing",
    async (expected) => {
      await putAll(2);
      const { writes } = watchWrites();
      expect(await registry().put(documentOf(9), expected, BY)).toEqual({ kind: "mismatch", newest: 2 });
      expect(await registry().activate(1, expected, BY)).toEqual({ kind: "mismatch", newest: 2 });
      expect((await registry().newest())?.document).toBe(documentOf(2));
      expect(writes).toEqual([]);
    },
  );

  it("rejects the first revision against anything but the embedded default", async () => {
    expect(await registry().put(documentOf(1), 1, BY)).toEqual({ kind: "mismatch", newest: 0 });
    expect(await registry().newest()).toBeNull();
  });

  it("lets exactly one of many concurrent changes win, again and again", async () => {
    for (let round = 0; round < 5; round++) {
      const rivals = Array.from({ length: 8 }, (_, i): Promise<PutAnswer> =>
        i % 2 === 0 || round === 0
          ? registry().put(documentOf(i), round, { actor: `rival ${i}`, reason: "" })
          : registry().activate(1, round, { actor: `rival ${i}`, reason: "" }),
      );
      const answers = await Promise.all(rivals);
      const winners = answers.filter(({ kind }) => kind === "revision");
      expect(winners).toMatchObject([{ revision: { revision: round + 1 } }]);
      expect(answers.filter((answer) => answer.kind === "mismatch")).toEqual(
        Array.from({ length: 7 }, () => ({ kind: "mismatch", newest: round + 1 })),
      );
    }
    const actors = (await registry().revisions(100, 100)).map(({ actor }) => actor);
    expect(actors).toHaveLength(5);
  });
});

describe("KV", () => {
  it("gets the document before the pointer to it", async () => {
    const { writes } = watchWrites();
    await putAll(2);
    expect(writes).toEqual([documentKey(1), CURRENT_KEY, documentKey(2), CURRENT_KEY]);
    expect(await document(2)).toBe(documentOf(2));
    expect(await pointer()).toEqual({ revision: 2, activatedAt: new Date().toISOString() });
  });

  it("that fails at the document gets neither, as the answer says, and both by the alarm", async () => {
    const restore = breakKv();
    expect(await registry().put(documentOf(1), 0, BY)).toMatchObject({ kind: "revision", published: false });
    restore();
    expect([await document(1), await pointer()]).toEqual([null, null]);
    expect(await alarmAtMs()).toBe(Date.now() + FIRST_RETRY_MS);
    later(FIRST_RETRY_MS);
    expect(await ring()).toBe(true);
    expect(await document(1)).toBe(documentOf(1));
    expect(await pointer()).toMatchObject({ revision: 1 });
    expect(await ring()).toBe(false);
  });

  it("that fails at the pointer keeps the old one until the alarm", async () => {
    await putAll(1);
    const { restore } = watchWrites((key) => (key === CURRENT_KEY ? "fail" : "through"));
    expect(await registry().put(documentOf(2), 1, BY)).toMatchObject({ published: false });
    restore();
    expect(await document(2)).toBe(documentOf(2));
    expect(await pointer()).toMatchObject({ revision: 1 });
    await ring();
    expect(await pointer()).toMatchObject({ revision: 2 });
  });

  it("that fails for a minute gets every document, in order, and points to the newest", async () => {
    let isDown = true;
    const { writes } = watchWrites(() => (isDown ? "fail" : "through"));
    const endMs = Date.now() + 60_000;
    for (let n = 1; n <= 4; n++) {
      expect(await registry().put(documentOf(n), n - 1, BY)).toMatchObject({ published: false });
    }
    while (Date.now() < endMs) {
      later(Math.min(((await alarmAtMs()) ?? NaN) - Date.now(), endMs - Date.now()));
      if (Date.now() < endMs) await ring();
    }
    isDown = false;
    writes.length = 0;
    expect(await ring()).toBe(true);
    expect(writes).toEqual([1, 2, 3, 4].map(documentKey).concat(CURRENT_KEY));
    expect(await pointer()).toMatchObject({ revision: 4 });
  });

  it.each(["evicted", "killed"])("is updated even if the registry is %s meanwhile", async (end) => {
    const restore = breakKv();
    await registry().put(documentOf(1), 0, BY);
    await (end === "evicted" ? evictDurableObject(registry()) : abortAllDurableObjects());
    dropTimers();
    restore();
    later(FIRST_RETRY_MS);
    expect(await ring()).toBe(true);
    expect(await document(1)).toBe(documentOf(1));
    expect(await pointer()).toMatchObject({ revision: 1 });
  });

  it("may have stored what it failed to confirm: a repetition is harmless", async () => {
    const { writes, restore } = watchWrites((key) => (key === CURRENT_KEY ? "fail afterwards" : "through"));
    expect(await registry().put(documentOf(1), 0, BY)).toMatchObject({ published: false });
    restore();
    const published = await pointer();
    await ring();
    expect(await pointer()).toEqual(published);
    expect(writes).toEqual([documentKey(1), CURRENT_KEY]);
  });

  it("that hangs delays neither the answer nor the next change for longer than its deadline", async () => {
    const { writes, restore } = watchWrites(() => "hang");
    const startMs = Date.now();
    const answer = await runInDurableObject(registry(), async (object: PolicyRegistry, { storage }) => {
      const put = object.put(documentOf(1), 0, BY);
      while (writes.length === 0) await storage.getAlarm();
      vi.advanceTimersByTime(DEADLINE_MS);
      return put;
    });
    expect(answer).toMatchObject({ kind: "revision", published: false });
    expect(Date.now()).toBe(startMs + DEADLINE_MS);
    restore();
    expect(await registry().put(documentOf(2), 1, BY)).toMatchObject({ kind: "revision", published: true });
    expect(await document(1)).toBe(documentOf(1));
    expect(await pointer()).toMatchObject({ revision: 2 });
  });

  it("gets two that are put while it is slow, and ends at the newer", async () => {
    const held = Promise.withResolvers<Fate>();
    const { writes } = watchWrites(() => held.promise);
    const answers = await runInDurableObject(registry(), async (object: PolicyRegistry, { storage }) => {
      const first = object.put(documentOf(1), 0, BY);
      while (writes.length === 0) await storage.getAlarm();
      const second = await object.put(documentOf(2), 1, BY);
      held.resolve("through");
      return [await first, second];
    });
    // A delivery still in progress does not count as published.
    expect(answers).toMatchObject([{ published: true }, { kind: "revision", published: false }]);
    await ring();
    expect(await pointer()).toMatchObject({ revision: 2 });
    expect([await document(1), await document(2)]).toEqual([documentOf(1), documentOf(2)]);
  });
});

describe("purges of cached responses", () => {
  const purged = async (): Promise<unknown> => Reflect.get(Object(await pointer()), "purged");

  it("are none until one is made, and the pointer says nothing of them", async () => {
    await putAll(1);
    expect(await registry().purged()).toBeNull();
    expect(await pointer()).toEqual({ revision: 1, activatedAt: new Date().toISOString() });
  });

  it("travel with the pointer to the policy in force, without a new revision", async () => {
    await putAll(2);
    later(1_000);
    const purge: PurgeAnswer = await registry().purge(["/a", "GET /b"], BY);
    const expected = { all: 0, routes: { "/a": 1, "GET /b": 1 } };
    expect(purge).toEqual({ generation: 1, purged: expected, published: true });
    expect(await pointer()).toMatchObject({ revision: 2, purged: expected });
    expect(await registry().purged()).toEqual(expected);
    expect((await registry().newest())?.revision).toBe(2);
    later(1_000);
    expect(await registry().purge(null, BY)).toMatchObject({ generation: 2, purged: { all: 2, routes: {} } });
    expect(await purged()).toEqual({ all: 2, routes: {} });
  });

  it("of the embedded policy have a pointer too", async () => {
    expect(await registry().purge(["/a"], BY)).toMatchObject({ generation: 1, published: true });
    expect(await pointer()).toMatchObject({ revision: 0, purged: { routes: { "/a": 1 } } });
    expect(await registry().newest()).toBeNull();
    await putAll(1);
    expect(await pointer()).toMatchObject({ revision: 1, purged: { routes: { "/a": 1 } } });
  });

  it("within a second are one write to KV, which has the last of them", async () => {
    await putAll(1);
    later(1_000);
    const { writes } = watchWrites();
    const published: boolean[] = [];
    for (let i = 0; i < 10; i++) {
      published.push((await registry().purge([`/${i}`], BY)).published);
      later(99);
    }
    expect(published).toEqual([true, ...Array.from({ length: 9 }, () => false)]);
    expect(writes).toEqual([CURRENT_KEY]);
    later(9);
    expect(await alarmAtMs()).toBeLessThanOrEqual(Date.now() + 1);
    later(1);
    expect(await ring()).toBe(true);
    expect(writes).toEqual([CURRENT_KEY, CURRENT_KEY]);
    const routes = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`/${i}`, i + 1]));
    expect(await purged()).toEqual({ all: 0, routes });
    expect(await ring()).toBe(false);
  });

  it("that wait go with a policy that is put meanwhile, which does not wait", async () => {
    await putAll(1);
    await registry().purge(["/a"], BY);
    const { writes } = watchWrites();
    expect(await registry().put(documentOf(2), 1, BY)).toMatchObject({ published: true });
    expect(writes).toEqual([documentKey(2), CURRENT_KEY]);
    expect(await pointer()).toMatchObject({ revision: 2, purged: { routes: { "/a": 1 } } });
  });

  it("and policies at the same time lose nothing: all purges are in the pointer to the newest revision", async () => {
    await putAll(1);
    const purges: Promise<PurgeAnswer>[] = [];
    const puts: Promise<PutAnswer>[] = [];
    for (let i = 0; i < 6; i++) {
      purges.push(registry().purge([`/${i}`], BY));
      puts.push(registry().put(documentOf(2), 1, { actor: `rival ${i}`, reason: "" }));
    }
    const generations = (await Promise.all(purges)).map(({ generation }) => generation);
    expect(generations.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
    expect((await Promise.all(puts)).filter(({ kind }) => kind === "revision")).toHaveLength(1);
    later(3_000);
    await ring();
    const routes = Object.fromEntries(generations.map((generation, i) => [`/${i}`, generation]));
    expect(await pointer()).toMatchObject({ revision: 2, purged: { all: 0, routes } });
  });

  it("wait for a policy whose pointer is being written, for a second at most", async () => {
    const held = Promise.withResolvers<Fate>();
    const { writes } = watchWrites((key) => (key === CURRENT_KEY ? held.promise : "through"));
    await runInDurableObject(registry(), async (object: PolicyRegistry) => {
      const put = object.put(documentOf(1), 0, BY);
      // The document is really written meanwhile.
      while (writes.length < 2) await scheduler.wait(1);
      expect(await object.purge(null, BY)).toMatchObject({ generation: 1, published: false });
      held.resolve("through");
      await put;
    });
    expect(writes).toEqual([documentKey(1), CURRENT_KEY]);
    later(1_000);
    await ring();
    expect(await pointer()).toMatchObject({ revision: 1, purged: { all: 1 } });
  });

  it.each(["evicted", "killed"])("never go back, and reach KV, even if the registry is %s", async (end) => {
    const restore = breakKv();
    await registry().purge(["/a"], BY);
    await registry().purge(null, BY);
    await (end === "evicted" ? evictDurableObject(registry()) : abortAllDurableObjects());
    dropTimers();
    restore();
    later(10_000);
    await ring();
    expect(await purged()).toEqual({ all: 2, routes: {} });
    expect(await registry().purge(["/a"], BY)).toMatchObject({ generation: 3 });
  });

  it("are kept by every later policy and rollback", async () => {
    await putAll(2);
    await registry().purge(["/a"], BY);
    await registry().activate(1, 2, BY);
    expect(await pointer()).toMatchObject({ revision: 3, purged: { routes: { "/a": 1 } } });
  });

  it("of more routes than a policy may have purge all routes, and forget none", async () => {
    const ids = Array.from({ length: MAX_PURGED_ROUTES }, (_, i) => `/${i}`);
    await registry().purge(ids, BY);
    const { purged: before } = await registry().purge(["/one-more"], BY);
    expect(before).toEqual({ all: 2, routes: {} });
    expect(generationOf(before, "/0")).toBe(2);
    expect(await registry().purge(["/0"], BY)).toMatchObject({
      generation: 3,
      purged: { all: 2, routes: { "/0": 3 } },
    });
  });

  it("are listed newest first, at most 50 of them, each with at most 20 of its routes", async () => {
    expect(await registry().purges()).toEqual([]);
    const ids = Array.from({ length: 25 }, (_, i) => `/${i}`);
    const first = await registry().purge(ids, BY);
    const createdMs = Date.now();
    const info = { generation: first.generation, createdMs, ...BY, routes: ids.slice(0, 20), unnamed: 5 };
    expect(await registry().purges()).toEqual([info]);
    for (let i = 0; i < 50; i++) await registry().purge(null, { actor: `${i}`, reason: "" });
    const purges = await registry().purges();
    expect([purges.length, purges[0]?.actor, purges.at(-1)?.actor]).toEqual([50, "49", "0"]);
    expect(purges[0]).toMatchObject({ generation: 51, routes: null, unnamed: 0 });
  });
});
