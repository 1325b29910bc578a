/**
 * One spelling for each path: whatever a client writes, the charged path is the one that the upstream sees. Paths that upstreams
 * could read in different ways are rejected.
 */
import * as fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { newAddress } from "../fixtures/edge-account.ts";
import { policyOfTier } from "../fixtures/edge-policy.ts";
import { problemOf } from "../fixtures/edge-problem.ts";

const ROUTES = [
  { match: "/compare", cost: 2 },
  { match: "/users/@me", cost: 3 },
  { match: "/a.b~c/(x)!$&'+,;=", cost: 5 },
  { match: "/*", cost: 1 },
];
const TIER = {
  mode: "strict" as const,
  limits: [{ name: "day", kind: "quota" as const, amount: 1_000_000, per: "day" as const }],
};
const UNLIMITED = policyOfTier(TIER, ROUTES);

/** A request's cost and the target that the upstream sees, or the status of its rejection. */
async function reached(edge: Edge, url: string): Promise<[cost: number, target: string] | number> {
  const before = edge.forwarded.length;
  const left = async (path: string): Promise<number> => {
    const response = await edge.request(path);
    return response.status === 200 ? Number(response.headers.get("X-RateLimit-Remaining")) : -response.status;
  };
  const base = await left("/probe");
  const after = await left(url);
  if (after < 0) {
    expect(edge.forwarded).toHaveLength(before + 1);
    return -after;
  }
  const { pathname, search } = new URL(edge.forwarded.at(-1)?.url ?? "");
  return [base - after, pathname + search];
}

afterEach(() => vi.unstubAllGlobals());

