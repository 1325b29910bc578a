/**
 * Every kind of fault in a policy is rejected with its path, so that no policy takes effect that does not do what its author
 * means. Never through KV: this is the pure compiler.
 */
import { describe, expect, it } from "vitest";
import { ACCOUNTS } from "../../src/api/accounts/accounts.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import { parseBy } from "../../src/policy/fault.ts";
import {
  BETWEEN,
  BUCKET,
  doc,
  DOCUMENT,
  NUMBERS,
  POOLS,
  STRUCTURE,
  UNKNOWN_FIELDS,
  withBucket,
  withLimits,
  withRoute,
  withRoutes,
  withTier,
  WORDS,
} from "../fixtures/edge-faulty-policies.ts";

/** The paths of the faults, or "no fault". */
function faultPaths(document: unknown): readonly string[] {
  const compiled = compilePolicy(document, 1);
  return compiled.ok ? ["no fault"] : compiled.faults.map(({ path }) => path);
}

describe("a policy is rejected with exactly the path of its fault", () => {
  it.each([...STRUCTURE, ...NUMBERS, ...WORDS, ...BETWEEN, ...POOLS])("%s", (_what, document, path) => {
    expect(faultPaths(document)).toEqual([path]);
  });

  it.each(UNKNOWN_FIELDS)("an unknown field in %s", (_what, document, path) => {
    expect(faultPaths(document)).toEqual([path]);
  });

  it.each([
    [
      "a field is missing",
      withRoute({ cache: {} }),
      "/routes/0/cache/ttlSeconds: is missing: expected number",
    ],
    [
      "no option of a union fits",
      {
        ...DOCUMENT,
        upstreams: { api: { targets: [{ url: "https://a.example" }], retry: { on: ["conect"] } } },
      },
      '/upstreams/api/retry/on/0: must be one of: "connect", "timeout", 502, 503, 504',
    ],
  ])("with what it must have instead, if %s", (_what, document, fault) => {
    const compiled = compilePolicy(document, 1);
    expect(compiled.ok ? [] : compiled.faults.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      fault,
    ]);
  });

  it("reserved paths in any form", () => {
    const matches = [
      "/health",
      "/ready",
      "/dashboard",
      "/dashboard/",
      "/dashboard/*",
      "/dashboards",
      "/dashboard.html",
      "/docs",
      "/docs/*",
      "/docs/:page",
      "/docs.json",
      "/api/v1",
      "/api/v1/",
      "/api/v1/*",
      "/api/v1/:x",
      "/api/v1/rate-limit/check",
      "/api/v1/admin/*",
    ];
    for (const match of matches) {
      expect(faultPaths(withRoute({ match })), match).toEqual(["/routes/0/match"]);
    }
  });

  it("patterns that are not paths of literals, :params and a final star", () => {
    const matches = [
      "",
      "a",
      "*",
      "a/*",
      "//",
      "/a//b",
      "/a*",
      "/*/b",
      "/*/*",
      "/a/**",
      "/:",
      "/:1x",
      "/:a:b",
      "/a:b",
      "/:a?",
      "/:a{[0-9]+}",
      "/(a|b)?",
      "/a b",
      "/a?x=1",
      "/a#b",
      "/a%20b",
      "/%61",
      "/é",
      "/a\\b",
      "/a\n",
      `/${"x".repeat(256)}`,
    ];
    for (const match of matches) {
      expect(faultPaths(withRoute({ match })), JSON.stringify(match)).toEqual(["/routes/0/match"]);
    }
  });

  it("upstreams that are neither an http(s) URL without a query nor a binding", () => {
    const upstreams = [
      "",
      "api.example",
      "ftp://api.example",
      "https://",
      "https://u:p@api.example",
      "https://api.example?a=1",
      "https://api.example/#a",
      "javascript:alert(1)",
      "service:",
      "service:origin",
      "service:A B",
      "//api",
    ];
    for (const upstream of upstreams) {
      expect(faultPaths(withRoute({ upstream })), upstream).toEqual(["/routes/0/upstream"]);
    }
  });
});

