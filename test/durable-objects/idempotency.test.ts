/** Idempotency keys: within ten minutes the same key gets the same allowed decision and is charged once, whatever comes between. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { migrate } from "../../durable-objects/migrations.ts";
import { MAX_REMEMBERED } from "../../durable-objects/user-limiter/remembered-decisions.ts";
import { MIGRATIONS } from "../../durable-objects/user-limiter/schema.ts";
import type { Decision } from "../../src/core/decision.ts";
import { bucket, later, publishLimits, START_MS, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

const TEN_MINUTES_MS = 600_000;

const userWith = async (burst: number): Promise<UserObject> =>
  new UserObject(await publishLimits(bucket(1, "day", burst)));

/** The answer to a repeated request. */
const again = (decision: Decision | undefined) => ({ ...decision, replayed: true });

const remembered = (user: UserObject) =>
  user.query("SELECT idempotency_key, expires_ms FROM decisions ORDER BY expires_ms");

it("answers the same key with the same decision and charges it once", async () => {
  // openmeterio/openmeter#5118
  const user = await userWith(10);
  const first = await user.decide({ idempotencyKey: "order-1", costMilli: 4_000 });
  expect(await user.decide({ idempotencyKey: "order-1", costMilli: 4_000 })).toEqual(again(first));
  expect(await user.decide({ idempotencyKey: "order-2", costMilli: 4_000 })).not.toMatchObject({
    decisionId: first.decisionId,
  });
  expect(await user.remaining()).toEqual([2]);
  expect((await user.status()).usage.hour).toEqual({ requests: 2, cost: 8, denied: 0 });
});

it.each(["evict", "crash"] as const)("keeps to it after %s right after the answer", async (end) => {
  const user = await userWith(1_000);
  const first = await user.decide({ idempotencyKey: "order-1" });
  await user[end]();
  expect(await user.decide({ idempotencyKey: "order-1" })).toEqual(again(first));
  expect((await user.status()).usage.hour.requests).toBe(1);
});

it("keeps to it within one batch", async () => {
  const user = await userWith(10);
  const keys = ["a", "b", "a", null, "b", "a", null];
  const decisions = await user.decideAll(keys.map((idempotencyKey) => ({ idempotencyKey })));
  const [a, b, second, , bAgain, third] = decisions;
  expect([second, third, bAgain]).toEqual([again(a), again(a), again(b)]);
  expect(new Set(decisions.map(({ decisionId }) => decisionId)).size).toBe(4);
  expect(await user.remaining()).toEqual([6]);
});

it("keeps to it when the same key is used many times at once", async () => {
  const user = await userWith(10);
  const decisions = await Promise.all(
    Array.from({ length: 20 }, () => user.decide({ idempotencyKey: "order-1" })),
  );
  expect(new Set(decisions.map(({ decisionId }) => decisionId)).size).toBe(1);
  expect(await user.remaining()).toEqual([9]);
});

it("decides again after a denial, and meters each", async () => {
  // codatio/codat-docs#1842
  const user = new UserObject(await publishLimits(bucket(1, "second", 1)));
  await user.decide();
  const denied = await user.decide({ idempotencyKey: "order-1" });
  expect(denied).toMatchObject({ allowed: false, retryAfterMs: 1_000 });
  later(400);
  expect(await user.decide({ idempotencyKey: "order-1" })).toMatchObject({
    allowed: false,
    retryAfterMs: 600,
  });
  // Not even the tables are created.
  expect(await user.query("SELECT name FROM sqlite_master WHERE name = 'decisions'")).toEqual([]);
  later(600);
  const allowed = await user.decide({ idempotencyKey: "order-1" });
  expect(allowed).toMatchObject({ allowed: true });
  expect(await user.decide({ idempotencyKey: "order-1" })).toEqual(again(allowed));
  expect((await user.status()).usage.hour).toEqual({ requests: 2, cost: 2, denied: 2 });
});

