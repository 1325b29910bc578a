/**
 * Which route counts for a path that upstreams may read in several ways, case by case. path-spellings-model.test.ts shows it for random
 * policies and paths, test/edge/proxy-path.test.ts through the gateway.
 */
import { describe, expect, it } from "vitest";
import { compilePolicy } from "../../src/policy/compile.ts";
import { spellingsOf } from "../../src/policy/path-spellings.ts";
import { isAsStrict } from "../../src/policy/route-strictness.ts";
import type { RouteTable } from "../../src/policy/route-table.ts";
import type { LimitDocument, RouteDocument } from "../../src/policy/schema.ts";
import { policyWith } from "../fixtures/edge-policy.ts";

function compiled(routes: RouteDocument[]): RouteTable | null {
  const result = compilePolicy(policyWith({ routes }), 1);
  return result.ok ? result.value.routes : null;
}

/** The index of the route that counts; 400, 404 or 405 if none does. */
function counted(routes: RouteDocument[], path: string, method = "GET"): number {
  const table = compiled(routes);
  if (!table) throw new Error("the policy compiles");
  const match = table.match(method, path);
  if (match.kind === "route") return table.all.indexOf(match.route);
  return { ambiguous: 400, none: 404, "method-not-allowed": 405 }[match.kind];
}

const REST: RouteDocument = { match: "/*" };

describe("the route that counts for another spelling", () => {
  it.each<[what: string, routes: RouteDocument[], path: string, route: number]>([
    ["the stricter one", [{ match: "/a/b", auth: "required", cost: 5 }, REST], "/A/b", 0],
    ["the earlier of two that are as strict", [{ match: "/a/b" }, REST], "/a/b/", 0],
    ["the exact one, if the other is cheaper", [{ match: "/a/b", cost: 0 }, REST], "/A/b", 1],
    [
      "neither, if none is stricter",
      [
        { match: "/a/b", cost: 5 },
        { match: "/*", auth: "required" },
      ],
      "/A/b",
      400,
    ],
    [
      "neither, if a cheaper one has a limit",
      [{ match: "/a/b", cost: 0.5, limits: [limit(5)] }, REST],
      "/A/b",
      400,
    ],
    [
      "the one with a limit, if the costs are equal",
      [{ match: "/a/b", limits: [limit(5)] }, REST],
      "/A/b",
      0,
    ],
    [
      "the exact one, if only it has a limit",
      [{ match: "/a/b" }, { ...REST, limits: [limit(5)] }],
      "/A/b",
      1,
    ],
    [
      "the one that enforces its limit, if the other is in shadow",
      [
        { match: "/a/b", limits: [{ ...limit(5), shadow: true }] },
        { ...REST, limits: [limit(6)] },
      ],
      "/A/b",
      1,
    ],
    [
      "the one with the tighter limit",
      [
        { match: "/a/b", limits: [limit(5)] },
        { ...REST, limits: [limit(6)] },
      ],
      "/A/b",
      0,
    ],
    [
      "an exact match of literals, whatever stands before",
      [{ match: "/a/b", cost: 5 }, { match: "/A/b" }],
      "/A/b",
      1,
    ],
    ["the same for a slash", [{ match: "/a/b", cost: 5 }, { match: "/a/b/" }, REST], "/a/b/", 1],
    [
      "that of a pattern in upper case, for a path in lower",
      [{ match: "/Api/B", cost: 5 }, REST],
      "/api/b",
      0,
    ],
    ["that of a pattern with a slash, for a path without", [{ match: "/a/b/", cost: 5 }, REST], "/a/b", 0],
    [
      "that of a pattern with parameters, for a path without",
      [{ match: "/a;v=1/b", cost: 5 }, REST],
      "/a/b",
      0,
    ],
    ["that of a tree", [{ match: "/admin/*", auth: "required" }, REST], "/Admin", 0],
    ["that of a tree, for what is below", [{ match: "/admin/*", auth: "required" }, REST], "/admin;x/y", 0],
    [
      "that of a pattern with a parameter",
      [{ match: "/users/:id/keys", cost: 5 }, REST],
      "/users/Me/KEYS",
      0,
    ],
    ["that of a pattern of parameters only", [{ match: "/:id", cost: 5 }, REST], "/x/", 0],
    [
      "the first, as for the usual spelling",
      [{ match: "/u/me" }, { match: "/u/:id", cost: 5 }, REST],
      "/U/me",
      0,
    ],
    ["none, if the path has no route as it is written", [{ match: "/a/b" }], "/A/b", 404],
    [
      "that of an upstream that ignores less: it reads a name with parameters",
      [{ match: "/u/me" }, { match: "/u/:id", cost: 5 }, REST],
      "/U/me;x",
      1,
    ],
    [
      "a later one, for a segment of parameters only",
      [{ match: "/files/:name" }, { match: "/files", auth: "required" }],
      "/files/;x",
      1,
    ],
    [
      "the exact one, for a route that opts out",
      [{ match: "/a/b", cost: 5, exactPath: true }, REST],
      "/A/b/",
      1,
    ],
    [
      "the exact one, if it opts out and a later one is stricter",
      [
        { match: "/a/:x", exactPath: true },
        { match: "/*", auth: "required" },
      ],
      "/a/B",
      0,
    ],
    [
      "another, if only the first opts out",
      [{ match: "/a/b", exactPath: true }, { match: "/a/:x", cost: 5 }, REST],
      "/A/b",
      1,
    ],
  ])("is %s", (_what, routes, path, route) => {
    expect(counted(routes, path)).toBe(route);
    const table = compiled(routes);
    // From memory, too.
    expect(table?.match("GET", path)).toBe(table?.match("GET", path));
  });

  it.each<[method: string, path: string, route: number]>([
    ["GET", "/A/", 0],
    ["HEAD", "/A/", 0],
    ["POST", "/A/", 1],
    ["PUT", "/A/", 2],
    ["DELETE", "/A/", 405],
    ["HEAD", "/B", 3],
    ["PROPFIND", "/A/", 405],
  ])("is found by method: %s %s", (method, path, route) => {
    const routes: RouteDocument[] = [
      { match: "/a", methods: ["GET"], cost: 5 },
      { match: "/a", methods: ["POST"], cost: 6 },
      { match: "/*", methods: ["GET", "POST", "PUT"] },
      { match: "/b", methods: ["HEAD"], cost: 7 },
    ];
    expect(counted(routes, path, method)).toBe(route);
  });
});

