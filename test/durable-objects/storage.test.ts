/** Faulty storage: all or nothing if a write fails, and no guess if a row cannot be read. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { migrate, schemaVersion } from "../../durable-objects/migrations.ts";
import { bucket, publishLimits, startClock, stopClock } from "./fixture.ts";
import { MIGRATIONS } from "../../durable-objects/user-limiter/schema.ts";
import { UserObject } from "./user-object.ts";

const stateSchema = z.record(z.string(), z.unknown());

beforeEach(startClock);
afterEach(stopClock);

describe("migrations", () => {
  const grown = ["CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y; CREATE TABLE b (z)"];

  it("run once each, the later ones on the data of the earlier ones", async () => {
    const user = new UserObject();
    await user.inside((_object, { storage }) => {
      migrate(storage, grown.slice(0, 1));
      storage.sql.exec("INSERT INTO a (x) VALUES (1)");
      migrate(storage, grown);
      migrate(storage, grown);
    });
    expect(await user.query("SELECT x, y FROM a")).toEqual([{ x: 1, y: null }]);
    expect(await user.inside((_object, { storage }) => schemaVersion(storage))).toBe(2);
  });

  it("run all or none", async () => {
    const user = new UserObject();
    await user.inside((_object, { storage }) => {
      expect(() => migrate(storage, [...grown, "no SQL at all"])).toThrow("syntax error");
      expect(schemaVersion(storage)).toBe(0);
    });
    expect(await user.stored()).toEqual([]);
  });

  /** Rewrites the user's storage as the earlier version left it, with the state as a table's only row. */
  async function asBefore(user: UserObject, keepsNewer: boolean): Promise<void> {
    const { revision, counters, openCells, leases, restsAtMs } = stateSchema.parse(await user.state());
    await user.inside((_object, { storage }) => {
      migrate(storage, MIGRATIONS.slice(0, 2));
      storage.sql.exec(
        "INSERT INTO state (id, revision, counters, open_cells, leases, rests_ms) VALUES (1, ?, ?, ?, ?, ?)",
        Number(revision),
        ...[counters, openCells, z.object({ open: z.unknown() }).parse(leases).open].map((each) =>
          JSON.stringify(each),
        ),
        Number(restsAtMs),
      );
      if (!keepsNewer) storage.kv.delete("state");
    });
    await user.evict();
  }

  it("keep the spending of a user whose state was the row of a table", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 10)));
    await user.allowedOf(4);
    await user.pause();
    await asBefore(user, false);
    expect(await user.remaining()).toEqual([6]);
    expect(await user.decide()).toMatchObject({ allowed: true });
    await user.pause();
    await user.evict();
    expect((await user.status()).usage.hour).toEqual({ requests: 5, cost: 5, denied: 0 });
    expect(await user.remaining()).toEqual([5]);
    expect(await user.query("SELECT name FROM sqlite_master WHERE name = 'state'")).toEqual([]);
  });

  it("bill usage from before a rollback together with what the older Worker has counted since", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 10)));
    await user.allowedOf(4);
    await user.pause();
    await asBefore(user, true);
    expect((await user.status()).usage.hour).toEqual({ requests: 8, cost: 8, denied: 0 });
    expect(await user.remaining()).toEqual([6]);
    await user.decide();
    await user.pause();
    await user.evict();
    expect((await user.status()).usage.hour).toEqual({ requests: 9, cost: 9, denied: 0 });
  });

  it("are rejected by a Worker from before the state row, even for a user without tables", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 10)));
    await user.decide();
    // All that such a Worker reads: it rejects a number above its own, and starts from empty if there is none.
    const version = await user.inside((_object, { storage }) => storage.kv.get("schemaVersion"));
    expect(version).toBeGreaterThan(MIGRATIONS.length);
    await user.evict();
    expect(await user.remaining()).toEqual([9]);
    await user.decide({ idempotencyKey: "now with tables" });
    expect(await user.inside((_object, { storage }) => schemaVersion(storage))).toBe(MIGRATIONS.length);
    await user.evict();
    expect(await user.remaining()).toEqual([8]);
  });

  it("of a newer Worker that keeps the state elsewhere are rejected instead of starting empty", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 10)));
    await user.allowedOf(10);
    await user.inside((_object, { storage }) => void storage.kv.delete("state"));
    await user.evict();
    expect(await user.failureOf({})).toContain("deploy a newer Worker");
  });

  it("of a newer Worker are rejected with an error, and nothing is decided or changed", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 10)));
    await user.decide();
    await user.pause();
    const before = await user.state();
    await user.inside((_object, { storage }) => storage.kv.put("schemaVersion", 99));
    await user.evict();
    expect(await user.failureOf({})).toContain("storage has schema 99");
    await expect(user.status()).rejects.toThrow("storage has schema 99");
    await expect(async () => user.stub.account()).rejects.toThrow("storage has schema 99");
    expect(await user.state()).toEqual(before);
  });
});

