/**
 * A change of a limit's definition hands out no second quota and no second burst: what was admitted since a calendar period began
 * counts in it, whatever limits were in force meanwhile.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LimitDocument } from "../../src/policy/schema.ts";
import { grantOf } from "../fixtures/control-grants.ts";
import { bucket, later, publish, quota, START_MS, startClock, stopClock } from "./fixture.ts";
import { DAY_MS, HOUR_MS } from "../../src/core/time.ts";
import { UserObject } from "./user-object.ts";

// Many sequential calls, possibly on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

const main = (per: "hour" | "day" | "month", anchorDay?: number): LimitDocument => ({
  ...quota(10, per, "main"),
  ...(anchorDay === undefined ? {} : { anchorDay }),
});
const slots = (name: string): LimitDocument => ({ name, kind: "concurrency", max: 2, ttlMs: HOUR_MS });

/** Tiers that define their one limit differently. */
const TIERS = {
  month: { limits: [main("month")] },
  day: { limits: [main("day")] },
  hour: { limits: [main("hour")] },
  from15: { limits: [main("month", 15)] },
  renamed: { limits: [quota(10, "month", "other")] },
  wide: { limits: [quota(1_000, "month", "main")] },
  "wide-hour": { limits: [quota(1_000, "hour", "main")] },
  exact: { limits: [main("month")], durability: "exact" as const },
  bucket: { limits: [bucket(1, "day", 10, "main")] },
  slots: { limits: [slots("main")] },
  free: { limits: [] },
};
type TierName = keyof typeof TIERS;

async function account(tier: TierName): Promise<UserObject> {
  const user = new UserObject(await publish(TIERS));
  await user.stub.createAccount("ann", { name: "Ann", tier });
  return user;
}

async function move(user: UserObject, tier: TierName): Promise<void> {
  await user.stub.changeAccount({ tier });
}

const nothing = async (): Promise<void> => undefined;
const BETWEEN: readonly [string, (user: UserObject) => Promise<void>][] = [
  ["nothing", nothing],
  ["a pause and an eviction", async (user) => (await user.pause(), user.evict())],
  ["a kill", (user) => user.crash()],
];

