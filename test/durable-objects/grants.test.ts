/**
 * What an operator may do to one account's limits: grants, numbers of its own, another tier, a reset. Each counts from the very
 * next decision on, what was used stays used, and nothing is ever lent.
 */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AccountChange } from "../../src/limiter/account.ts";
import type { Grant } from "../../src/policy/adjust.ts";
import { ExactBucket } from "../core/exact-model.ts";
import {
  bucket,
  DAY_MS,
  dropTimers,
  HOUR_MS,
  later,
  publish,
  quota,
  START_MS,
  startClock,
  stopClock,
} from "./fixture.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

/** Limits that refill so slowly that an hour gives next to nothing back. */
const TIERS = {
  free: { limits: [bucket(1, "day", 5), quota(20, "month")] },
  pro: { limits: [bucket(1, "day", 50), quota(200, "month")] },
};

async function account(tier = "free"): Promise<UserObject> {
  const user = new UserObject(await publish(TIERS));
  await user.stub.createAccount("ann", { name: "Ann", tier });
  return user;
}

let grants = 0;

/** Grants `amount` of a limit for so long from now on. */
function grantOf(limit: string, amount: number, lastsMs: number): Grant {
  grants += 1;
  const nowMs = Date.now();
  return { grantId: `grant-${grants}`, limit, amount, untilMs: nowMs + lastsMs, createdMs: nowMs };
}

describe("a grant", () => {
  it("lets a denied user in at once, up to its amount", async () => {
    const user = await account();
    expect(await user.allowedOf(6)).toBe(5);
    const grant = grantOf("bucket", 3, HOUR_MS);
    expect(await user.stub.grant(grant)).toEqual({ kind: "grant", grant });
    expect(await user.remaining()).toEqual([3, 15]);
    expect(await user.allowedOf(5)).toBe(3);
  });

  it("ends in its millisecond, and what it let in stays used", async () => {
    const user = await account();
    await user.stub.grant(grantOf("quota", 10, HOUR_MS));
    await user.stub.grant(grantOf("bucket", 100, DAY_MS));
    expect(await user.allowedOf(40)).toBe(30);
    later(HOUR_MS - 1);
    expect((await user.decide({ peek: true })).limits).toMatchObject([{}, { limit: 30, remaining: 0 }]);
    later(1);
    expect((await user.decide({ peek: true })).limits).toMatchObject([{}, { limit: 20, remaining: 0 }]);
    // Ten more than the quota were used: to raise it by eleven lets one in.
    await user.stub.changeAccount({ overrides: { quota: { amount: 31 } } });
    expect(await user.allowedOf(3)).toBe(1);
  });

  it("adds to the others that are in force", async () => {
    const user = await account();
    await user.stub.grant(grantOf("bucket", 3, HOUR_MS));
    await user.stub.grant(grantOf("bucket", 4, 2 * HOUR_MS));
    expect((await user.remaining())[0]).toBe(12);
    later(HOUR_MS);
    expect((await user.remaining())[0]).toBe(9);
    later(HOUR_MS);
    expect((await user.remaining())[0]).toBe(5);
  });

  it.each(["evict", "crash"] as const)("is still in force after %s", async (end) => {
    const user = await account();
    await user.stub.grant(grantOf("bucket", 3, HOUR_MS));
    await user[end]();
    expect((await user.remaining())[0]).toBe(8);
    later(HOUR_MS);
    await user[end]();
    expect((await user.remaining())[0]).toBe(5);
  });

  it("of slots lets so many more run at once", async () => {
    const parallel = { name: "parallel", kind: "concurrency", max: 1, ttlMs: HOUR_MS } as const;
    const user = new UserObject(await publish({ free: { limits: [parallel] } }));
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    expect(await user.allowedOf(3)).toBe(1);
    await user.stub.grant(grantOf("parallel", 2, HOUR_MS));
    expect(await user.allowedOf(3)).toBe(2);
  });

  it("of a limit that the tier has not counts once it has", async () => {
    const user = await account();
    await user.stub.grant(grantOf("hour", 7, HOUR_MS));
    expect(await user.remaining()).toEqual([5, 20]);
    user.revision = await publish({ free: { limits: [bucket(1, "hour", 1, "hour")] } });
    expect(await user.remaining()).toEqual([8]);
  });

  it("is refused beyond fifty in force, and given again when one has ended", async () => {
    const user = await account();
    await user.stub.grant(grantOf("bucket", 1, HOUR_MS));
    for (let i = 1; i < 50; i++) await user.stub.grant(grantOf("bucket", 1, DAY_MS));
    expect(await user.stub.grant(grantOf("bucket", 1, HOUR_MS))).toEqual({ kind: "too-many" });
    expect((await user.remaining())[0]).toBe(55);
    later(HOUR_MS);
    expect(await user.stub.grant(grantOf("bucket", 1, HOUR_MS))).toMatchObject({ kind: "grant" });
    expect(await user.query("SELECT count(*) AS n FROM grants")).toEqual([{ n: 50 }]);
  });

  it("is refused where there is no account", async () => {
    const user = new UserObject(await publish(TIERS));
    expect(await user.stub.grant(grantOf("bucket", 1, HOUR_MS))).toEqual({ kind: "no-account" });
    expect(await user.tables()).toEqual([]);
  });
});

