/** The changes between two policies, in words. */
import { expect, test } from "vitest";
import * as z from "zod/mini";
import { limitWords } from "../../dashboard/src/policy/limit-words.ts";
import { policyChanges } from "../../dashboard/src/policy/policy-changes.ts";
import policy from "../../policy/default.json";
import { effectivePool } from "../../src/policy/effective-pool.ts";
import { pool as poolSchema, type PoolDocument } from "../../src/policy/pool-schema.ts";

const [minute, month] = policy.tiers.free.limits;
const withFree = (free: object) => ({ ...policy, tiers: { ...policy.tiers, free } });

test("says in one line what changes of a limit, and whether it is tighter or looser", () => {
  const change = (limit: object) =>
    policyChanges(policy, withFree({ ...policy.tiers.free, limits: [{ ...minute, ...limit }, month] }));
  const free = { part: "tier", name: "free" };
  expect(change({ tokens: 20, burst: 20 })).toEqual([
    { ...free, words: "minute: 100 → 20 tokens a minute, burst 150 → 20", effect: "tighter" },
  ]);
  expect(change({ tokens: 200 })).toEqual([
    { ...free, words: "minute: 100 → 200 tokens a minute", effect: "looser" },
  ]);
  // Neither: less at once, more over time.
  expect(change({ tokens: 200, burst: 20 })).toMatchObject([{ effect: null }]);
  expect(change({ per: "hour" })).toEqual([
    { ...free, words: "minute: 100 tokens a minute → 100 tokens an hour", effect: null },
  ]);
  expect(change({ scope: "key" })).toMatchObject([{ words: "minute: scope default → key" }]);
  expect(change({ tokens: 200, unit: "rows" })).toMatchObject([
    { words: "minute: 100 → 200 rows a minute, unit default → rows" },
  ]);
  expect(change({ tokens: 100.001 })).toMatchObject([{ words: "minute: 100 → 100.001 tokens a minute" }]);
  expect(change({})).toEqual([]);
});

test("names limits, tiers and routes that are new or removed", () => {
  const { pro, ...tiers } = policy.tiers;
  const [identify, compare, batch] = policy.routes;
  const after = {
    ...policy,
    defaultTier: "gold",
    tiers: {
      ...tiers,
      free: {
        ...tiers.free,
        mode: "leased",
        limits: [minute, { name: "slots", kind: "concurrency", max: 5, ttlMs: 1_000 }],
      },
      gold: { limits: [] },
    },
    routes: [
      compare,
      { ...identify, cost: 3 },
      batch,
      { match: "/new", methods: ["GET", "POST"], auth: "required" },
    ],
  };
  expect(policyChanges(policy, after).map(({ name, words, effect }) => [name, words, effect])).toEqual([
    ["free", "limit month removed (was: 50,000 tokens a month)", "looser"],
    ["free", "new limit slots: 5 requests at once", "tighter"],
    ["free", "mode default → leased", null],
    ["pro", "removed (was: 1,000 tokens a minute, burst 1,500; 1,000,000 tokens a month)", null],
    ["gold", "new tier: unlimited", null],
    ["/identify", "cost 1 → 3", "tighter"],
    ["/api/refresh", "removed: its requests match a later route, or none (404)", null],
    ["GET,POST /new", "new route: cost 1; needs a credential", null],
    [
      "",
      "route order: /identify, /compare, /batch → /compare, /identify, /batch (the first match applies)",
      null,
    ],
    ["", "defaultTier free → gold", null],
  ]);
  expect(pro.limits.map(limitWords)).toHaveLength(2);
});

test("reports no change for an equal document, whatever the order of its fields", () => {
  expect(policyChanges(policy, structuredClone(policy))).toEqual([]);
  const { kind, name, ...numbers } = minute ?? {};
  const limits = [{ ...numbers, kind, name }, month];
  expect(policyChanges(policy, withFree({ ...policy.tiers.free, limits }))).toEqual([]);
});