function limit(tokens: number): LimitDocument {
  return { name: "own", kind: "bucket", tokens, per: "minute" };
}

describe("a limit is as strict as another", () => {
  const own = { name: "own" } as const;
  it.each<[what: string, limit: LimitDocument, other: LimitDocument, expected: boolean]>([
    ["of the same numbers", limit(5), limit(5), true],
    [
      "of a smaller burst",
      { ...limit(5), burst: 9 } as LimitDocument,
      { ...limit(5), burst: 8 } as LimitDocument,
      false,
    ],
    ["of another period", limit(5), { ...own, kind: "bucket", tokens: 5, per: "hour" }, false],
    ["of another kind", limit(5), { ...own, kind: "quota", amount: 5, per: "hour" }, false],
    [
      "of a larger quota",
      { ...own, kind: "quota", amount: 5, per: "day" },
      { ...own, kind: "quota", amount: 6, per: "day" },
      true,
    ],
    [
      "of another first day",
      { ...own, kind: "quota", amount: 5, per: "month", anchorDay: 2 },
      { ...own, kind: "quota", amount: 5, per: "month" },
      false,
    ],
    [
      "of more requests at once",
      { ...own, kind: "concurrency", max: 2, ttlMs: 9 },
      { ...own, kind: "concurrency", max: 3, ttlMs: 9 },
      true,
    ],
    ["of another scope", { ...limit(5), scope: "key" }, limit(5), false],
  ])("%s: %#", (_what, one, other, expected) => {
    const table = compiled([
      { match: "/a", limits: [one] },
      { match: "/b", limits: [other] },
    ]);
    const [first, second] = table?.all ?? [];
    expect(first && second && isAsStrict(first, second)).toBe(expected);
  });
});

describe("the spellings of a path", () => {
  it.each(["/", "/a", "/a/b-c/1", "/%c3%a9", "/.well-known/x", "/a.b/c", "/a/*"])("are one: %s", (path) => {
    expect([...spellingsOf(path)]).toEqual([path]);
  });

  it("are at most 16, however long the path, and take bounded work", () => {
    const routes = Array.from({ length: 499 }, (_, i) => ({
      match: `${"/:p".repeat(80)}/X${i}`,
      exactPath: i % 2 === 0,
    }));
    const table = compiled([...routes, REST]);
    if (!table) throw new Error("the policy compiles");
    for (const path of [`${"/A;a%20.".repeat(80)}/x1/`, `${"/A.;a".repeat(3_000)}/`]) {
      const before = table.comparisons;
      table.match("GET", path);
      expect(spellingsOf(path).size).toBeLessThanOrEqual(16);
      expect(table.comparisons - before).toBeLessThanOrEqual(17 * 128);
    }
  });
});
