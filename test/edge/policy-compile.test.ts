/**
 * Compiling policy documents: the default that ships, and arbitrary others. Never through KV.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import document from "../../policy/default.json";
import { windowMs as bucketWindowMs } from "../../src/core/token-bucket.ts";
import { chargesFor, shadowChargesFor } from "../../src/policy/charges.ts";
import { compilePolicy, tierOf } from "../../src/policy/compile.ts";
import type { Tier } from "../../src/policy/compiled.ts";
import { embeddedPolicy } from "../../src/policy/policy-store.ts";
import { policyWith } from "../fixtures/edge-policy.ts";

describe("the default policy", () => {
  const policy = embeddedPolicy();

  it("has the tiers of the product page: rate, burst, quota, mode and price", () => {
    const tiers = [...policy.tiers.values()].map((tier) =>
      [tier.name, tier.mode].concat(tier.limits.map(summaryOf)),
    );
    expect(tiers).toEqual([
      ["anonymous", "auto", "minute: 45, full in 90 s"],
      ["free", "auto", "minute: 150, full in 90 s", "month: 50000 per month"],
      ["pro", "auto", "minute: 1500, full in 90 s", "month: 1000000 per month"],
      ["enterprise", "auto"],
      ["partner", "auto"],
    ]);
    const prices = Object.entries(document.tiers).map(([name, tier]) => [
      name,
      "price" in tier ? tier.price.monthly : null,
    ]);
    expect(prices).toEqual([
      ["anonymous", null],
      ["free", 0],
      ["pro", 99],
      ["enterprise", null],
      ["partner", 0],
    ]);
  });

  it("has the routes of the product page: costs of 1, 2 and 1, and at most 5 refreshes a minute", () => {
    const routes = policy.routes.all.map((route): (string | number)[] =>
      [route.id, route.costMilli].concat(route.limits.map(summaryOf)),
    );
    expect(routes).toEqual([
      ["/identify", 1_000],
      ["/compare", 2_000],
      ["/batch", 1_000],
      ["/api/refresh", 1_000, "refresh: 5, full in 60 s"],
    ]);
  });

  it("applies the limits locally if the limiter fails, and puts unknown users in the free tier", () => {
    expect([...policy.tiers.values()].map((tier) => tier.onLimiterFailure)).toEqual(Array(5).fill("local"));
    expect(policy.defaultTier).toBe("free");
    expect(policy.anonymousTier).toBe("anonymous");
    expect(tierOf(policy, "no-such-tier").name).toBe("free");
  });
});

describe("limits in shadow", () => {
  const limit = (name: string, shadow?: boolean) =>
    ({
      name,
      kind: "bucket",
      tokens: 5,
      per: "minute",
      ...(shadow === undefined ? {} : { shadow }),
    }) as const;
  const payg = {
    name: "month",
    kind: "quota",
    amount: 9,
    per: "month",
    overage: { mode: "payg", price: { model: "unit", unit: "1" } },
  } as const;
  const of = (enforcement: "on" | "shadow", shadow: boolean) => {
    const compiled = compilePolicy(
      policyWith({
        enforcement,
        tiers: {
          anonymous: { limits: [limit("a", true), limit("b", false), limit("c"), payg], shadow },
          free: { limits: [] },
        },
        routes: [{ match: "/a", shadow, limits: [limit("d"), limit("e", false)] }],
        billing: { currency: "USD" },
      }),
      1,
    );
    if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
    const [tier, route] = [tierOf(compiled.value, "anonymous"), compiled.value.routes.byId("/a")];
    return {
      hasShadow: compiled.value.hasShadow,
      enforced: chargesFor(tier, route, null).map(({ counter }) => counter),
      shadow: shadowChargesFor(tier, route, null)?.map(({ counter }) => counter) ?? null,
    };
  };

  it("are those that say so, and those of a tier or route in shadow that do not say otherwise", () => {
    expect(of("on", false)).toEqual({
      hasShadow: true,
      enforced: ["b", "c", "month", "d@/a", "e@/a"],
      shadow: ["~a"],
    });
    expect(of("on", true)).toMatchObject({
      enforced: ["b", "month", "e@/a"],
      shadow: ["~a", "~c", "~d@/a"],
    });
  });

  it("are all by the emergency switch, except a quota with overage, whose caps protect customers", () => {
    expect(of("shadow", false)).toEqual({
      hasShadow: true,
      enforced: ["month"],
      shadow: ["~a", "~b", "~c", "~d@/a", "~e@/a"],
    });
  });

  it("are none unless a policy says so", () => {
    expect(embeddedPolicy().hasShadow).toBe(false);
    const free = tierOf(embeddedPolicy(), "free");
    expect(shadowChargesFor(free, embeddedPolicy().routes.byId("/api/refresh"), null)).toBeNull();
  });
});

describe("the limits of a request", () => {
  const limit = (name: string, scope?: "user" | "key" | "route") =>
    ({ name, kind: "bucket", tokens: 5, per: "minute", ...(scope && { scope }) }) as const;
  const compiled = compilePolicy(
    policyWith({
      tiers: {
        anonymous: { limits: [limit("user"), limit("key", "key"), limit("route", "route")] },
        free: { limits: [] },
      },
      routes: [{ match: "/a", limits: [limit("own"), limit("own-user", "user"), limit("own-key", "key")] }],
    }),
    1,
  );
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  const policy = compiled.value;
  const tier = tierOf(policy, "anonymous");
  const route = policy.routes.byId("/a");

  it.each([
    ["no key and no route", null, null, ["user"]],
    ["a key", null, "k1", ["user", "key#k1"]],
    ["a route", route, null, ["user", "route@/a", "own@/a", "own-user@/a"]],
    ["both", route, "k1", ["user", "key#k1", "route@/a", "own@/a", "own-user@/a", "own-key#k1@/a"]],
  ] as const)("count by user, by key and by route: %s", (_what, onRoute, keyId, counters) => {
    expect(chargesFor(tier, onRoute, keyId).map(({ counter }) => counter)).toEqual(counters);
  });
});

describe("compiling", () => {
  /** The default policy with one value, anywhere in it, replaced by any JSON. */
  const mangled = fc
    .tuple(fc.constantFrom(...pathsOf(document)), fc.jsonValue())
    .map(([path, value]) => replaced(document, path, value));

  it("never throws, whatever the JSON", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue({ maxDepth: 6 }), mangled), (json) => {
        const result = compilePolicy(json, 1);
        expect(result.ok || result.faults.length > 0).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("never throws for JSON nested as deep as it parses", () => {
    const deep: unknown = JSON.parse(`${'{"tiers":'.repeat(20_000)}1${"}".repeat(20_000)}`);
    expect(compilePolicy(deep, 1).ok).toBe(false);
  });

  it("gives every fault the path of a value in the document, or of a field missing in one", () => {
    fc.assert(
      fc.property(mangled, (json) => {
        const result = compilePolicy(json, 1);
        if (result.ok) return;
        for (const { path } of result.faults) {
          expect(path === "" || typeof valueAt(json, path.split("/").slice(1, -1)) === "object").toBe(true);
        }
      }),
    );
  });
});