describe("a path", () => {
  it.each([
    ["/compare", 2, "/compare"],
    ["/%63ompare", 2, "/compare"],
    ["/%43ompare", 2, "/Compare"],
    ["/COMPARE", 2, "/COMPARE"],
    ["/./compare", 2, "/compare"],
    ["/x/../compare", 2, "/compare"],
    ["/%2e/compare", 2, "/compare"],
    ["/x/%2E%2e/compare", 2, "/compare"],
    ["/x/.%2e/%63%6f%6D%70are", 2, "/compare"],
    ["/..\\compare", 2, "/compare"],
    ["/compare?a=1&b=//..%2f%00&%63", 2, "/compare?a=1&b=//..%2f%00&%63"],
    ["/compare?", 2, "/compare"],
    ["/compare#part", 2, "/compare"],
    ["/caf%c3%a9", 1, "/caf%C3%A9"],
    ["/a%20b", 1, "/a%20b"],
    ["/a%2Bb%3Bc", 1, "/a%2Bb%3Bc"],
    ["/...", 1, "/..."],
    ["/...;a", 1, "/...;a"],
    ["/a%253bb", 1, "/a%253bb"],
    ["/5%2510", 1, "/5%2510"],
    ["/x..;a/b", 1, "/x..;a/b"],
    ["/compare;a=1", 2, "/compare;a=1"],
    ["/compare%3Ba=1", 2, "/compare%3Ba=1"],
    ["/", 1, "/"],
  ])("is charged as the upstream sees it: %s", async (path, cost, target) => {
    expect(await reached(await startEdge({ policy: UNLIMITED }), path)).toEqual([cost, target]);
  });

  it.each([
    "//compare",
    "/x//compare",
    "/compare//",
    "/a%2fb",
    "/a%2Fb",
    "/a%5cb",
    "/a%5Cb",
    "/a%00",
    "/a%252fb",
    "/a%252e%252e/b",
    "/%25%32%66",
    "/x/..;/compare",
    "/x/..;a=1/compare",
    "/x/.;/compare",
    "/x/%2e.;/compare",
    "/x/..%3b/compare",
    "/x/..%253b/compare",
    "/compare/..;",
    "/x/..%20/compare",
    "/x/.%2e%20%20/compare",
    "/x/..%2520;a/compare",
    "/x/.%20",
    "/compare%09",
    "/compare%0d%0a",
    "/compare%1F",
    "/compare%7f",
    "/compare%2500",
    "/%",
    "/a%2",
    "/a%zz",
    "/x/%2e%2e%2fcompare",
    "https://edge.test//evil.test/compare",
  ])("that upstreams could read in different ways is rejected, and charges nothing: %s", async (path) => {
    const edge = await startEdge({ policy: UNLIMITED });
    const response = await edge.request(path);
    expect(await problemOf(response)).toMatchObject({ status: 400, code: "invalid_request" });
    expect(response.headers.has("RateLimit")).toBe(false);
    expect(edge.forwarded).toEqual([]);
  });

  it.each([
    ["/x/../compare", 2, "/compare"],
    ["/./compare", 2, "/compare"],
    ["/x/%2e%2E/compare", 2, "/compare"],
    ["/x/.%2e/%63ompare", 2, "/compare"],
    ["/x/..\\compare", 2, "/compare"],
    ["/../compare", 2, "/compare"],
    ["/caf\u00e9", 1, "/caf%C3%A9"],
  ])("that arrives unnormalized is normalized before it is matched: %s", async (path, cost, target) => {
    vi.stubGlobal("fetch", async (url: string) => new Response(new URL(url).pathname));
    const edge = await startEdge({ policy: UNLIMITED, variables: { UPSTREAM: "https://api.example/base" } });
    const headers = newAddress();
    const left = async (url: string) => {
      const response = await edge.raw(url, { headers });
      return [Number(response.headers.get("X-RateLimit-Remaining")), await response.text()] as const;
    };
    const [before] = await left("https://edge.test/probe");
    const [after, seen] = await left(`https://edge.test${path}`);
    expect([before - after, seen]).toEqual([cost, `/base${target}`]);
  });

  it.each(["https://edge.test/x/..//compare", "https://edge.test/x/..;/compare", "https://edge.test*"])(
    "that arrives unnormalized is rejected if it is invalid or ambiguous: %s",
    async (url) => {
      const edge = await startEdge({ policy: UNLIMITED });
      expect((await problemOf(await edge.raw(url))).status).toBe(400);
      expect(edge.forwarded).toEqual([]);
    },
  );

  it.each([
    ["https://edge.test\\compare?/probe", "edge.test"],
    ["https://edge.test?/probe", "edge.test"],
    ["https://edge.test#/probe", "edge.test"],
    ["https://root@edge.test/probe", "edge.test"],
    ["https://edge.test:8443/probe", "edge.test:8443"],
    ["https://[2001:db8::1]:8443/probe", "[2001:db8::1]:8443"],
  ])("is what the upstream sees, whatever the Host header contains: %s", async (url, host) => {
    const edge = await startEdge({ policy: UNLIMITED });
    const response = await edge.raw(url, { headers: newAddress() });
    const remaining = Number(response.headers.get("X-RateLimit-Remaining"));
    const [seen] = edge.forwarded;
    expect([response.status, remaining, new URL(seen?.url ?? "").pathname]).toEqual([200, 999_999, "/probe"]);
    expect(seen?.headers.get("X-Forwarded-Host")).toBe(host);
  });

  it("that arrives unnormalized reaches no reserved path", async () => {
    const edge = await startEdge({ policy: UNLIMITED });
    for (const path of ["/x/../health", "/./dashboard", "/x/../api/v1/admin/policy"]) {
      expect((await edge.raw(`https://edge.test${path}`)).status, path).toBe(404);
    }
    expect(edge.forwarded).toEqual([]);
  });

  it("has no spelling that is charged as another route", async () => {
    const edge = await startEdge({ policy: UNLIMITED });
    const literal = fc.constantFrom(...ROUTES.filter(({ match }) => match !== "/*"));
    const spelling = literal.chain(({ match, cost }) =>
      fc
        .array(fc.constantFrom("plain", "lower", "upper", "dot", "parent"), {
          minLength: match.length,
          maxLength: match.length,
        })
        .map((ways) => ({ match, cost, url: spelled(match, ways) })),
    );
    await fc.assert(
      fc.asyncProperty(spelling, async ({ match, cost, url }) => {
        const result = await reached(edge, url);
        if (typeof result === "number") return expect(result).toBe(400);
        expect([result[0], decodeURIComponent(result[1])]).toEqual([cost, match]);
      }),
      { numRuns: 60 },
    );
  });

  it("that is reserved is never routed by the policy, however it is spelled", async () => {
    const edge = await startEdge({ policy: UNLIMITED });
    for (const path of [
      "/dashboard",
      "/%64ashboard",
      "/docs/",
      "/x/../docs",
      "/api/v1/x",
      "/%61pi/v1/x",
      "/%68ealth",
    ]) {
      const response = await edge.request(path);
      expect(response.headers.has("RateLimit"), path).toBe(false);
    }
    expect(edge.forwarded).toEqual([]);
  });
});

/** Spellings of `/admin/report` that some upstream serves as that path. */
const SPELLINGS_OF_REPORT = [
  "/Admin/Report",
  "/ADMIN/REPORT",
  "/admin/%52eport",
  "/admin/report/",
  "/Admin/report/",
  "/admin/report;a=1",
  "/admin/report;",
  "/admin/report;a=1;b/",
  "/admin/report%3Ba=1",
  "/admin/report%3b",
  "/admin/report%253Ba=1",
  "/admin/report%253b",
  "/admin/report%25%33%42a",
  "/admin/report%25253ba",
  "/admin;x/report",
  "/admin;x=1/Report;y/",
  "/;x/admin/report",
  "/admin/;x/report",
  "/admin/report/;x",
  "/admin/report/;jsessionid=1/",
  "/admin/report%20",
  "/admin/report%20%20",
  "/admin/report%2520",
  "/admin%20/report",
  "/admin/%20/report",
  "/admin/report.",
  "/admin/report%2e",
  "/admin/report...",
  "/admin/report.%20.",
  "/admin./report",
  "/admin/.../report",
  "/ADMIN.;x/;y/Report%20.;z/",
];

