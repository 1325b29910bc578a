/**
 * An account's own numbers and grants: applied if they fit the tier, reported with their place if they do not, and never
 * at the cost of the tier's own limits or of what was used.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Limit, meterAt, read, spend } from "../../src/core/limit.ts";
import {
  adjustTier,
  effectsOn,
  type Grant,
  type Override,
  overrideFaults,
  type Overrides,
} from "../../src/policy/adjust.ts";
import { capacityOf, compilePolicy, tierOf } from "../../src/policy/compile.ts";
import type { Tier } from "../../src/policy/compiled.ts";
import type { LimitDocument } from "../../src/policy/schema.ts";

const MINUTE: LimitDocument = { name: "minute", kind: "bucket", tokens: 100, per: "minute", burst: 150 };
const PLAIN: LimitDocument = { name: "plain", kind: "bucket", tokens: 10, per: "second" };
const MONTH: LimitDocument = { name: "month", kind: "quota", amount: 1_000, per: "month", anchorDay: 15 };
const PARALLEL: LimitDocument = { name: "parallel", kind: "concurrency", max: 5, ttlMs: 60_000 };

function tierWith(...limits: LimitDocument[]): Tier {
  const document = {
    schema: 1,
    tiers: { free: { limits, durability: "exact", onLimiterFailure: "closed" } },
    routes: [],
    anonymousTier: "free",
    defaultTier: "free",
  };
  const compiled = compilePolicy(document, 7);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  return tierOf(compiled.value, "free");
}

const FREE = tierWith(MINUTE, PLAIN, MONTH, PARALLEL);

const grant = (limit: string, amount: number): Grant => ({
  grantId: `${limit} ${amount}`,
  limit,
  amount,
  untilMs: 2,
  createdMs: 1,
});

const limitOf = (tier: Tier, name: string): Limit | undefined =>
  tier.limits.find(({ limit }) => limit.name === name)?.limit;

/** The limit as the policy would compile it. */
const compiled = (document: LimitDocument): Limit | undefined => limitOf(tierWith(document), document.name);

