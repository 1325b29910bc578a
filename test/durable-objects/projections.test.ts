/**
 * Projections of accounts and keys: in KV (a key's user, that an account exists) and in the directory. Whatever fails at any time, both
 * end up equal to the accounts' own objects.
 */
import {
  abortAllDurableObjects,
  evictDurableObject,
  reset,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { UserLimiter } from "../../durable-objects/user-limiter.ts";
import { keyRecordKey } from "../../src/identity/key-store.ts";
import type { AccountAnswer } from "../../src/objects/account.ts";
import { ACCOUNT_MARK_PREFIX, directoryOf } from "../../src/objects/account-directory.ts";
import { directoryWhere, type Fate, kvWhere } from "../fixtures/control-outages.ts";
import { dropTimers, later, startClock, stopClock } from "./fixture.ts";

// Many sequential calls, possibly on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(async () => {
  // `reset` covers only objects in memory: wake them, since another file may have left them evicted.
  await Promise.all([listed(), marked()]);
  await reset();
  startClock();
});
afterEach(stopClock);

const ALL = { tier: null, status: null, text: null, deleted: false };
const stubOf = (user: string) => env.USER_LIMITER.getByName(`user:${user}`);
const keyOf = (keyId: string) => ({
  keyId,
  hash: `hash of ${keyId}`,
  name: "",
  scopes: ["call" as const],
  expiresMs: null,
});

/** The directory's whole list. */
const listed = async () => (await directoryOf(env.ACCOUNT_DIRECTORY).list(ALL, "", 100)).entries;
/** The ids of the accounts that KV marks. */
const marked = async () =>
  (await env.CONFIG.list({ prefix: ACCOUNT_MARK_PREFIX })).keys.map(({ name }) =>
    name.slice(ACCOUNT_MARK_PREFIX.length),
  );
const keysInKv = async () => (await env.CONFIG.list({ prefix: "key:" })).keys.map(({ name }) => name);

/** Advances the clock from alarm to alarm until no object has anything left to publish. */
async function publishAll(users: readonly string[]): Promise<void> {
  let rang = true;
  while (rang) {
    later(300_000);
    rang = false;
    for (const user of users) rang = (await runDurableObjectAlarm(stubOf(user))) || rang;
  }
}

describe("a directory that fails", () => {
  it("delays neither a change nor a key on its way to KV", async () => {
    const restore = directoryWhere(() => "fail");
    expect(await stubOf("ann").createAccount("ann", { name: "", tier: "free" })).toMatchObject({
      kind: "account",
    });
    expect(await stubOf("ann").addKey(keyOf("k1"))).toMatchObject({ kind: "key", published: true });
    expect(await keysInKv()).toEqual([keyRecordKey("hash of k1")]);
    restore();
    expect(await listed()).toEqual([]);
    await publishAll(["ann"]);
    expect(await listed()).toMatchObject([{ id: "ann", tier: "free" }]);
  });

  it("gets only the newest state after many changes meanwhile", async () => {
    const published: string[] = [];
    const restore = directoryWhere((method) => {
      published.push(method);
      return "fail";
    });
    await stubOf("ann").createAccount("ann", { name: "", tier: "free" });
    for (const tier of ["pro", "partner", "enterprise"]) await stubOf("ann").changeAccount({ tier });
    restore();
    await publishAll(["ann"]);
    expect(published).toEqual(["put", "put", "put", "put"]);
    expect(await listed()).toMatchObject([{ id: "ann", tier: "enterprise", version: 4 }]);
  });

  it("does not restore a deleted account", async () => {
    await stubOf("ann").createAccount("ann", { name: "", tier: "free" });
    const restore = directoryWhere(() => "fail");
    await stubOf("ann").changeAccount({ tier: "pro" });
    await stubOf("ann").deleteAccount();
    restore();
    expect(await listed()).toMatchObject([{ id: "ann", tier: "free" }]);
    await publishAll(["ann"]);
    expect(await listed()).toEqual([]);
    expect(await marked()).toEqual([]);
  });
});

it("a KV that fails does not delay the directory", async () => {
  kvWhere(() => "fail");
  await stubOf("ann").createAccount("ann", { name: "", tier: "free" });
  expect(await listed()).toMatchObject([{ id: "ann" }]);
});

