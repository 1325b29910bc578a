/** Which route a request takes. Never through the gateway: test/edge/proxy-path.test.ts tests spellings of paths there. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePolicy } from "../../src/policy/compile.ts";
import type { Route } from "../../src/policy/compiled.ts";
import { RouteTable } from "../../src/policy/route-table.ts";
import type { RouteDocument } from "../../src/policy/schema.ts";
import { policyWith } from "../fixtures/edge-policy.ts";

const ROUTES: RouteDocument[] = [
  { match: "/" },
  { match: "/users/me" },
  { match: "/users/:id", methods: ["GET", "DELETE"] },
  { match: "/users/:id", methods: ["PATCH"], cost: 2 },
  { match: "/users/:id/keys/:key" },
  { match: "/files/*", methods: ["GET", "POST"] },
  { match: "/files/:name", methods: ["PUT"] },
  { match: "/head", methods: ["HEAD"], cost: 0 },
  { match: "/head", methods: ["GET"] },
  { match: "/a.b~c/$x" },
];

/** The id of the route that a request takes, or 405 with the allowed methods, or 404. */
function taken(method: string, path: string): string {
  const compiled = compilePolicy(policyWith({ routes: ROUTES }), 1);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  const match = compiled.value.routes.match(method, path);
  if (match.kind === "route") return match.route.id;
  return match.kind === "method-not-allowed" ? `405 ${match.allow.join(" ")}` : "404";
}

describe("a request takes the first route that matches it", () => {
  it.each([
    ["GET", "/", "/"],
    ["POST", "/users/me", "/users/me"],
    ["GET", "/users/you", "GET,DELETE /users/:id"],
    ["DELETE", "/users/me", "/users/me"],
    ["PATCH", "/users/you", "PATCH /users/:id"],
    ["GET", "/users/%41%2e", "GET,DELETE /users/:id"],
    ["PROPFIND", "/users/1/keys/2", "/users/:id/keys/:key"],
    ["GET", "/a.b~c/$x", "/a.b~c/$x"],
  ])("%s %s: %s", (method, path, route) => {
    expect(taken(method, path)).toBe(route);
  });

  it.each([
    ["GET", "/files", "GET,POST /files/*"],
    ["GET", "/files/", "GET,POST /files/*"],
    ["POST", "/files/a/b/c.txt", "GET,POST /files/*"],
    ["PUT", "/files/a", "PUT /files/:name"],
    ["GET", "/filesystem", "404"],
  ])("a final star matches the path itself and everything below it: %s %s: %s", (method, path, route) => {
    expect(taken(method, path)).toBe(route);
  });

  it.each([
    ["GET", "/users", "404"],
    ["GET", "/users/1/keys", "404"],
    ["GET", "/users/me/too", "404"],
    ["GET", "/Users/me", "404"],
    ["GET", "/a.b~c/x", "404"],
    ["GET", "/aXb~c/$x", "404"],
    ["GET", "/constructor", "404"],
    ["GET", "/__proto__", "404"],
  ])("a parameter matches one segment, a literal only itself: %s %s: %s", (method, path, route) => {
    expect(taken(method, path)).toBe(route);
  });

  it.each([
    ["HEAD", "/users/you", "GET,DELETE /users/:id"],
    ["HEAD", "/head", "HEAD /head"],
    ["HEAD", "/files/a", "GET,POST /files/*"],
  ])("HEAD takes a route for GET, unless HEAD has its own: %s %s: %s", (method, path, route) => {
    expect(taken(method, path)).toBe(route);
  });

  it("HEAD does not pass by the route of GET to a later one for all methods", () => {
    const rest = { match: "/*" };
    const secret: RouteDocument = { match: "/secret", methods: ["GET"], auth: "required" };
    const compiled = compilePolicy(policyWith({ routes: [secret, rest] }), 1);
    if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
    const { routes } = compiled.value;
    for (const path of ["/secret", "/Secret", "/secret/"])
      expect(routes.match("HEAD", path)).toMatchObject({ kind: "route", route: { id: "GET /secret" } });
  });

  it.each([
    ["PUT", "/users/you", "405 DELETE GET HEAD PATCH"],
    ["DELETE", "/files/a", "405 GET HEAD POST PUT"],
    ["DELETE", "/files/a/b", "405 GET HEAD POST"],
    ["OPTIONS", "/head", "405 GET HEAD"],
  ])(
    "if only the method is wrong, the response lists the allowed methods: %s %s: %s",
    (method, path, route) => {
      expect(taken(method, path)).toBe(route);
    },
  );
});

describe("a caller of the decision API names a route", () => {
  const compiled = compilePolicy(policyWith({ routes: ROUTES }), 1);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  const { routes } = compiled.value;

  it.each([
    ["/users/me", "/users/me"],
    ["PATCH /users/:id", "PATCH /users/:id"],
    ["/files/:name", "PUT /files/:name"],
    ["/files/*", "GET,POST /files/*"],
    ["/users/:id", undefined],
    ["/users/1", undefined],
    ["", undefined],
  ])("by its id, or by its match if only one route has it: %s", (name, id) => {
    expect(routes.byName(name)?.id).toBe(id);
  });
});