describe("a quota of 10 in the period", () => {
  const journeys: readonly [string, readonly TierName[], elsewhere: number][] = [
    ["month, bucket, month", ["month", "bucket", "month"], 1],
    ["month, hour, month", ["month", "hour", "month"], 0],
    ["month, day, month", ["month", "day", "month"], 0],
    ["hour, month", ["hour", "month"], 0],
    ["month, anchored to the 15th, month", ["month", "from15", "month"], 0],
    ["month, slots, month", ["month", "slots", "month"], 1],
    ["month, renamed, month", ["month", "renamed", "month"], 0],
    ["month, no limit, month", ["month", "free", "month"], 3],
    ["exact, hour, exact", ["exact", "hour", "exact"], 0],
  ];
  describe.each(BETWEEN)("with %s between the steps", (_what, between) => {
    it.each(journeys)("is 10 by %s", async (_name, tiers, elsewhere) => {
      const [first = "month"] = tiers;
      const user = await account(first);
      let admitted = await user.allowedOf(12);
      expect(admitted).toBe(10);
      for (const tier of tiers.slice(1)) {
        await between(user);
        later(DAY_MS);
        await move(user, tier);
        await user.allowedOf(1);
        await between(user);
        admitted = await user.allowedOf(tier === first ? 12 : elsewhere);
      }
      expect(admitted).toBe(0);
      expect(await user.remaining()).toEqual([0]);
    });
  });

  it("is 10 whatever part is used under which name, and each period counts separately", async () => {
    const user = await account("month");
    expect(await user.allowedOf(4)).toBe(4);
    await move(user, "renamed");
    expect(await user.remaining()).toEqual([6]);
    expect(await user.allowedOf(8)).toBe(6);
    await move(user, "month");
    expect(await user.allowedOf(8)).toBe(0);
    later(HOUR_MS);
    await move(user, "hour");
    expect(await user.remaining()).toEqual([10]);
    expect(await user.allowedOf(3)).toBe(3);
    await move(user, "day");
    expect(await user.allowedOf(3)).toBe(0);
    later(DAY_MS);
    expect(await user.allowedOf(12)).toBe(10);
    await move(user, "wide");
    expect(await user.remaining()).toEqual([977]);
    later(HOUR_MS);
    await move(user, "wide-hour");
    expect(await user.remaining()).toEqual([1_000]);
  });

  it("counts what was used without any limit, by the hour of the new period", async () => {
    const user = await account("free");
    await user.allowedOf(7);
    later(HOUR_MS);
    await user.allowedOf(2);
    await move(user, "day");
    expect(await user.remaining()).toEqual([1]);
    await move(user, "hour");
    expect(await user.remaining()).toEqual([8]);
  });

  it("is 10 by an override of its period and back, and by a policy that changes it and back", async () => {
    const user = await account("month");
    expect(await user.allowedOf(12)).toBe(10);
    await user.stub.changeAccount({ overrides: { main: { per: "hour" } } });
    expect(await user.allowedOf(2)).toBe(0);
    later(HOUR_MS);
    expect(await user.allowedOf(12)).toBe(10);
    await user.stub.changeAccount({ overrides: {} });
    expect(await user.allowedOf(2)).toBe(0);
    user.revision = await publish({ month: { limits: [bucket(1, "day", 3, "main")] } });
    expect(await user.allowedOf(4)).toBe(3);
    user.revision = await publish(TIERS);
    expect(await user.allowedOf(2)).toBe(0);
    await user.stub.grant(grantOf("main", 15, HOUR_MS));
    expect(await user.remaining()).toEqual([2]);
  });

  it("is 10 over a change of month: usage of the other calendar's period counts", async () => {
    vi.setSystemTime(Date.UTC(2100, 10, 20));
    const user = await account("from15");
    expect(await user.allowedOf(12)).toBe(10);
    await move(user, "month");
    expect(await user.allowedOf(1)).toBe(0);
    vi.setSystemTime(Date.UTC(2100, 11, 1));
    await move(user, "from15");
    expect(await user.allowedOf(1)).toBe(0);
    await move(user, "month");
    expect(await user.allowedOf(4)).toBe(4);
    await move(user, "from15");
    expect(await user.allowedOf(1)).toBe(0);
    vi.setSystemTime(Date.UTC(2100, 11, 15));
    expect(await user.allowedOf(12)).toBe(10);
    await move(user, "month");
    expect(await user.allowedOf(1)).toBe(0);
  });

  it("is 10 for an account that is deleted and created again", async () => {
    const user = await account("month");
    await user.allowedOf(10);
    await user.stub.deleteAccount();
    await user.evict();
    await user.stub.createAccount("ann", { name: "Ann", tier: "renamed" });
    expect(await user.allowedOf(1)).toBe(0);
  });

  it.each(["user:", "ip:"])(
    "is 10 for %s without an account, whose tier comes with each request",
    async (kind) => {
      const user = new UserObject(await publish(TIERS), `${kind}${crypto.randomUUID()}`);
      let allowed = 0;
      for (let i = 0; i < 12; i++) {
        for (const tier of ["month", "hour", "renamed", "bucket"]) {
          const { allowed: passes } = await user.decide({ tier });
          if (tier !== "bucket") allowed += passes ? 1 : 0;
          if (i % 5 === 4) await user.crash();
        }
      }
      // The bucket's own ten count as well once they are admitted: the quotas have what is left.
      expect(allowed).toBeLessThanOrEqual(10);
      expect(await user.allowedOf(2, { tier: "month" })).toBe(0);
      expect(await user.stored()).toEqual(["schemaVersion", "state"]);
    },
  );

  it("is 10 for a user who only peeks, or is denied, in one tier and continues in the other", async () => {
    const user = new UserObject(await publish(TIERS));
    expect(await user.allowedOf(4, { tier: "month" })).toBe(4);
    expect(await user.remaining({ tier: "renamed" })).toEqual([6]);
    expect(await user.decide({ tier: "renamed", costMilli: 7_000 })).toMatchObject({ allowed: false });
    expect(await user.allowedOf(12, { tier: "month" })).toBe(6);
    expect(await user.allowedOf(1, { tier: "renamed" })).toBe(0);
    expect(await user.status()).toMatchObject({ limits: [] });
  });

  it("counts each key and each route separately", async () => {
    const tiers = (per: "hour" | "month") => ({
      free: {
        limits: [
          { ...main(per), scope: "key" as const },
          { ...quota(10, per, "own"), scope: "route" as const },
        ],
      },
    });
    const routes = [{ match: "/x" }, { match: "/y", limits: [quota(3, "month", "y")] }, { match: "/z" }];
    const user = new UserObject(await publish(tiers("month"), routes));
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    for (const keyId of ["k1", "k2"]) await user.stub.addKey(keyOf(keyId));
    expect(await user.allowedOf(6, { keyId: "k1", route: "/x" })).toBe(6);
    expect(await user.allowedOf(2, { keyId: "k2", route: "/y" })).toBe(2);
    user.revision = await publish(tiers("hour"), routes);
    expect(await user.remaining({ keyId: "k1", route: "/x" })).toEqual([4, 4]);
    expect(await user.remaining({ keyId: "k2", route: "/x" })).toEqual([8, 4]);
    expect(await user.remaining({ keyId: "k1", route: "/z" })).toEqual([4, 10]);
    later(HOUR_MS);
    await user.allowedOf(1, { keyId: "k1", route: "/y" });
    user.revision = await publish(tiers("month"), [
      { match: "/x" },
      { match: "/y", limits: [quota(3, "month", "yy")] },
    ]);
    expect(await user.remaining({ keyId: "k1", route: "/y" })).toEqual([3, 7, 0]);
    expect(await user.remaining({ keyId: "k2", route: "/x" })).toEqual([8, 4]);
  });

  it("keeps a reset: what was used before it does not come back with another definition", async () => {
    const user = await account("month");
    await user.allowedOf(8);
    await user.stub.reset(["main"]);
    await user.pause();
    await user.evict();
    expect(await user.remaining()).toEqual([10]);
    expect(await user.allowedOf(3)).toBe(3);
    for (const tier of ["hour", "bucket", "from15", "day", "month"] as const) {
      await move(user, tier);
      await user.crash();
      if (tier !== "bucket") expect(await user.remaining()).toEqual([7]);
    }
    // Only the limit of this name.
    await move(user, "renamed");
    expect(await user.remaining()).toEqual([0]);
    await user.stub.reset(null);
    expect(await user.remaining()).toEqual([10]);
    expect(await user.allowedOf(1)).toBe(1);
    later(HOUR_MS);
    await move(user, "month");
    expect(await user.allowedOf(12)).toBe(9);
    await move(user, "renamed");
    expect(await user.allowedOf(1)).toBe(0);
  });
});