describe("the fingerprint of the parameters", () => {
  const first = { idempotencyKey: "order-1", fingerprint: "one" };

  it.each([
    ["another", { fingerprint: "two" }],
    ["another, peeking", { fingerprint: "two", peek: true }],
  ])("makes %s a mismatch, which charges nothing and remembers nothing", async (_what, change) => {
    const user = await userWith(10);
    const allowed = await user.decide(first);
    await user.evict();
    expect(await user.decide({ ...first, ...change })).toMatchObject({
      outcome: "mismatch",
      allowed: false,
      limits: [],
      holds: [],
    });
    expect(await user.decide(first)).toEqual(again(allowed));
    expect((await user.status()).usage.hour).toEqual({ requests: 1, cost: 1, denied: 0 });
    expect(await remembered(user)).toHaveLength(1);
  });

  it("counts among many at once: one is charged, equal ones are replayed, the others mismatch", async () => {
    const user = await userWith(10);
    const decisions = await Promise.all(
      Array.from({ length: 20 }, (_, i) => user.decide({ ...first, fingerprint: i % 2 ? "odd" : "even" })),
    );
    expect(decisions.filter(({ outcome }) => outcome === "mismatch")).toHaveLength(10);
    expect(decisions.filter(({ replayed }) => replayed)).toHaveLength(9);
    expect(await user.remaining()).toEqual([9]);
  });

  it("that an older edge does not send is not compared", async () => {
    const user = await userWith(10);
    const allowed = await user.decide({ idempotencyKey: "order-1" });
    expect(await user.decide(first)).toEqual(again(allowed));
    expect(await user.decide({ idempotencyKey: "order-1" })).toEqual(again(allowed));
    const other = await user.decide({ idempotencyKey: "order-2", fingerprint: "one" });
    expect(await user.decide({ idempotencyKey: "order-2" })).toEqual(again(other));
  });
});

it("prefers a caller's own key to the same key of an edge that sends no caller", async () => {
  const user = await userWith(10);
  const own = await user.decide({ idempotencyKey: "key_1 order-1", fingerprint: "one" });
  const older = await user.decide({ idempotencyKey: "order-1" });
  expect(older.decisionId).not.toBe(own.decisionId);
  expect(await user.decide({ idempotencyKey: "key_1 order-1", fingerprint: "one" })).toEqual(again(own));
  expect(await user.decide({ idempotencyKey: "key_2 order-1", fingerprint: "two" })).toEqual(again(older));
});

it("still repeats what the previous version allowed, but not what it denied", async () => {
  const user = await userWith(10);
  const allowed = await user.decide({ idempotencyKey: "scratch" });
  const denied = { ...allowed, outcome: "denied", allowed: false, retryAfterMs: 5_000, violated: ["bucket"] };
  await user.inside(async (_object, { storage }) => {
    await storage.deleteAll();
    migrate(storage, MIGRATIONS.slice(0, 3));
    for (const [key, decision] of [["yes", allowed] as const, ["no", denied] as const]) {
      storage.sql.exec(
        "INSERT INTO decisions (idempotency_key, decision, expires_ms) VALUES (?, ?, ?)",
        key,
        JSON.stringify(decision),
        START_MS + TEN_MINUTES_MS,
      );
    }
  });
  await user.evict();
  // The earlier version stored no callers: for ten minutes, its keys belong to every caller.
  for (const idempotencyKey of ["yes", "key_1 yes", "rpc yes"]) {
    expect(await user.decide({ idempotencyKey, fingerprint: "any" })).toEqual(again(allowed));
  }
  expect(await user.decide({ idempotencyKey: "key_1 no", fingerprint: "any" })).toMatchObject({
    outcome: "allowed",
    limits: [{ remaining: 9 }],
  });
  later(TEN_MINUTES_MS);
  expect(await user.decide({ idempotencyKey: "key_1 yes", fingerprint: "any" })).not.toHaveProperty(
    "replayed",
  );
});

it("lets only the first caller release the slots", async () => {
  const slots = { name: "parallel", kind: "concurrency", max: 2, ttlMs: 60_000 } as const;
  const user = new UserObject(await publishLimits(slots));
  const first = await user.decide({ idempotencyKey: "order-1" });
  expect(first.holds).toHaveLength(1);
  expect(await user.decide({ idempotencyKey: "order-1" })).toEqual(again({ ...first, holds: [] }));
  expect(await user.remaining()).toEqual([1]);
});