/** A table of routes, which need not be a valid policy. */
function tableOf(routes: readonly RouteDocument[]): RouteTable {
  return new RouteTable(
    routes.map(({ match, methods = null, exactPath = false }, i): Route => ({
      id: `${i}`,
      match,
      methods,
      costMilli: 1_000,
      units: null,
      limits: [],
      isExempt: false,
      requiresCredential: false,
      exactPath,
      upstream: null,
      pool: null,
      timeoutMs: 1_000,
      forwardKey: false,
      forwardOverrides: false,
      ignoresCredential: false,
      rules: null,
      notices: null,
      transform: null,
      usage: null,
      cache: null,
    })),
  );
}

describe("a table of routes", () => {
  const METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"] as const;
  const segment = fc.constantFrom("a", "b", ":p", ":q", ":a");
  const pattern = fc
    .tuple(fc.array(segment, { maxLength: 4 }), fc.constantFrom("", "", "/", "/*"))
    .map(([segments, end]) => segments.map((text) => `/${text}`).join("") + end || "/");
  const routes = fc.array(
    fc.record(
      { match: pattern, methods: fc.uniqueArray(fc.constantFrom(...METHODS), { minLength: 1 }) },
      { requiredKeys: ["match"] },
    ),
    // 70 routes need more than one word of bits.
    { minLength: 1, maxLength: 70 },
  );
  /** Every path of up to five segments from a small alphabet, with and without a trailing slash. */
  const paths = ["/"].concat(
    [1, 2, 3, 4, 5].flatMap((length) =>
      Array.from({ length: 3 ** length }, (_, n) => {
        const digits = n.toString(3).padStart(length, "0");
        return [...digits].map((digit) => `/${"abc"[Number(digit)] ?? ""}`).join("");
      }).flatMap((path) => [path, `${path}/`]),
    ),
  );

  function accepts(match: string, path: string): boolean {
    const wanted = match.split("/");
    const given = path.split("/");
    const star = wanted.at(-1) === "*" ? wanted.length - 1 : null;
    if (star === null ? given.length !== wanted.length : given.length < star) return false;
    return wanted
      .slice(0, star ?? undefined)
      .every((text, i) => (text.startsWith(":") ? given[i] !== "" : given[i] === text));
  }

  /** The index of the first route, or the methods that the path allows. */
  function expected(all: readonly RouteDocument[], method: string, path: string): string {
    const first = (name: string): number =>
      all.findIndex(
        ({ match, methods }) => (methods?.some((own) => own === name) ?? true) && accepts(match, path),
      );
    const taking = (name: string): number => {
      const own = first(name);
      const isNamed = all[own]?.methods !== undefined;
      return name === "HEAD" && !isNamed ? first("GET") : own;
    };
    if (taking(method) !== -1) return `${taking(method)}`;
    return METHODS.filter((other) => taking(other) !== -1).join(" ");
  }

  it("matches like a linear scan, for every method and path, at the first and at repeated lookups", () => {
    fc.assert(
      fc.property(routes, fc.constantFrom(...METHODS, "PROPFIND"), (all, method) => {
        // Other spellings of paths are shown by path-spellings.test.ts.
        const table = tableOf(all.map((route) => ({ ...route, exactPath: true })));
        for (const path of [...paths, ...paths.slice(0, 50)]) {
          const match = table.match(method, path);
          const allow = match.kind === "method-not-allowed" ? match.allow.join(" ") : "";
          const actual = match.kind === "route" ? match.route.id : allow;
          expect(actual, `${method} ${path}`).toBe(expected(all, method, path));
        }
      }),
      { numRuns: 15 },
    );
  });

  it("reports no route as shadowed that a request reaches", () => {
    fc.assert(
      fc.property(routes, (all) => {
        const reached = new Set(
          [...METHODS, "PROPFIND"].flatMap((method) => paths.map((path) => expected(all, method, path))),
        );
        const shadowed = tableOf(all).faults.map(({ path }) => path.split("/")[2] ?? "");
        expect(shadowed.filter((index) => reached.has(index))).toEqual([]);
      }),
      { numRuns: 5 },
    );
  });

  it.each<[what: string, routes: string[]]>([
    ["shorter paths have their own routes", ["/a", "/a/:x", "/a/:x/:y", "/a/*"]],
    ["the path itself and longer paths have their own routes", ["/a", "/a/:x/*", "/a/*"]],
    ["a parameter is never empty", ["/a/:x", "/a/"]],
  ])("reports no route as shadowed if %s", (_what, matches) => {
    expect(tableOf(matches.map((match) => ({ match }))).faults).toEqual([]);
  });

  it.each<[what: string, routes: RouteDocument[]]>([
    ["the same pattern with other parameter names", [{ match: "/a/:x" }, { match: "/a/:y" }]],
    ["a star above", [{ match: "/a/*" }, { match: "/a/:x/b" }]],
    ["a star at the same place", [{ match: "/:x/*" }, { match: "/b/*" }]],
    ["a parameter in place of its literal", [{ match: "/:x/b" }, { match: "/a/b" }]],
    [
      "two routes that together cover its methods",
      [
        { match: "/a", methods: ["GET"] },
        { match: "/*", methods: ["PUT"] },
        { match: "/a", methods: ["PUT", "GET"] },
      ],
    ],
  ])("reports a route as shadowed by %s", (_what, all) => {
    expect(tableOf(all).faults.map(({ path }) => path)).toEqual([`/routes/${all.length - 1}/match`]);
  });
});