it("all faults are reported at once, at most fifty", () => {
  const both = doc({
    anonymousTier: "x",
    defaultTier: "y",
    routes: [{ match: "/health" }, { match: "/health" }],
  });
  expect(faultPaths(both).toSorted()).toEqual([
    "/anonymousTier",
    "/defaultTier",
    "/routes/0/match",
    "/routes/1/match",
    "/routes/1/match",
  ]);
  const many = withRoutes(...Array.from({ length: 100 }, () => ({ match: "/a", cost: -1 })));
  expect(faultPaths(many)).toHaveLength(50);
});

describe("a document cannot make its own rejection expensive", () => {
  const eight = Array.from({ length: 8 }, (_, i) => ({ ...BUCKET, name: `same-${i}` }));
  const tiers = (count: number, tier: unknown): unknown =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, tier]));

  it("at most fifty faults are reported, even if each of 4,000 limits has a name that 64 tiers also have", () => {
    const routes = Array.from({ length: 500 }, (_, i) => ({ match: `/r${i}`, limits: eight }));
    const all = doc({ anonymousTier: "t0", defaultTier: "t0", tiers: tiers(64, { limits: eight }), routes });
    expect(faultPaths(all)).toHaveLength(50);
    const one = doc({
      anonymousTier: "t0",
      defaultTier: "t0",
      tiers: tiers(64, { limits: eight }),
      routes: routes.slice(0, 1),
    });
    expect(faultPaths(one)).toEqual(eight.map((_, i) => `/routes/0/limits/${i}/name`));
  });

  it.each([
    ["tiers", doc({ tiers: tiers(65, "no tier") }), "/tiers"],
    ["routes", doc({ routes: Array.from({ length: 501 }, () => "no route") }), "/routes"],
    ["limits", withTier({ limits: Array.from({ length: 9 }, () => "no limit") }), "/tiers/free/limits"],
  ])("%s are counted before any of them is parsed", (_what, document, path) => {
    expect(faultPaths(document)).toEqual([path]);
  });

  it("an account's overrides are counted before any of them is parsed", () => {
    const parsed = parseBy(ACCOUNTS.changeAccount.body, { limits: tiers(65, "no number") });
    expect(parsed).toMatchObject({ ok: false, faults: [{ path: "/limits" }] });
    expect(parseBy(ACCOUNTS.changeAccount.body, { limits: tiers(64, { tokens: 1 }) }).ok).toBe(true);
  });
});

describe("a policy that only looks faulty is accepted", () => {
  it.each<[what: string, document: unknown]>([
    ["no routes", DOCUMENT],
    ["a tier without any limit", withLimits()],
    [
      "a cost of 0.001, and a limit of 0.3",
      withRoute({ cost: 0.001, limits: [{ ...BUCKET, name: "r", tokens: 0.3 }] }),
    ],
    ["a cost equal to a limit's capacity", withRoute({ cost: 100 })],
    ["a burst smaller than the rate", withBucket({ burst: 1 })],
    [
      "one name for limits of two routes",
      withRoutes(
        { match: "/a", limits: [{ ...BUCKET, name: "r" }] },
        { match: "/b", limits: [{ ...BUCKET, name: "r" }] },
      ),
    ],
    [
      "a literal before a parameter before a star",
      withRoutes({ match: "/a/b" }, { match: "/a/:x" }, { match: "/*" }),
    ],
    ["a star after the path itself", withRoutes({ match: "/a" }, { match: "/a/*" })],
    [
      "a star after the path itself and its direct children",
      withRoutes({ match: "/a" }, { match: "/a/:x" }, { match: "/a/*" }),
    ],
    ["all methods after some", withRoutes({ match: "/a", methods: ["GET"] }, { match: "/a" })],
    ["a path that only begins like a reserved one", withRoutes({ match: "/api/*" }, { match: "/healthy" })],
    ["a star for everything that is not reserved", withRoute({ match: "/*" })],
    ["an upstream with a path", withRoute({ upstream: "https://api.example:8443/v2/" })],
    ["an upstream that is a binding", withRoute({ upstream: "service:ORIGIN_2" })],
  ])("%s", (_what, document) => {
    expect(faultPaths(document)).toEqual(["no fault"]);
  });
});
