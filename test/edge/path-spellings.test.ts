/**
 * Which route counts for a path that upstreams may read in several ways: never one that demands less than the route of the path as
 * the upstream reads it. test/edge/proxy-path.test.ts shows it through the gateway.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePolicy } from "../../src/policy/compile.ts";
import type { Route } from "../../src/policy/compiled.ts";
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

/** What an upstream ignores. */
interface Upstream {
  readonly letterCase: boolean;
  readonly slash: boolean;
  readonly parameters: boolean;
  readonly ends: boolean;
}

const UPSTREAMS = Array.from({ length: 16 }, (_, bits): Upstream => ({
  letterCase: (bits & 1) !== 0,
  slash: (bits & 2) !== 0,
  parameters: (bits & 4) !== 0,
  ends: (bits & 8) !== 0,
}));

/** A path or pattern as an upstream reads it, one character after the other. */
function readBy(upstream: Upstream, path: string): string {
  const [, ...segments] = path.split("/");
  const read = segments.map((segment) => {
    let text = segment;
    if (upstream.parameters) text = text.split(/;|%3B|%253B/i)[0] ?? "";
    while (upstream.ends && /(\.|%20|%2520)$/.test(text)) text = text.replace(/(\.|%20|%2520)$/, "");
    return upstream.letterCase ? text.toLowerCase() : text;
  });
  const kept = read.filter((text) => text !== "");
  const end = read.at(-1) === "" && kept.length > 0 && !upstream.slash ? "/" : "";
  return `/${kept.join("/")}${end}`;
}

function accepts(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const given = path.split("/");
  const star = wanted.at(-1) === "*" ? wanted.length - 1 : null;
  if (star === null ? given.length !== wanted.length : given.length < star) return false;
  return wanted
    .slice(0, star ?? undefined)
    .every((text, i) => (text.startsWith(":") ? given[i] !== "" : given[i] === text));
}

/** The route that the policy has for a path as an upstream reads it. */
function routeBy(
  upstream: Upstream,
  routes: readonly Route[],
  method: string,
  path: string,
): Route | undefined {
  const first = (name: string): Route | undefined =>
    routes.find(
      ({ match, methods, exactPath }) =>
        (methods?.includes(name) ?? true) &&
        (exactPath ? accepts(match, path) : accepts(readBy(upstream, match), readBy(upstream, path))),
    );
  return first(method) ?? (method === "HEAD" ? first("GET") : undefined);
}

const SEGMENTS = ["a", "b", "me"];
const FOLDED_PATTERNS = [...SEGMENTS, ":x"];
const ODD_PATTERNS = [...FOLDED_PATTERNS, "A", "mE", "b;v", "a."];
const GIVEN = [
  ...SEGMENTS,
  "A",
  "B",
  "Me",
  "a;x",
  "b;B",
  "%3Bz",
  ";",
  "me.",
  "A%20",
  "...",
  "b.%2520;c",
  "c",
  "%C3%A9",
];

/** Random policies with patterns of these segments. */
function policies(segments: readonly string[], ends: readonly string[]): fc.Arbitrary<RouteDocument[]> {
  const match = fc
    .tuple(fc.array(fc.constantFrom(...segments), { maxLength: 3 }), fc.constantFrom(...ends))
    .map(([texts, end]) => texts.map((text) => `/${text}`).join("") + end || "/");
  const route = fc.record(
    {
      match,
      methods: fc.constantFrom<NonNullable<RouteDocument["methods"]>>(
        ["GET"],
        ["POST"],
        ["HEAD"],
        ["GET", "POST"],
      ),
      auth: fc.constantFrom("required" as const, "optional" as const),
      cost: fc.constantFrom(0, 1, 2).map(Number),
      limits: fc.constantFrom(5, 6).map((tokens) => [limit(tokens)]),
      exactPath: fc.constantFrom(false, false, true),
    },
    { requiredKeys: ["match"] },
  );
  const routes = fc.array<RouteDocument>(route, { minLength: 1, maxLength: 5 });
  return fc.tuple(routes, fc.boolean()).map(([all, hasRest]) => (hasRest ? all.concat(REST) : all));
}

const paths = fc
  .tuple(fc.array(fc.constantFrom(...GIVEN), { maxLength: 4 }), fc.constantFrom("", "/"))
  .map(([texts, end]) => texts.map((text) => `/${text}`).join("") + end || "/");

/** No request counts for a route that demands less than the one it has for one of these upstreams. */
function neverWeaker(
  routes: RouteDocument[],
  upstreams: readonly Upstream[],
  method: string,
  path: string,
): void {
  const table = compiled(routes);
  fc.pre(table !== null);
  const exact = routeBy(NOTHING, table.all, method, path);
  const match = table.match(method, path);
  if (!exact) return expect(match.kind).not.toBe("route");
  const readings = [
    exact,
    ...upstreams.map((upstream) => routeBy(upstream, table.all, method, path) ?? exact),
  ];
  if (!/[:*]/.test(exact.match)) return expect(match).toEqual({ kind: "route", route: exact });
  if (match.kind !== "route") {
    expect(match.kind).toBe("ambiguous");
    return;
  }
  for (const reading of readings) {
    const names = `${match.route.id} for ${method} ${path}, which is ${reading.id}`;
    expect(isAsStrict(match.route, reading), names).toBe(true);
  }
}

const NOTHING: Upstream = { letterCase: false, slash: false, parameters: false, ends: false };
const EVERYTHING: Upstream = { letterCase: true, slash: true, parameters: true, ends: true };
const methods = fc.constantFrom("GET", "HEAD", "POST", "PROPFIND");

describe("a request never counts for a weaker route than the upstream's reading of its path has", () => {
  it("for an upstream that folds paths, whatever the policy", () => {
    const odd = policies(ODD_PATTERNS, ["", "", "/", "/*"]);
    fc.assert(
      fc.property(odd, methods, paths, (routes, method, path) => {
        neverWeaker(routes, [EVERYTHING], method, path);
      }),
      { numRuns: 3_000 },
    );
  });

  it("for upstreams that ignore some of it, if the policy's patterns are folded", () => {
    fc.assert(
      fc.property(policies(FOLDED_PATTERNS, ["", "", "/*"]), methods, paths, (routes, method, path) => {
        neverWeaker(routes, UPSTREAMS, method, path);
      }),
      { numRuns: 3_000 },
    );
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