/** The most routes that a policy may have, and the greatest length of a pattern. */
const ROUTE_COUNT = 500;
const LONGEST = 256;

/** A pattern of the greatest length, from its segments. */
function longest(segmentAt: (place: number) => string, end: string): string {
  let match = "";
  for (let place = 0; match.length + segmentAt(place).length + 1 + end.length <= LONGEST; place++) {
    match += `/${segmentAt(place)}`;
  }
  return match + end;
}

/** Policies that are expensive on purpose, by the form of their patterns. */
const HOSTILE: [what: string, pattern: (i: number) => string][] = [
  ["parameters with unique names", (i) => longest((place) => `:a${i}${place}`, `/x${i}`)],
  [
    "a literal or a parameter at each place, both of which a path matches",
    (i) => longest((place) => ((i >> (place % 9)) & 1 ? "a" : ":p"), `/x${i}`),
  ],
  ["the same with a star", (i) => longest((place) => ((i >> (place % 9)) & 1 ? "a" : ":p"), "/*")],
  ["a long common prefix", (i) => longest(() => "a", `/x${i}`)],
  ["a star at each depth", (i) => `${"/a".repeat(i % 127)}${i < 127 ? "/*" : `/x${i}`}`],
  ["unique segments", (i) => longest((place) => `${i.toString(36)}${place}`, "")],
];

describe("the work of routing is bounded", () => {
  it.each(HOSTILE)(
    "by the length of the longest pattern, for each path and for each compiled route: %s",
    (_what, pattern) => {
      const routes = Array.from({ length: ROUTE_COUNT }, (_, i) => ({ match: pattern(i) }));
      const table = tableOf(routes);
      const places = Math.max(...routes.map(({ match }) => match.split("/").length));
      expect(table.comparisons).toBeLessThanOrEqual(2 * ROUTE_COUNT * places);
      const made = routes.filter((_, i) => i % 50 === 0).map(({ match }) => match.replaceAll(":", ""));
      const paths = ["/a".repeat(127), "/a".repeat(8_000), `/${"a".repeat(16_000)}`, ...made];
      const work = paths.flatMap((path) =>
        ["GET", "HEAD", "PROPFIND"].map((method) => {
          const before = table.comparisons;
          table.match(method, path);
          return table.comparisons - before;
        }),
      );
      expect(Math.max(...work)).toBeLessThanOrEqual(places);
    },
  );
});

describe("the cache of paths", () => {
  const routes = [
    { match: "/identify" },
    { match: "/users/:id" },
    { match: "/put", methods: ["PUT" as const] },
  ];

  /** The number of segments compared to match the path. */
  function workOf(table: RouteTable, method: string, path: string): number {
    const before = table.comparisons;
    table.match(method, path);
    return table.comparisons - before;
  }

  it.each([
    ["that take a route", "GET", "/identify"],
    ["that take a route by a parameter", "GET", "/users/1"],
    ["that take none (404)", "GET", "/favicon.ico"],
    ["of another method (405)", "GET", "/put"],
  ])("avoids matching paths again %s", (_what, method, path) => {
    const table = tableOf(routes);
    expect(workOf(table, method, path)).toBeGreaterThan(0);
    expect(workOf(table, method, path)).toBe(0);
  });

  it.each<[what: string, path: (n: number) => string]>([
    ["that take no route", (n) => `/wp-admin/${n}`],
    ["that take a route", (n) => `/users/${n}`],
  ])("is bounded, and keeps the paths in use while a client makes up others %s", (_what, path) => {
    const table = tableOf(routes);
    table.match("GET", "/identify");
    for (let n = 0; n < 20_000; n++) {
      table.match("GET", path(n));
      if (n % 500 === 0) expect(workOf(table, "GET", "/identify")).toBe(0);
    }
    expect(table.remembered).toBeLessThanOrEqual(3_000);
  });

  it("holds no paths of more than 256 characters", () => {
    const table = tableOf(routes);
    table.match("GET", `/users/${"u".repeat(250)}`);
    table.match("GET", `/nobody/${"u".repeat(250)}`);
    expect(table.remembered).toBe(0);
  });
});