describe("what is lent", () => {
  const leased = (limits: LimitDocument[]) => ({ limits, mode: "leased" as const });
  const LEASED = {
    month: leased([quota(2_000, "month", "main")]),
    hour: leased([quota(2_000, "hour", "main")]),
    renamed: leased([quota(2_000, "month", "other")]),
    each: leased([{ ...quota(2_000, "month", "each"), scope: "route" }]),
  };

  it.each(["hour", "renamed", "each"] as const)(
    "is set aside of the quota that takes over, and counted once (%s)",
    async (tier) => {
      const user = new UserObject(await publish(LEASED, [{ match: "/x" }]));
      await user.stub.createAccount("ann", { name: "Ann", tier: "month" });
      await user.allowedOf(9, { route: "/x" });
      const leaseId = await user.lease(20_000, { route: "/x" });
      await user.stub.changeAccount({ tier });
      expect(await user.remaining({ route: "/x" })).toEqual([1_970]);
      expect(await user.allowedOf(5, { route: "/x" })).toBe(5);
      const cells = [{ route: "/x", keyId: "", requests: 8, costMilli: 8_000, denied: 0 }];
      await user.stub.serve({ settlements: [{ leaseId, cells }], questions: [] });
      expect(await user.remaining({ route: "/x" })).toEqual([1_977]);
      await user.stub.changeAccount({ tier: "month" });
      expect(await user.remaining({ route: "/x" })).toEqual([1_977]);
      await user.stub.changeAccount({ tier });
      await user.pause();
      await user.crash();
      expect(await user.remaining({ route: "/x" })).toEqual([1_977]);
    },
  );

  it("without any limit is set aside from a later quota, too", async () => {
    const user = new UserObject(await publish({ ...LEASED, none: leased([]) }));
    await user.stub.createAccount("ann", { name: "Ann", tier: "none" });
    const leaseId = await user.lease(20_000);
    await user.lease(20_000);
    await user.stub.changeAccount({ tier: "month" });
    expect(await user.remaining()).toEqual([2_000 - 2 - 40]);
    const cells = [{ route: "", keyId: "", requests: 15, costMilli: 15_000, denied: 0 }];
    await user.stub.serve({ settlements: [{ leaseId, cells }], questions: [] });
    expect(await user.remaining()).toEqual([2_000 - 17 - 20]);
    // The other one is never settled.
    later(10_000);
    expect(await user.remaining()).toEqual([2_000 - 17 - 20]);
    await user.stub.changeAccount({ tier: "renamed" });
    expect(await user.remaining()).toEqual([2_000 - 17 - 20]);
  });

  it("rejects until it is settled at the latest, if nothing else does", async () => {
    const user = new UserObject(await publish({ ...LEASED, small: leased([quota(27, "month", "main")]) }));
    await user.stub.createAccount("ann", { name: "Ann", tier: "month" });
    await user.lease(20_000);
    await user.stub.changeAccount({ tier: "small" });
    expect(await user.decide({ costMilli: 7_000 })).toMatchObject({ allowed: false, retryAfterMs: 6_000 });
    expect(await user.decide({ costMilli: 6_000 })).toMatchObject({ allowed: true });
  });

  it("and never settled stays charged under any definition", async () => {
    const user = new UserObject(await publish(LEASED));
    await user.stub.createAccount("ann", { name: "Ann", tier: "month" });
    await user.allowedOf(9);
    await user.lease(20_000);
    later(10_000);
    await user.stub.changeAccount({ tier: "hour" });
    expect(await user.remaining()).toEqual([1_970]);
    await user.stub.changeAccount({ tier: "renamed" });
    await user.decide();
    await user.pause();
    await user.evict();
    expect(await user.remaining()).toEqual([1_969]);
    expect((await user.status()).usage.hour).toMatchObject({ requests: 11, cost: 11 });
  });
});