it("a KV that hangs delays a change by at most its deadline, and is updated when it answers again", async () => {
  await stubOf("ann").createAccount("ann", { name: "", tier: "free" });
  const asked: string[] = [];
  const restore = kvWhere((_method, key) => {
    asked.push(key);
    return "hang";
  });
  const answer = await runInDurableObject(stubOf("ann"), async (object: UserLimiter, { storage }) => {
    const added = object.addKey(keyOf("k1"));
    while (asked.length === 0) await storage.getAlarm();
    vi.advanceTimersByTime(3_000);
    return added;
  });
  expect(answer).toMatchObject({ kind: "key", published: false });
  restore();
  await publishAll(["ann"]);
  expect(await keysInKv()).toEqual([keyRecordKey("hash of k1")]);
});

it("a deleted account with more keys than one turn publishes loses every key in KV", async () => {
  await stubOf("ann").createAccount("ann", { name: "", tier: "free" });
  for (let i = 0; i < 100; i++) await stubOf("ann").addKey(keyOf(`k${i}`));
  expect(await keysInKv()).toHaveLength(100);
  await stubOf("ann").deleteAccount();
  await publishAll(["ann"]);
  expect(await keysInKv()).toEqual([]);
  expect(await marked()).toEqual([]);
});

describe("with any failures at any time", () => {
  const USERS = ["ann", "bob"];
  const fate = fc.constantFrom<Fate[]>("through", "through", "fail", "fail afterwards");
  const step = fc.record({
    user: fc.constantFrom(...USERS),
    what: fc.constantFrom(
      "create",
      "change",
      "delete",
      "add key",
      "revoke key",
      "expire key",
      "alarm",
      "evict",
      "kill",
    ),
    /** The fates of the step's calls to KV and to the directory, in turn. */
    kv: fc.array(fate, { minLength: 1, maxLength: 4 }),
    directory: fate,
  });

  it("KV and the directory end up equal to the accounts", async () => {
    let failures = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
        dropTimers();
        await reset();
        let keys = 0;
        for (const { user, what, kv, directory } of steps) {
          const fates = [...kv];
          const count = (met: Fate): Fate => {
            if (met !== "through") failures += 1;
            return met;
          };
          const restoreKv = kvWhere(() => count(fates.shift() ?? kv[0] ?? "through"));
          const restoreDirectory = directoryWhere(() => count(directory));
          const stub = stubOf(user);
          later(1_000);
          if (what === "create") await stub.createAccount(user, { name: "", tier: "free" });
          if (what === "change") await stub.changeAccount({ name: `at ${Date.now()}` });
          if (what === "delete") await stub.deleteAccount();
          if (what === "add key") await stub.addKey(keyOf(`${user}-${(keys += 1)}`));
          if (what === "revoke key") await stub.revokeKey(`${user}-${keys}`);
          if (what === "expire key") {
            const rotation = { oldKeyId: `${user}-${keys}`, ...keyOf(`${user}-${keys + 1}`), graceMs: 0 };
            if ((await stub.rotateKey(rotation)).kind === "key") keys += 1;
          }
          if (what === "alarm") await runDurableObjectAlarm(stub);
          if (what === "evict") {
            await stub.ping();
            await evictDurableObject(stub);
          }
          if (what === "kill") await abortAllDurableObjects();
          restoreKv();
          restoreDirectory();
        }
        await publishAll(USERS);

        const answers: AccountAnswer[] = [];
        for (const user of USERS) answers.push(await stubOf(user).account());
        const accounts = answers.flatMap((answer) => (answer.kind === "account" ? [answer] : []));
        const entries = accounts.map(
          ({ account: { user: id, name, tier, status, createdMs, updatedMs, version } }) => {
            return { id, name, tier, status, createdMs, updatedMs, version };
          },
        );
        expect(await listed()).toEqual(entries);
        expect(await marked()).toEqual(accounts.map(({ account }) => account.user));
        const good = accounts.flatMap((answer) => answer.keys.filter(({ revokedMs }) => revokedMs === null));
        expect((await keysInKv()).toSorted()).toEqual(
          good.map(({ keyId }) => keyRecordKey(`hash of ${keyId}`)).toSorted(),
        );
        for (const { keyId, expiresMs } of good) {
          const record = await env.CONFIG.get(keyRecordKey(`hash of ${keyId}`), "json");
          expect(record).toMatchObject({ keyId, expiresAt: expiresMs });
        }
      }),
      { numRuns: 25 },
    );
    expect(failures).toBeGreaterThan(50);
  }, 60_000);
});