describe("numbers of the account's own", () => {
  it("count from the next decision on, and until they are taken away", async () => {
    const user = await account();
    expect(await user.allowedOf(6)).toBe(5);
    await user.stub.changeAccount({ overrides: { bucket: { burst: 8 } } });
    expect(await user.allowedOf(6)).toBe(3);
    await user.crash();
    await user.stub.changeAccount({ overrides: { bucket: { burst: 2 } } });
    expect(await user.decide()).toMatchObject({ allowed: false, limits: [{ limit: 2, remaining: 0 }, {}] });
    await user.stub.changeAccount({ overrides: {} });
    expect(await user.decide({ peek: true })).toMatchObject({ limits: [{ limit: 5 }, { limit: 20 }] });
    expect(await user.allowedOf(1)).toBe(0);
  });

  it("that change the rate change it from the last admitted request on: the burst still bounds all", async () => {
    const user = new UserObject(await publish({ free: { limits: [bucket(60, "minute", 30)] } }));
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    expect(await user.allowedOf(40)).toBe(30);
    later(2_000);
    await user.stub.changeAccount({ overrides: { bucket: { tokens: 600 } } });
    expect(await user.allowedOf(40)).toBe(20);
    later(60_000);
    await user.stub.changeAccount({ overrides: { bucket: { tokens: 6 } } });
    expect(await user.allowedOf(40)).toBe(6);
  });

  it("follow the account into another tier", async () => {
    const user = await account();
    await user.stub.changeAccount({ overrides: { bucket: { burst: 8 } } });
    await user.stub.changeAccount({ tier: "pro" });
    expect((await user.decide()).limits).toMatchObject([{ limit: 8 }, { limit: 200 }]);
  });
});

describe("a reset", () => {
  it("gives one limit back whole and leaves the others, and the ledger, as they are", async () => {
    const user = await account();
    await user.allowedOf(5);
    await user.stub.reset(["bucket"]);
    expect(await user.remaining()).toEqual([5, 15]);
    await user.crash();
    expect(await user.remaining()).toEqual([5, 15]);
    expect((await user.status()).usage.month).toEqual({ requests: 5, cost: 5, denied: 0 });
  });

  it("gives all limits back", async () => {
    const user = await account();
    await user.allowedOf(5);
    await user.stub.reset(null);
    expect(await user.remaining()).toEqual([5, 20]);
    await user.evict();
    expect(await user.remaining()).toEqual([5, 20]);
  });

  it("gives every key and route back that counts apart under the limit's name, and no other name that begins with it", async () => {
    const limits = [
      { ...bucket(1, "day", 3, "a"), scope: "key" as const },
      { ...bucket(1, "day", 3, "ab"), scope: "route" as const },
    ];
    const user = new UserObject(await publish({ free: { limits } }, [{ match: "/x" }]));
    await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
    for (const keyId of ["k1", "k2"]) {
      await user.stub.addKey({
        keyId,
        hash: crypto.randomUUID(),
        name: "",
        scopes: ["call"],
        expiresMs: null,
      });
    }
    await user.allowedOf(1, { keyId: "k1", route: "/x" });
    await user.allowedOf(1, { keyId: "k2", route: "/x" });
    await user.stub.reset(["a"]);
    expect(await user.remaining({ keyId: "k1", route: "/x" })).toEqual([3, 1]);
    expect(await user.remaining({ keyId: "k2", route: "/x" })).toEqual([3, 1]);
  });

  it("that storage refuses has changed nothing", async () => {
    const user = await account();
    await user.allowedOf(5);
    await user.failNextWrite("INTO state");
    const failed = await user.inside(async (object) => {
      const call = async () => object.reset(null);
      return call().then(() => "none", String);
    });
    expect(failed).toContain("disk failure");
    expect(await user.remaining()).toEqual([0, 15]);
    expect(await user.stub.audit(Number.MAX_SAFE_INTEGER, 10)).toHaveLength(1);
  });
});