describe("a state row that does not parse", () => {
  const parts = [
    ["counters", "no record"],
    ["counters", []],
    ["counters", { bucket: { kind: "bucket", debtGrains: -1, grain: 1, atMs: 0 } }],
    ["counters", { bucket: { kind: "bucket", grain: 1, atMs: 0 } }],
    ["counters", { bucket: { kind: "unheard-of" } }],
    ["openCells", {}],
    ["openCells", [{ hour: 1, route: "", keyId: "", requests: -1, costMilli: 0, denied: 0 }]],
    ["revision", "seven"],
    ["leases", [{ id: "l1" }]],
  ] as const;

  it.each(parts)("is rejected instead of starting empty: %s = %j", async (part, value) => {
    const user = await used();
    const broken = { ...stateSchema.parse(await user.state()), [part]: value };
    await user.putState(broken);
    await user.evict();
    expect(await user.failureOf({})).toContain("ZodError");
    expect(await user.state()).toEqual(broken);
  });

  it.each<[part: string, value: unknown]>([
    ["counters", { bucket: { kind: "bucket", debtGrains: 1, grain: 1, rate: 1, atMs: 0, newer: 1 } }],
    ["openCells", [{ hour: 1, route: "", keyId: "", requests: 1, costMilli: 0, denied: 0, newer: 1 }]],
    ["newer", null],
  ])("is rejected if it has a field that the next write would drop: %s = %j", async (part, value) => {
    const user = await used();
    const newer = { ...stateSchema.parse(await user.state()), [part]: value };
    await user.putState(newer);
    await user.evict();
    expect(await user.failureOf({})).toContain("ZodError");
    expect(await user.state()).toEqual(newer);
  });

  it("is rejected if a newer Worker wrote it in another format", async () => {
    const user = await used();
    await user.putState(await user.state(), 4);
    await user.evict();
    expect(await user.failureOf({})).toContain("deploy a newer Worker");
  });

  async function used(): Promise<UserObject> {
    const user = new UserObject(await publishLimits(bucket(1, "day", 10)));
    await user.allowedOf(10);
    await user.pause();
    return user;
  }
});

describe("a write that fails", () => {
  it("rejects the decision and charges nothing beyond the headroom", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 1_000)));
    await user.allowedOf(20);
    await user.failNextState();
    // After the first, the headroom is 20: the second of these needs a new floor.
    expect(await user.failureOf({}, {}, {})).toContain("disk failure");
    const [left = NaN] = await user.remaining();
    expect(left).toBeLessThanOrEqual(980);
    expect(left).toBeGreaterThanOrEqual(979);
    const rest = await user.decideAll(Array.from({ length: 1_000 }, () => ({})));
    expect(rest.filter(({ allowed }) => allowed)).toHaveLength(left);
  });

  it("charges nothing without headroom, and leaves no table behind", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 1_000)));
    await user.failNextState();
    expect(await user.failureOf({ costMilli: 500_000 })).toContain("disk failure");
    expect(await user.stored()).toEqual([]);
    expect(await user.remaining()).toEqual([1_000]);
    expect((await user.status()).usage.hour).toEqual({ requests: 0, cost: 0, denied: 0 });
    expect(await user.decide()).toMatchObject({ limits: [{ remaining: 999 }] });
  });

  it("charges nothing if the decision is stored but not its idempotency key", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 50)));
    await user.allowedOf(10);
    await user.failNextWrite("INTO decisions");
    expect(await user.failureOf({ idempotencyKey: "order-1" })).toContain("disk failure");
    expect(await user.remaining()).toEqual([40]);
    await user.decide({ idempotencyKey: "order-1" });
    await user.decide({ idempotencyKey: "order-1" });
    expect(await user.remaining()).toEqual([39]);
  });

  it("costs only the exactness of a pause", async () => {
    const user = new UserObject(await publishLimits(bucket(1, "day", 1_000)));
    await user.allowedOf(5);
    await user.failNextState();
    await user.pause();
    const [left = NaN] = await user.remaining();
    expect(left).toBeLessThanOrEqual(995);
    expect(left).toBeGreaterThanOrEqual(979);
    await user.decide();
    await user.pause();
    await user.evict();
    expect(await user.remaining()).toEqual([left - 1]);
  });
});