describe("what a kill may have taken from the ledger", () => {
  it("still counts in every later definition", async () => {
    const user = await account("wide");
    // The second request writes a headroom of 20; the ledger has two requests.
    expect(await user.allowedOf(15)).toBe(15);
    await user.crash();
    expect(await user.remaining()).toEqual([979]);
    await move(user, "wide-hour");
    expect(await user.remaining()).toEqual([979]);
    expect(await user.allowedOf(1)).toBe(1);
    later(HOUR_MS);
    expect(await user.allowedOf(1)).toBe(1);
    await user.pause();
    await user.evict();
    await move(user, "wide");
    const [left = NaN] = await user.remaining();
    expect(left).toBeLessThanOrEqual(1_000 - 17);
    expect((await user.status()).usage.month).toMatchObject({ requests: 4, cost: 4 });
  });
});

describe("a counter of the same name and another kind", () => {
  it.each(BETWEEN)(
    "leaves a bucket's debt and the slots taken as they are, with %s between",
    async (_what, between) => {
      const user = await account("bucket");
      expect(await user.allowedOf(12)).toBe(10);
      await move(user, "slots");
      await between(user);
      expect(await user.allowedOf(3)).toBe(2);
      await move(user, "hour");
      later(HOUR_MS / 2);
      await user.allowedOf(1);
      await between(user);
      await move(user, "bucket");
      expect(await user.allowedOf(3)).toBe(0);
      await move(user, "slots");
      expect(await user.allowedOf(1)).toBe(0);
      await between(user);
      later(DAY_MS);
      await move(user, "bucket");
      expect(await user.allowedOf(3)).toBe(1);
    },
  );

  it("frees a slot that is released meanwhile, and a reset clears all", async () => {
    const user = await account("slots");
    const { holds } = await user.decide();
    await user.decide();
    await move(user, "bucket");
    await user.allowedOf(10);
    await user.stub.release(holds);
    await move(user, "slots");
    expect(await user.remaining()).toEqual([1]);
    await move(user, "hour");
    await user.stub.reset(["main"]);
    for (const [tier, left] of [
      ["slots", 2],
      ["bucket", 10],
      ["month", 10],
    ] as const) {
      await move(user, tier);
      expect(await user.remaining()).toEqual([left]);
    }
  });

  it("is dropped when it is at rest", async () => {
    const user = await account("bucket");
    await user.allowedOf(3);
    await move(user, "hour");
    await user.allowedOf(1);
    later(4 * DAY_MS);
    await user.decide();
    await user.pause();
    expect(await user.state()).toMatchObject({ counters: { main: { kind: "quota" } } });
    expect(JSON.stringify(await user.state())).not.toContain("bucket");
  });
});

