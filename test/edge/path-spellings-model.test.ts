/**
 * Which route counts for a path that upstreams may read in several ways, against a slow model of these upstreams: never one that demands
 * less than the route of the path as the upstream reads it.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePolicy } from "../../src/policy/compile.ts";
import type { Route } from "../../src/policy/compiled.ts";
import { isAsStrict } from "../../src/policy/route-strictness.ts";
import type { RouteTable } from "../../src/policy/route-table.ts";
import type { LimitDocument, RouteDocument } from "../../src/policy/schema.ts";
import { policyWith } from "../fixtures/edge-policy.ts";

function compiled(routes: RouteDocument[]): RouteTable | null {
  const result = compilePolicy(policyWith({ routes }), 1);
  return result.ok ? result.value.routes : null;
}

const REST: RouteDocument = { match: "/*" };

function limit(tokens: number): LimitDocument {
  return { name: "own", kind: "bucket", tokens, per: "minute" };
}

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
  const own = first(method);
  return method === "HEAD" && !own?.methods ? first("GET") : own;
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