test("says which limits are put in shadow or enforced", () => {
  const shadow = { ...policy.tiers.free, limits: [{ ...minute, shadow: true }, month] };
  const free = { part: "tier", name: "free" };
  const [put, enforced] = [policyChanges(policy, withFree(shadow)), policyChanges(withFree(shadow), policy)];
  expect(put).toEqual([{ ...free, words: "minute: put in shadow: denies nothing", effect: "looser" }]);
  expect(enforced).toEqual([{ ...free, words: "minute: enforced, no longer in shadow", effect: "tighter" }]);
  const day = { name: "day", kind: "quota", amount: 500, per: "day", shadow: true };
  const more = { ...policy.tiers.free, limits: [minute, month, day], shadow: true };
  expect(policyChanges(policy, withFree(more))).toEqual([
    { ...free, words: "new limit day: 500 tokens a day, in shadow", effect: null },
    { ...free, words: "its limits put in shadow: denies nothing", effect: "looser" },
  ]);
  const off = policyChanges({ ...policy, enforcement: "on" }, { ...policy, enforcement: "shadow" });
  expect(off).toMatchObject([{ words: "all limits put in shadow: denies nothing", effect: "looser" }]);
});

test("hides no change if two parts have the same name, or a part has no name", () => {
  const twice = (first: number) => ({
    tiers: {
      a: {
        limits: [
          { name: "x", max: first },
          { name: "x", max: 2 },
        ],
      },
    },
  });
  expect(policyChanges(twice(1), twice(5))).toMatchObject([
    { name: "a", words: expect.stringContaining("5") },
  ]);
  expect(policyChanges({ tiers: [1] }, { tiers: [2] })).toMatchObject([{ words: "tiers [1] → [2]" }]);
  expect(policyChanges({ routes: [1] }, { routes: [2] })).toMatchObject([{ words: "routes [1] → [2]" }]);
  expect(policyChanges(null, [])).toEqual([]);
  expect(policyChanges({ cors: { origins: ["*"] } }, { cors: { origins: [] } })).toMatchObject([
    { words: 'cors.origins ["*"] → []' },
  ]);
});

test("lists at most 200 changes, each truncated to a line", () => {
  const wide = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`field${i}`, "x".repeat(1_000)]));
  const changes = policyChanges({}, wide);
  expect(changes).toHaveLength(200);
  expect(changes[0]?.words.length).toBeLessThan(200);
});

const TARGETS = [{ url: "https://a.example" }, { url: "https://b.example", weight: 2 }];
const LISTED = { url: "https://consul.example", format: "consul" };

test.each([
  ["targets", { targets: TARGETS }],
  ["a list that is discovered", { discover: LISTED, probe: { path: "/health" } }],
  ["some settings", { targets: TARGETS, retry: { attempts: 3 }, eject: {} }],
])("finds no change if the defaults of a pool with %s are spelled out", (_what, pool) => {
  const spelled = effectivePool(poolDocument(pool));
  for (const [before, after] of [
    [pool, spelled],
    [spelled, pool],
  ]) {
    expect(policyChanges(withPools({ api: before }), withPools({ api: after }))).toEqual([]);
  }
});

test("says what changes of a pool, with its defaults, and which are new", () => {
  const change = (before: object, after: object) =>
    policyChanges(withPools(before), withPools(after)).map(({ words }) => words);
  const api = { targets: TARGETS, retry: { on: ["connect", 503] } };
  expect(
    change({ api }, { api: { ...api, eject: { failures: 2 }, retry: { on: [503, "connect"] } } }),
  ).toEqual(["upstreams.api.eject.failures 5 → 2"]);
  expect(
    change({ api: { targets: TARGETS } }, { api: { targets: TARGETS, retry: { attempts: 0 } } }),
  ).toEqual(["upstreams.api.retry.attempts 1 → 0"]);
  expect(change({}, { api: { discover: LISTED } })).toEqual([
    'upstreams.api default → {"discover":{"url":"https://consul.example","format":"consul"}}',
  ]);
  expect(policyChanges(policy, withPools({}))).toEqual([]);
});

function withPools(upstreams: object) {
  return { ...policy, upstreams };
}

function poolDocument(document: object): PoolDocument {
  return z.parse(poolSchema, document);
}