describe("another spelling of a path", () => {
  const policy = policyOfTier(TIER, [
    { match: "/admin/report", auth: "required", cost: 50 },
    { match: "/*" },
  ]);

  it.each(SPELLINGS_OF_REPORT)("needs the credential of its route: %s", async (path) => {
    const edge = await startEdge({ policy });
    for (const method of ["GET", "HEAD", "POST"]) {
      expect((await edge.request(path, { method })).status, method).toBe(401);
    }
    expect(edge.forwarded).toEqual([]);
  });

  it.each(SPELLINGS_OF_REPORT)(
    "costs what its route costs, and is forwarded as written: %s",
    async (path) => {
      const costly = policyOfTier(TIER, [{ match: "/admin/report", cost: 50 }, { match: "/*" }]);
      const edge = await startEdge({ policy: costly });
      expect(await reached(edge, path)).toEqual([50, expect.not.stringMatching(/^\/admin\/report$/)]);
    },
  );

  it("is rejected if neither of two routes is stricter, and charges nothing", async () => {
    const routes = [
      { match: "/users/me", cost: 5 },
      { match: "/users/:id", auth: "required" as const },
    ];
    const edge = await startEdge({ policy: policyOfTier({ limits: [] }, routes) });
    for (const path of ["/users/Me", "/users/me;x", "/users/me."]) {
      const response = await edge.request(path);
      expect(await problemOf(response), path).toMatchObject({ status: 400, code: "invalid_request" });
    }
    expect((await edge.request("/users/me")).status).toBe(200);
    expect((await edge.request("/users/you")).status).toBe(401);
    expect(edge.forwarded).toHaveLength(1);
  });

  it("is a path of its own if the route is exact", async () => {
    const routes = [{ match: "/admin/report", cost: 50, exactPath: true }, { match: "/*" }];
    const edge = await startEdge({ policy: policyOfTier(TIER, routes) });
    expect(await reached(edge, "/Admin/report")).toEqual([1, "/Admin/report"]);
    expect(await reached(edge, "/admin/report")).toEqual([50, "/admin/report"]);
  });

  it("goes to the upstream of the route that applies", async () => {
    vi.stubGlobal("fetch", async (url: string) => new Response(url));
    const edge = await startEdge({
      policy: policyOfTier({ limits: [] }, [
        { match: "/admin/*", upstream: "https://admin.example" },
        { match: "/*", upstream: "https://rest.example" },
      ]),
    });
    expect(await (await edge.request("/Admin;x/1")).text()).toBe("https://admin.example/Admin;x/1");
  });
});

describe("an upstream that is a URL", () => {
  it.each([
    ["https://api.example", "/compare?x=1", "https://api.example/compare?x=1"],
    ["https://api.example/", "/", "https://api.example/"],
    ["https://api.example:8443/v2", "/compare", "https://api.example:8443/v2/compare"],
    ["http://api.example/v2/", "/x/../../compare", "http://api.example/v2/compare"],
    ["https://api.example/v2", "/%2e%2e/%2e%2e/compare?y", "https://api.example/v2/compare?y"],
  ])("keeps its prefix: %s with %s", async (upstream, path, target) => {
    vi.stubGlobal("fetch", async (url: string) => new Response(url));
    const edge = await startEdge({ policy: UNLIMITED, variables: { UPSTREAM: upstream } });
    expect(await (await edge.request(path)).text()).toBe(target);
  });

  it("of a route takes precedence over the deployment's", async () => {
    vi.stubGlobal("fetch", async (url: string) => new Response(url));
    const edge = await startEdge({
      policy: policyOfTier({ limits: [] }, [
        { match: "/a", upstream: "https://a.example/" },
        { match: "/*" },
      ]),
      variables: { UPSTREAM: "https://other.example" },
    });
    expect(await (await edge.request("/a")).text()).toBe("https://a.example/a");
    expect(await (await edge.request("/b")).text()).toBe("https://other.example/b");
  });
});

/** The path with each character written in its way; only slashes get dot segments. */
function spelled(path: string, ways: readonly string[]): string {
  return [...path]
    .map((character, i) => {
      const hex = `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
      if (character === "/") {
        if (ways[i] === "dot") return "/./";
        return ways[i] === "parent" ? "/x/%2e%2E/" : "/";
      }
      if (ways[i] === "lower") return hex;
      return ways[i] === "upper" ? hex.toUpperCase() : character;
    })
    .join("");
}