function summaryOf({ limit }: Tier["limits"][number]): string {
  if (limit.kind === "quota") return `${limit.name}: ${limit.amountMilli / 1000} per ${limit.period}`;
  if (limit.kind === "concurrency") return limit.name;
  return `${limit.name}: ${limit.capacityMilli / 1000}, full in ${bucketWindowMs(limit) / 1000} s`;
}

/** The path of keys to each nested value. */
function pathsOf(value: unknown): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    [[key]].concat(pathsOf(inner).map((path) => [key].concat(path))),
  );
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  if (Array.isArray(value))
    return value.map((item, i) => (String(i) === key ? replaced(item, rest, by) : item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, name === key ? replaced(inner, rest, by) : inner]),
  );
}

/** The value that unescaped keys lead to: names in these documents need no escaping. */
function valueAt(value: unknown, keys: readonly string[]): unknown {
  let found = value;
  for (const key of keys) {
    if (typeof found !== "object" || found === null) return undefined;
    found = Object.entries(found).find(([name]) => name === key)?.[1];
  }
  return found;
}

it("accepts a cost that fits only some tiers, and rejects one that fits none", () => {
  const bucket = (burst: number) => ({
    limits: [{ name: "minute", kind: "bucket", tokens: 10, per: "minute", burst }],
  });
  const policy = (cost: number) => ({
    schema: 1,
    tiers: { small: bucket(10), large: bucket(100) },
    routes: [{ match: "/bulk", cost }],
    anonymousTier: "small",
    defaultTier: "small",
  });
  expect(compilePolicy(policy(100), 1).ok).toBe(true);
  expect(compilePolicy(policy(100.001), 1)).toMatchObject({
    ok: false,
    faults: [{ path: "/routes/0/cost" }],
  });
});