describe("whatever is changed, and whenever", () => {
  /** A minute gives 60 back, so that time matters too. */
  const BASE = { free: { burst: 10, amount: 300 }, pro: { burst: 100, amount: 1_000 } };
  type TierName = keyof typeof BASE;
  const limitsOf = (tier: TierName) => ({
    limits: [bucket(60, "minute", BASE[tier].burst), quota(BASE[tier].amount, "month")],
    durability: "exact" as const,
  });

  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant("decide" as const), cost: fc.integer({ min: 0, max: 40 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("later" as const),
        ms: fc.oneof(fc.integer({ min: 0, max: 9_999 }), fc.integer({ min: 0, max: HOUR_MS })),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("grant" as const),
        limit: fc.constantFrom("bucket", "quota", "other"),
        amount: fc.integer({ min: 1, max: 60 }),
        lastsMs: fc.constantFrom(1, 5_000, 60_000, HOUR_MS),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("change" as const),
        tier: fc.constantFrom("free", "pro" as const),
        burst: fc.constantFrom(null, 1, 25, 400),
        amount: fc.constantFrom(null, 1, 50, 5_000),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("reset" as const), all: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constantFrom({ kind: "crash" as const }, { kind: "evict" as const }) },
  );

  it("decides as the exact model does: raising lets in what it raises by, lowering never lends", async () => {
    let letIn = 0;
    let overdrawn = 0;
    const run = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      dropTimers();
      vi.setSystemTime(START_MS);
      const user = new UserObject(await publish({ free: limitsOf("free"), pro: limitsOf("pro") }));
      await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
      let tier: TierName = "free";
      let own: { burst?: number; amount?: number } = {};
      let given: Grant[] = [];
      let used = 0;
      let model = new ExactBucket(60_000, 60_000, 10_000, START_MS);
      let isDenied = false;

      const extra = (limit: string): number =>
        given.reduce((sum, grant) => (grant.limit === limit ? sum + grant.amount : sum), 0);
      const amount = (): number => (own.amount ?? BASE[tier].amount) + extra("quota");
      const change = (): void => {
        const burst = (own.burst ?? BASE[tier].burst) + extra("bucket");
        model.change(60_000, 60_000, burst * 1_000);
      };
      /** Brings the model to now, by way of each moment at which a grant ends. */
      const advance = (): void => {
        for (const ended of given
          .filter(({ untilMs }) => untilMs <= Date.now())
          .toSorted((a, b) => a.untilMs - b.untilMs)) {
          model.advance(ended.untilMs);
          given = given.filter((grant) => grant !== ended);
          change();
        }
        model.advance(Date.now());
      };

      for (const each of steps) {
        advance();
        switch (each.kind) {
          case "later":
            later(each.ms);
            break;
          case "grant": {
            if (given.length >= 20) break;
            const grant = grantOf(each.limit, each.amount, each.lastsMs);
            await user.stub.grant(grant);
            given = [...given, grant];
            change();
            break;
          }
          case "change": {
            tier = each.tier;
            own = {
              ...(each.burst === null ? {} : { burst: each.burst }),
              ...(each.amount === null ? {} : { amount: each.amount }),
            };
            const { amount: ownAmount, ...ownBucket } = own;
            const changes: AccountChange = {
              tier,
              overrides: {
                ...(Object.keys(ownBucket).length > 0 ? { bucket: ownBucket } : {}),
                ...(ownAmount === undefined ? {} : { quota: { amount: ownAmount } }),
              },
            };
            await user.stub.changeAccount(changes);
            change();
            break;
          }
          case "reset":
            await user.stub.reset(each.all ? null : ["bucket"]);
            if (each.all) used = 0;
            model = new ExactBucket(60_000, 60_000, 10_000, Date.now());
            change();
            break;
          case "crash":
          case "evict":
            await user.remaining();
            await user[each.kind]();
            break;
          case "decide": {
            const { cost } = each;
            const allowed = cost === 0 || (model.holds(cost * 1_000) && used + cost <= amount());
            const decision = await user.decide({ costMilli: cost * 1_000 });
            expect({ each, allowed: decision.allowed }).toEqual({ each, allowed });
            if (allowed) {
              model.charge(cost * 1_000);
              used += cost;
            }
            if (allowed && isDenied) letIn += 1;
            if (used > amount()) overdrawn += 1;
            isDenied = !allowed;
            const left = decision.limits.map(({ remaining }) => Math.round(remaining * 1_000));
            expect(left).toEqual([model.remainingMilli(), Math.max(0, amount() - used) * 1_000]);
          }
        }
      }
    });
    await fc.assert(run, { numRuns: 30 });
    // The schedules did raise limits of the denied, and lower them below what was used.
    expect(letIn).toBeGreaterThan(10);
    expect(overdrawn).toBeGreaterThan(5);
  }, 60_000);
});