describe("when full", () => {
  /** Fills the table as `MAX_REMEMBERED - 1` charges a minute ago would have. */
  async function nearlyFull() {
    const user = await userWith(1_000);
    const first = await user.decide({ idempotencyKey: "first" });
    await user.inside((_object, { storage }) => {
      storage.sql.exec(
        `INSERT INTO decisions (idempotency_key, decision, expires_ms)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
         SELECT 'made-up-' || i, 'x', ? FROM n`,
        MAX_REMEMBERED - 2,
        START_MS + TEN_MINUTES_MS,
      );
    });
    await user.evict();
    later(60_000);
    return { user, first };
  }

  it("rejects a new key instead of dropping one early, until there is room again", async () => {
    const { user, first } = await nearlyFull();
    const last = await user.decide({ idempotencyKey: "last" });
    expect(last).toMatchObject({ outcome: "allowed" });
    const batch = await user.decideAll([
      { idempotencyKey: "beyond" },
      { idempotencyKey: "first" },
      { idempotencyKey: "last" },
      { idempotencyKey: "beyond", costMilli: 1_001_000 },
      {},
      { idempotencyKey: "beyond", peek: true },
    ]);
    expect(batch).toMatchObject([
      { outcome: "overloaded", allowed: false, retryAfterMs: TEN_MINUTES_MS - 60_000, limits: [] },
      again(first),
      again(last),
      { outcome: "denied" },
      { outcome: "allowed" },
      { outcome: "allowed" },
    ]);
    expect((await user.status()).usage.hour).toEqual({ requests: 3, cost: 3, denied: 1 });
    later(TEN_MINUTES_MS - 60_000);
    expect(await user.decide({ idempotencyKey: "beyond" })).toMatchObject({ outcome: "allowed" });
    expect(await remembered(user)).toHaveLength(2);
  });

  it("counts those of the same batch", async () => {
    const { user } = await nearlyFull();
    const batch = await user.decideAll(["a", "b", "a"].map((idempotencyKey) => ({ idempotencyKey })));
    expect(batch).toMatchObject([
      { outcome: "allowed" },
      { outcome: "overloaded" },
      { outcome: "allowed", replayed: true },
    ]);
  });
});

it("decides again after ten minutes, and not a millisecond earlier", async () => {
  const user = await userWith(10);
  const first = await user.decide({ idempotencyKey: "order-1" });
  later(TEN_MINUTES_MS - 1);
  expect(await user.decide({ idempotencyKey: "order-1" })).toEqual(again(first));
  later(1);
  const second = await user.decide({ idempotencyKey: "order-1" });
  expect(second.decisionId).not.toBe(first.decisionId);
  expect(await user.decide({ idempotencyKey: "order-1" })).toEqual(again(second));
  expect((await user.status()).usage.hour.requests).toBe(2);
});

it("does not remember a peek", async () => {
  const user = await userWith(10);
  const peeked = await user.decide({ idempotencyKey: "order-1", peek: true });
  const decided = await user.decide({ idempotencyKey: "order-1" });
  expect(decided.decisionId).not.toBe(peeked.decisionId);
  expect(decided.limits).toMatchObject([{ remaining: 9 }]);
  expect(await remembered(user)).toHaveLength(1);
});

describe("the alarm", () => {
  it("deletes expired decisions, keeps the others, and is set for them", async () => {
    const user = await userWith(10);
    await user.decide({ idempotencyKey: "early" });
    later(60_000);
    await user.decide({ idempotencyKey: "late" });
    expect(await user.alarmAtMs()).toBe(START_MS + TEN_MINUTES_MS);
    later(TEN_MINUTES_MS - 60_000);
    expect(await user.ringAlarm()).toBe(true);
    expect(await remembered(user)).toEqual([
      { idempotency_key: "late", expires_ms: START_MS + 60_000 + TEN_MINUTES_MS },
    ]);
    expect(await user.alarmAtMs()).toBe(START_MS + 60_000 + TEN_MINUTES_MS);
    later(60_000);
    await user.evict();
    expect(await user.ringAlarm()).toBe(true);
    expect(await remembered(user)).toEqual([]);
    expect(await user.alarmAtMs()).toBeNull();
  });

  it("may run early or twice: no valid decision is deleted", async () => {
    const user = await userWith(10);
    const first = await user.decide({ idempotencyKey: "order-1" });
    for (let i = 0; i < 3; i++) await user.inside((object) => object.alarm());
    expect(await user.decide({ idempotencyKey: "order-1" })).toEqual(again(first));
    expect(await user.alarmAtMs()).toBe(START_MS + TEN_MINUTES_MS);
  });
});