describe("a state that an older Worker wrote", () => {
  async function asBefore(user: UserObject): Promise<void> {
    await user.pause();
    await user.changeCounters((counter) => {
      const { anchorDay: _, ...old } = counter;
      return old;
    });
    await user.evict();
  }

  it("continues if its definition has not changed, including an earlier reset", async () => {
    const user = await account("month");
    await user.allowedOf(8);
    await user.stub.reset(["main"]);
    await user.allowedOf(3);
    await user.query("DELETE FROM resets");
    await asBefore(user);
    expect(await user.remaining()).toEqual([7]);
  });

  it("is compared with the ledger if it has", async () => {
    const user = await account("month");
    await user.allowedOf(10);
    await asBefore(user);
    await move(user, "from15");
    expect(await user.allowedOf(1)).toBe(0);
    vi.setSystemTime(START_MS + DAY_MS);
    expect(await user.allowedOf(12)).toBe(10);
    await move(user, "month");
    expect(await user.allowedOf(1)).toBe(0);
  });
});

describe("a limit that counts each key separately", () => {
  const each = { ...quota(10, "month", "each"), scope: "key" as const };
  const hourly = { ...quota(10, "hour", "other"), scope: "key" as const };

  async function rotate(user: UserObject, oldKeyId: string, keyId: string): Promise<void> {
    await user.stub.rotateKey({ oldKeyId, keyId, hash: crypto.randomUUID(), graceMs: 0 });
  }

  it("is not renewed by a rotation, by a later change of its definition, nor when the first key is deleted", async () => {
    const user = new UserObject(await publish({ free: { limits: [each] }, hourly: { limits: [hourly] } }));
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    for (const keyId of ["k0", "other"]) await user.stub.addKey(keyOf(keyId));
    expect(await user.allowedOf(4, { keyId: "k0" })).toBe(4);
    for (let i = 1; i <= 110; i++) {
      later(1);
      await rotate(user, `k${i - 1}`, `k${i}`);
      // Each has its own place until all are taken; the middle ones are forgotten with their usage.
      if ([5, 40, 105].includes(i)) expect(await user.allowedOf(1, { keyId: `k${i}` })).toBe(1);
    }
    expect(await user.query("SELECT count(*) AS n FROM keys WHERE key_id IN ('k0', 'k5')")).toEqual([
      { n: 0 },
    ]);
    await user.pause();
    await user.evict();
    expect((await user.status("k110")).limits).toMatchObject([{ name: "each", remaining: 3 }]);
    expect(await user.remaining({ keyId: "other" })).toEqual([10]);
    await user.stub.changeAccount({ tier: "hourly" });
    expect(await user.remaining({ keyId: "k110" })).toEqual([3]);
    later(HOUR_MS);
    expect(await user.allowedOf(12, { keyId: "k110" })).toBe(10);
    await rotate(user, "k110", "k111");
    expect(await user.allowedOf(1, { keyId: "k111" })).toBe(0);
    await user.crash();
    expect(await user.allowedOf(1, { keyId: "k111" })).toBe(0);
    await user.stub.changeAccount({ tier: "free" });
    expect(await user.allowedOf(1, { keyId: "k111" })).toBe(0);
    await user.stub.reset(["each"]);
    expect(await user.allowedOf(12, { keyId: "k111" })).toBe(10);
    await rotate(user, "k111", "k112");
    await user.crash();
    expect(await user.allowedOf(1, { keyId: "k112" })).toBe(0);
  });

  it("counts what was lent to the old key for the new one too", async () => {
    const limits = [{ ...quota(2_000, "month", "each"), scope: "key" as const }];
    const user = new UserObject(await publish({ free: { limits, mode: "leased" } }));
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    await user.stub.addKey(keyOf("k0"));
    const leaseId = await user.lease(20_000, { keyId: "k0" });
    await rotate(user, "k0", "k1");
    expect(await user.remaining({ keyId: "k1" })).toEqual([1_979]);
    const cells = [{ route: "", keyId: "k0", requests: 5, costMilli: 5_000, denied: 0 }];
    await user.stub.serve({ settlements: [{ leaseId, cells }], questions: [] });
    expect(await user.remaining({ keyId: "k1" })).toEqual([1_994]);
    await user.pause();
    await user.evict();
    expect(await user.remaining({ keyId: "k1" })).toEqual([1_994]);
  });
});

