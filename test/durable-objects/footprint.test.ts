/** What the object writes, which is what a user costs: nothing for reading, one row for many decisions. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HOUR_MS } from "../../src/core/time.ts";
import { bucket, later, publish, publishLimits, request, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

/** Rows that the object writes while `work` runs: of tables as SQLite counts them, and one for each value. */
async function rowsWritten(user: UserObject, work: () => Promise<unknown>): Promise<number> {
  const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
  await user.inside((_object, { storage: { sql, kv } }) => {
    const exec = sql.exec.bind(sql);
    vi.spyOn(sql, "exec").mockImplementation((statement, ...bindings) => {
      const cursor = exec(statement, ...bindings);
      cursors.push(cursor);
      return cursor;
    });
    vi.spyOn(kv, "put");
  });
  await work();
  return user.inside((_object, { storage: { sql, kv } }) => {
    const values = vi.mocked(kv.put).mock.calls.length;
    vi.mocked(kv.put).mockRestore();
    vi.mocked(sql.exec).mockRestore();
    return cursors.reduce((sum, { rowsWritten: rows }) => sum + rows, values);
  });
}

describe("an object that was only read", () => {
  const questions: Record<string, (user: UserObject) => Promise<unknown>> = {
    ping: (user) => user.stub.ping(),
    "a peek": (user) => user.decide({ peek: true }),
    "a peek with an idempotency key": (user) => user.decide({ peek: true, idempotencyKey: "order-1" }),
    status: (user) => user.status(),
    "the account of an unknown user": (user) => user.stub.account(),
    "the standing of an unknown key": (user) => user.stub.keyStanding("k1"),
    "a change of no account": (user) => user.stub.changeAccount({ status: "blocked" }),
    "a key for no account": (user) =>
      user.stub.addKey({ keyId: "k1", hash: "h", name: "K", scopes: [], expiresMs: null }),
    "a revocation for no account": (user) => user.stub.revokeKey("k1"),
    "an alarm": (user) => user.inside((object) => object.alarm()),
  };

  it.each(Object.keys(questions))("writes nothing: %s", async (name) => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 10)));
    await questions[name]?.(user);
    await user.pause();
    expect(await user.stored()).toEqual([]);
    expect(await user.alarmAtMs()).toBeNull();
  });
});

describe("a timer, which keeps the object in memory and is billed,", () => {
  it("is never set", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 1_000)));
    for (let i = 0; i < 3; i++) {
      await user.allowedOf(1 + i);
      await user.lease(16_000);
      expect(vi.getTimerCount()).toBe(0);
      await user.pause();
    }
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("rows written", () => {
  it("are two for the first request of a user without an account, the state and its version: no table is created", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 1_000)));
    expect(await rowsWritten(user, () => user.decide())).toBe(2);
    await user.pause();
    expect(await user.stored()).toEqual(["schemaVersion", "state"]);
  });

  it("are one per hour of such a user, until the state row has too many cells", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 1_000)));
    for (let hour = 0; hour < 32; hour++) {
      expect(await rowsWritten(user, () => user.decide())).toBe(hour === 0 ? 2 : 1);
      await user.pause();
      later(HOUR_MS);
    }
    expect(await user.stored()).toEqual(["schemaVersion", "state"]);
    await user.decide();
    expect(await user.stored()).toContain("usage");
    await user.pause();
    await user.evict();
    expect((await user.status()).usage.month).toMatchObject({ requests: 33, cost: 33 });
  });

  it("are one per headroom of decisions", async () => {
    // cloudflare/agents#1686
    const user = new UserObject(await publishLimits(bucket(1, "day", 1_000)));
    await user.decide();
    await user.pause();
    // 2 % of 1,000 tokens is 20; the first request counts as a lone one.
    expect(await rowsWritten(user, () => user.allowedOf(200))).toBe(1 + 10);
  });

  it("are one for a lone request including its pause, and two for each burst of requests", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 1_000)));
    const burstOf = async (requests: number): Promise<number> =>
      rowsWritten(user, async () => {
        await user.allowedOf(requests);
        await user.pause();
      });
    expect([await burstOf(1), await burstOf(1), await burstOf(1)]).toEqual([2, 1, 1]);
    expect([await burstOf(15), await burstOf(15), await burstOf(15)]).toEqual([3, 2, 2]);
    await user.crash();
    expect(await user.remaining()).toEqual([1_000 - 48]);
  });

  it("are two for two requests a second or two apart, which are written exactly", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 1_000)));
    await user.decide();
    for (let n = 0; n < 2; n++) {
      await user.pause();
      const pair = async (): Promise<void> => {
        await user.decide();
        later(1_500);
        await user.decide();
        await user.pause();
      };
      expect(await rowsWritten(user, pair)).toBe(2);
    }
    await user.crash();
    expect(await user.remaining()).toEqual([1_000 - 5]);
  });

  it("are reported with an answer, every half minute, so that an object makes no call for it", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 1_000)));
    const reported = async (): Promise<unknown> => {
      const question = { request: request({ revision: user.revision }), decide: true, wantMilli: 0 };
      const [first] = await user.stub.serve({ settlements: [], questions: [{ question, times: 1 }] });
      return first?.answer.metrics?.find(
        ([family, labels]) => `${family} ${labels}` === "rowsWritten UserLimiter",
      );
    };
    later(30_000);
    expect(await reported()).toEqual(["rowsWritten", ["UserLimiter"], [expect.any(Number)]]);
    later(29_999);
    expect(await reported()).toBeUndefined();
    later(1);
    expect(await reported()).toEqual(["rowsWritten", ["UserLimiter"], [1 + 1]]);
  });

  it("are one per batch of any size", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 1_000)));
    await user.decide();
    const batch = Array.from({ length: 500 }, () => ({}));
    expect(await rowsWritten(user, () => user.decideAll(batch))).toBe(1);
    await user.crash();
    const [left = NaN] = await user.remaining();
    expect(left).toBeLessThanOrEqual(499);
    expect(left).toBeGreaterThanOrEqual(479);
  });

  it("are one for a pause, and none for the next pause without a request in between", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 1_000)));
    await user.allowedOf(5);
    expect(await rowsWritten(user, () => user.pause())).toBe(1);
    expect(await rowsWritten(user, () => user.pause())).toBe(0);
    await user.remaining();
    expect(await rowsWritten(user, () => user.pause())).toBe(0);
  });

  it("are one per decision if durability is exact", async () => {
    const user = new UserObject(
      await publish({ free: { limits: [bucket(1, "day", 1_000)], durability: "exact" } }),
    );
    await user.decide();
    expect(await rowsWritten(user, () => user.allowedOf(100))).toBe(100);
  });
});