describe("an override", () => {
  it.each<[limit: string, override: Override, document: LimitDocument]>([
    ["minute", { tokens: 500 }, { ...MINUTE, tokens: 500 }],
    ["minute", { burst: 900 }, { ...MINUTE, burst: 900 }],
    ["minute", { burst: 0.5 }, { ...MINUTE, burst: 0.5 }],
    ["minute", { per: "day" }, { ...MINUTE, per: "day" }],
    ["minute", { tokens: 7, per: "hour", burst: 20 }, { ...MINUTE, tokens: 7, per: "hour", burst: 20 }],
    ["plain", { tokens: 25 }, { ...PLAIN, tokens: 25 }],
    ["plain", { burst: 11 }, { ...PLAIN, burst: 11 }],
    ["month", { amount: 5 }, { ...MONTH, amount: 5 }],
    ["month", { amount: 5, per: "hour" }, { ...MONTH, amount: 5, per: "hour" }],
    ["parallel", { max: 1_000 }, { ...PARALLEL, max: 1_000 }],
    ["parallel", {}, PARALLEL],
  ])("of %s, %j, replaces these numbers and keeps the others", (name, override, document) => {
    const overrides = { [name]: override };
    expect(overrideFaults(FREE, overrides)).toEqual([]);
    const adjusted = adjustTier(FREE, overrides, []);
    expect(limitOf(adjusted, name)).toEqual(compiled(document));
    const others = ({ limits }: Tier) => limits.filter(({ limit }) => limit.name !== name);
    expect(others(adjusted)).toEqual(others(FREE));
  });

  it.each<[what: string, overrides: Overrides, path: string, message: RegExp]>([
    [
      "a limit that the tier has not",
      { hour: { tokens: 1 } },
      "/limits/hour",
      /no limit "hour" \(known: minute, /,
    ],
    [
      "a limit whose name objects inherit",
      { constructor: { tokens: 1 } },
      "/limits/constructor",
      /no limit "constructor"/,
    ],
    [
      "an amount for a bucket",
      { minute: { amount: 1 } },
      "/limits/minute/amount",
      /not a field of a bucket \(its fields: tokens/,
    ],
    ["slots for a quota", { month: { max: 1 } }, "/limits/month/max", /quota \(its fields: amount, per\)/],
    ["tokens for a quota", { month: { amount: 1, tokens: 1 } }, "/limits/month/tokens", /quota/],
    [
      "a period for slots",
      { parallel: { per: "hour" } },
      "/limits/parallel/per",
      /concurrency \(its fields: max\)/,
    ],
    ["a month for a bucket", { minute: { per: "month" } }, "/limits/minute/per", /not a period of a bucket/],
    ["a minute for a quota", { month: { per: "minute" } }, "/limits/month/per", /not a period of a quota/],
    [
      "a second for a quota",
      { month: { amount: 9, per: "second" } },
      "/limits/month/per",
      /hour, day, month/,
    ],
    [
      "slots beyond what a row can hold",
      { parallel: { max: 1_001 } },
      "/limits/parallel",
      /whole number of slots/,
    ],
    ["half a slot", { parallel: { max: 1.5 } }, "/limits/parallel", /whole number of slots/],
    [
      "a bucket too large to be counted",
      { minute: { tokens: 0.001, per: "day", burst: 1e9 } },
      "/limits/minute",
      /counted exactly/,
    ],
  ])("of %s is rejected with its path", (_what, overrides, path, message) => {
    expect(overrideFaults(FREE, overrides)).toEqual([{ path, message: expect.stringMatching(message) }]);
  });

  it("is rejected with a fault for each wrong place", () => {
    const faults = overrideFaults(FREE, { hour: {}, minute: { amount: 1, max: 1 }, plain: { burst: 2 } });
    expect(faults.map(({ path }) => path)).toEqual([
      "/limits/hour",
      "/limits/minute/amount",
      "/limits/minute/max",
    ]);
  });

  it("that no longer fits is ignored, and the tier's limit applies", () => {
    const overrides: Overrides = {
      gone: { tokens: 1 },
      minute: { tokens: 0.001, per: "day", burst: 1e9 },
      month: { tokens: 1 },
      parallel: { max: 5_000 },
    };
    expect(adjustTier(FREE, overrides, []).limits.map(({ limit }) => limit)).toEqual(
      FREE.limits.map(({ limit }) => limit),
    );
  });

  it("that fits only in part is ignored whole: a bucket's period is not a quota's", () => {
    const overrides: Overrides = { month: { tokens: 5, per: "hour" }, minute: { amount: 5, per: "hour" } };
    expect(adjustTier(FREE, overrides, [])).toEqual(FREE);
    expect(effectsOn(FREE, overrides, [grant("month", 5)])).toEqual({
      kept: { limits: [], grants: ["month"] },
      orphaned: { limits: ["month", "minute"], grants: [] },
    });
  });

  it("and a grant are kept if they change a number, and orphaned if the tier lacks their limit", () => {
    const overrides: Overrides = {
      minute: { burst: 900 },
      plain: { tokens: 10 },
      gone: { tokens: 1 },
      parallel: { burst: 2 },
    };
    const grants = [grant("minute", 1), grant("minute", 2), grant("lost", 1), grant("parallel", 1)];
    expect(effectsOn(FREE, overrides, grants)).toEqual({
      kept: { limits: ["minute"], grants: ["minute", "parallel"] },
      orphaned: { limits: ["gone", "parallel"], grants: ["lost"] },
    });
  });

  it("never applies without being given, whatever the name of the limit", () => {
    const tier = tierWith({ ...PLAIN, name: "constructor" });
    expect(adjustTier(tier, {}, [])).toEqual(tier);
  });
});

describe("a grant", () => {
  it.each<[limit: string, amounts: number[], capacity: number]>([
    ["minute", [50], 200_000],
    ["minute", [50, 0.5, 10], 210_500],
    ["plain", [5], 15_000],
    ["month", [500, 1], 1_501_000],
    ["parallel", [2], 7],
    ["parallel", [2.9], 7],
    ["parallel", [0.5], 5],
  ])("adds to the capacity of %s: %j", (name, amounts, capacity) => {
    const grants = amounts.map((amount) => grant(name, amount));
    const adjusted = adjustTier(FREE, {}, [grant("gone", 5), ...grants]);
    expect(capacityOf(adjusted, name)).toBe(capacity);
    for (const { limit } of FREE.limits) {
      if (limit.name !== name) expect(limitOf(adjusted, limit.name)).toEqual(limit);
    }
  });

  it("does not make a bucket refill faster", () => {
    const meter = (tier: Tier) => {
      const limit = limitOf(tier, "minute");
      if (limit?.kind !== "bucket") throw new Error("minute is a bucket");
      return limit;
    };
    expect(meter(adjustTier(FREE, {}, [grant("minute", 50)])).grainsPerMs).toBe(meter(FREE).grainsPerMs);
  });

  it("adds to an override", () => {
    const adjusted = adjustTier(FREE, { minute: { burst: 300 }, month: { amount: 10 } }, [
      grant("minute", 25),
      grant("month", 3),
    ]);
    expect(capacityOf(adjusted, "minute")).toBe(325_000);
    expect(capacityOf(adjusted, "month")).toBe(13_000);
  });

  it("that no longer fits an override is ignored, and the override stays", () => {
    const overrides: Overrides = { minute: { burst: 20 }, parallel: { max: 995 } };
    const tier = adjustTier(FREE, overrides, [grant("minute", 2 ** 50), grant("parallel", 10)]);
    expect(capacityOf(tier, "minute")).toBe(20_000);
    expect(capacityOf(tier, "parallel")).toBe(995);
  });

  it("that makes a limit too large to be counted is ignored, and the tier's limit stays", () => {
    const tier = tierWith({ ...PLAIN, tokens: 7, per: "day" });
    const adjusted = adjustTier(tier, {}, [grant("plain", 1e9)]);
    expect(capacityOf(adjusted, "plain")).toBe(7_000);
  });
});

describe("a tier without adjustments", () => {
  it("keeps the same limit objects, so that compiled charges stay valid", () => {
    const adjusted = adjustTier(FREE, {}, []);
    adjusted.limits.forEach((scoped, i) => expect(scoped).toBe(FREE.limits[i]));
  });

  it("keeps mode, durability and failure policy", () => {
    const { limits: _before, ...rest } = FREE;
    expect(adjustTier(FREE, { minute: { tokens: 1 } }, [grant("month", 1)])).toMatchObject(rest);
  });
});

const amount = fc.integer({ min: 1, max: 2_000_000 }).map((milli) => milli / 1_000);
const scope = fc.constantFrom("user", "key", "route" as const);
const bucketOf = fc.record({
  kind: fc.constant("bucket" as const),
  tokens: amount,
  per: fc.constantFrom("second", "minute", "hour", "day" as const),
  burst: amount,
  scope,
});
const quotaOf = fc.record({
  kind: fc.constant("quota" as const),
  amount,
  per: fc.constantFrom("hour", "day", "month" as const),
  scope,
});
const limitsOf = fc
  .array(fc.oneof(bucketOf, quotaOf), { minLength: 1, maxLength: 4 })
  .map((limits) => limits.map((limit, i): LimitDocument => ({ ...limit, name: `limit${i}` })));
const overridesOf = fc.dictionary(
  fc.constantFrom("limit0", "limit1", "limit2", "limit3", "other"),
  fc.record(
    {
      tokens: amount,
      per: fc.constantFrom("second", "minute", "hour", "day", "month" as const),
      burst: amount,
      amount,
      max: fc.integer({ min: 1, max: 2_000 }),
    },
    { requiredKeys: [] },
  ),
);
const grantsOf = fc.array(
  fc
    .record({ limit: fc.constantFrom("limit0", "limit1", "other"), amount })
    .map(({ limit, amount: extra }) => grant(limit, extra)),
  { maxLength: 4 },
);

describe("for any numbers", () => {
  it("never drops, adds, renames or rescopes a limit, nor changes its kind", () => {
    fc.assert(
      fc.property(limitsOf, overridesOf, grantsOf, (limits, overrides, grants) => {
        const tier = tierWith(...limits);
        const shape = ({ limits: all }: Tier) =>
          all.map(({ limit, document, scope: whose }) => [
            limit.name,
            limit.kind,
            document.name,
            document.kind,
            whose,
          ]);
        expect(shape(adjustTier(tier, overrides, grants))).toEqual(shape(tier));
      }),
    );
  });

  it("applies every number of an override without faults", () => {
    fc.assert(
      fc.property(limitsOf, overridesOf, (limits, overrides) => {
        const tier = tierWith(...limits);
        const adjusted = adjustTier(tier, overrides, []);
        const faulty = new Set(overrideFaults(tier, overrides).map(({ path }) => path.split("/")[2]));
        for (const { document } of adjusted.limits) {
          const override = Object.hasOwn(overrides, document.name) ? overrides[document.name] : undefined;
          if (override && !faulty.has(document.name)) expect(document).toMatchObject(override);
        }
        expect([...faulty].every((name) => name !== undefined && Object.hasOwn(overrides, name))).toBe(true);
      }),
    );
  });

  it("never lowers a limit with another grant", () => {
    fc.assert(
      fc.property(limitsOf, grantsOf, grantsOf, (limits, some, more) => {
        const tier = tierWith(...limits);
        const before = adjustTier(tier, {}, some);
        const after = adjustTier(tier, {}, [...some, ...more]);
        for (const { limit } of tier.limits) {
          const [low, high] = [capacityOf(before, limit.name), capacityOf(after, limit.name)];
          expect(high).toBeGreaterThanOrEqual(low ?? NaN);
        }
      }),
    );
  });

  it("keeps what was used: a raised limit has the difference more left, a lowered one hands out nothing", () => {
    fc.assert(
      fc.property(limitsOf, amount, grantsOf, overridesOf, (limits, spent, grants, overrides) => {
        const nowMs = Date.UTC(2100, 9, 14, 12);
        const tier = tierWith(...limits);
        const adjusted = adjustTier(tier, overrides, grants);
        tier.limits.forEach(({ limit }, i) => {
          const used = spend(meterAt(limit, undefined, nowMs), Math.round(spent * 1_000));
          const other = adjusted.limits[i]?.limit;
          if (!other) throw new Error("no limit is dropped");
          const after = read(meterAt(other, used.state, nowMs), nowMs);
          const left = after.limitMilli - Math.round(spent * 1_000);
          if (left >= 0) expect(after.remainingMilli).toBe(left);
          else expect(after.remainingMilli).toBe(0);
        });
      }),
    );
  });
});