describe("a reset from before an upgrade", () => {
  it("is migrated from the audit trail", async () => {
    const user = await account("month");
    await user.allowedOf(10);
    later(HOUR_MS);
    await user.stub.reset(["main"], { actor: "op", reason: "goodwill" });
    await user.stub.reset([]);
    await user.pause();
    // As an earlier Worker left it: without a table of resets, with only what the ledger and the audit trail contain.
    await user.inside((_object, { storage: { sql, kv } }) => {
      const billing = ["billing", "periods", "segments", "credits", "invoices", "credit_notes", "stripe"];
      const newer = [
        "resets",
        "lineage",
        "calls",
        "usage_units",
        "reservations",
        "erasures",
        "notices",
        "portal_sessions",
        ...billing,
      ];
      for (const table of newer) sql.exec(`DROP TABLE ${table}`);
      sql.exec("ALTER TABLE usage DROP COLUMN lost_milli");
      sql.exec("ALTER TABLE keys DROP COLUMN grace_ends_ms");
      sql.exec("ALTER TABLE decisions DROP COLUMN fingerprint");
      kv.put("schemaVersion", 3);
    });
    await user.evict();
    expect(await user.remaining()).toEqual([10]);
    await move(user, "renamed");
    expect(await user.remaining()).toEqual([0]);
    await move(user, "from15");
    expect(await user.remaining()).toEqual([10]);
  });
});

function keyOf(keyId: string) {
  return { keyId, hash: crypto.randomUUID(), name: "", scopes: ["call" as const], expiresMs: null };
}
