/** Transformations that a new policy may not have, each with the place of its fault, and those with a warning. */
import { describe, expect, it } from "vitest";
import { compileDocument } from "../../src/policy/compile.ts";
import { parseBy } from "../../src/policy/fault.ts";
import { type PolicyDocument, policySchema, type RouteDocument } from "../../src/policy/schema.ts";
import { transformFaults, transformWarnings } from "../../src/policy/transform-faults.ts";

const policyOf = (route: Partial<RouteDocument>): PolicyDocument => ({
  schema: 1,
  tiers: { free: { limits: [] } },
  anonymousTier: "free",
  defaultTier: "free",
  routes: [{ match: "/v1/users/:id/*", ...route }],
});

/** The faults of the schema, or of the fields between them: `path message`. */
function faultsOf(route: Partial<Record<keyof RouteDocument, unknown>>): string[] {
  const parsed = parseBy(policySchema, { ...policyOf({}), routes: [{ match: "/v1/users/:id/*", ...route }] });
  const faults = parsed.ok ? transformFaults(parsed.value) : parsed.faults;
  return faults.map(({ path, message }) => `${path} ${message}`);
}

const REQUEST = "/routes/0/request";
const RESPONSE = "/routes/0/response";

describe("a transformation", () => {
  it("may remove, rename, set and add headers and parameters, and replace the path", () => {
    const headers = {
      remove: ["X-Debug", "Cookie"],
      rename: { Signature: "X-Sig", Cookie: "X-Cookie" },
      set: {
        "X-Plan": "${tier}",
        "X-All": "${user} ${key} ${requestId} ${country} ${param.id} $$5",
        Authorization: "Bearer ${secret.API_2}",
        Cookie: "a=1",
      },
      add: { Accept: "text/html", "X-Plan": "again" },
    };
    const query = {
      remove: ["token"],
      rename: { q: "query" },
      set: { account: "${user}" },
      add: { "a b": "1" },
    };
    const response = {
      headers: { remove: ["Server", "Set-Cookie"], set: { "X-Served-By": "edge ${requestId}" } },
    };
    expect(faultsOf({ request: { path: "/internal/:id/*", headers, query }, response })).toEqual([]);
    expect(faultsOf({ request: {}, response: {} })).toEqual([]);
    expect(faultsOf({ request: { path: "/fixed" } })).toEqual([]);
  });

  it.each<[what: string, route: Partial<Record<keyof RouteDocument, unknown>>, fault: string]>([
    ["an unknown field", { request: { body: {} } }, `${REQUEST}/body is not a known field`],
    [
      "an unknown list",
      { request: { headers: { replace: {} } } },
      `${REQUEST}/headers/replace is not a known field`,
    ],
    [
      "an odd name",
      { request: { headers: { set: { "a b": "" } } } },
      `${REQUEST}/headers/set/a b must be the name`,
    ],
    [
      "an odd new name",
      { request: { headers: { rename: { a: "b:" } } } },
      `${REQUEST}/headers/rename/a must be`,
    ],
    [
      "__proto__",
      JSON.parse('{"request":{"headers":{"set":{"__proto__":""}}}}'),
      `${REQUEST}/headers/set/__proto__ is not`,
    ],
    [
      "a line break",
      { response: { headers: { add: { a: "x\r\ny: z" } } } },
      `${RESPONSE}/headers/add/a must be printable`,
    ],
    [
      "a name of the gateway",
      { request: { headers: { set: { "x.user_id": "" } } } },
      `${REQUEST}/headers/set/x.user_id "x.user_id" says who`,
    ],
    [
      "its removal",
      { request: { headers: { remove: ["a", "X_Forwarded_For"] } } },
      `${REQUEST}/headers/remove/1 "X_Forwarded_For" says who`,
    ],
    [
      "its renaming",
      { request: { headers: { rename: { "X-User-Id": "x" } } } },
      `${REQUEST}/headers/rename/X-User-Id "X-User-Id" says who`,
    ],
    [
      "its forging",
      { request: { headers: { rename: { x: "X-User-Tier" } } } },
      `${REQUEST}/headers/rename/x "X-User-Tier" says who`,
    ],
    [
      "Host",
      { request: { headers: { set: { Host: "x" } } } },
      `${REQUEST}/headers/set/Host "Host" describes`,
    ],
    [
      "Content-Length",
      { response: { headers: { remove: ["content-length"] } } },
      `${RESPONSE}/headers/remove/0 "content-length" describes`,
    ],
    [
      "a hop's header",
      { response: { headers: { set: { Connection: "x" } } } },
      `${RESPONSE}/headers/set/Connection "Connection" concerns`,
    ],
    [
      "a WebSocket's header",
      { request: { headers: { remove: ["Sec-WebSocket-Key"] } } },
      `${REQUEST}/headers/remove/0 "Sec-WebSocket-Key" concerns`,
    ],
    [
      "Cloudflare's headers",
      { request: { headers: { set: { "CF-Ray": "x" } } } },
      `${REQUEST}/headers/set/CF-Ray "CF-Ray" says who`,
    ],
    [
      "an override",
      { request: { headers: { add: { "X-HTTP-Method-Override": "PUT" } } } },
      `${REQUEST}/headers/add/X-HTTP-Method-Override "X-HTTP`,
    ],
    [
      "a limit",
      { response: { headers: { set: { RateLimit: "x" } } } },
      `${RESPONSE}/headers/set/RateLimit "RateLimit" says what`,
    ],
    [
      "a cookie for the client",
      { response: { headers: { set: { "Set-Cookie": "a=1" } } } },
      `${RESPONSE}/headers/set/Set-Cookie "Set-Cookie" can only be removed`,
    ],
    [
      "one more cookie",
      { request: { headers: { add: { Cookie: "a=1" } } } },
      `${REQUEST}/headers/add/Cookie "Cookie" can only be set`,
    ],
    [
      "a name twice",
      { request: { headers: { remove: ["A", "a"] } } },
      `${REQUEST}/headers/remove/1 names "a" twice`,
    ],
    [
      "a set name twice",
      { request: { headers: { set: { A: "", a: "" } } } },
      `${REQUEST}/headers/set/a names "a" twice`,
    ],
    [
      "two sources of a name",
      { request: { headers: { rename: { a: "X", b: "x" } } } },
      `${REQUEST}/headers/rename/b gives the name "x" twice`,
    ],
    [
      "a renaming to itself",
      { request: { headers: { rename: { A: "a" } } } },
      `${REQUEST}/headers/rename/A is the same name`,
    ],
    [
      "an unknown variable",
      { request: { headers: { set: { a: "${userid}" } } } },
      `${REQUEST}/headers/set/a unknown variable "userid"`,
    ],
    [
      "an expression",
      { request: { headers: { set: { a: "${user || tier}" } } } },
      `${REQUEST}/headers/set/a unknown variable "user || tier"`,
    ],
    [
      "another's parameter",
      { request: { query: { set: { a: "${param.name}" } } } },
      `${REQUEST}/query/set/a unknown parameter "name" (of the route's match: id)`,
    ],
    [
      "a stray dollar",
      { response: { headers: { set: { a: "$5" } } } },
      `${RESPONSE}/headers/set/a has a dollar sign`,
    ],
    [
      "an open brace",
      { request: { query: { add: { a: "${user" } } } },
      `${REQUEST}/query/add/a has a dollar sign`,
    ],
    [
      "a secret for the client",
      { response: { headers: { set: { a: "${secret.API}" } } } },
      `${RESPONSE}/headers/set/a a secret can stand only`,
    ],
    [
      "a secret in a URL",
      { request: { query: { set: { a: "${secret.API}" } } } },
      `${REQUEST}/query/set/a a secret can stand only`,
    ],
    [
      "an odd secret",
      { request: { headers: { set: { a: "${secret.api}" } } } },
      `${REQUEST}/headers/set/a a secret's name has`,
    ],
    ["a path without a slash", { request: { path: "internal" } }, `${REQUEST}/path must be a path`],
    ["a path with a query", { request: { path: "/a?b=1" } }, `${REQUEST}/path must be a path of literals`],
    [
      "a variable in a path",
      { request: { path: "/a/${user}" } },
      `${REQUEST}/path must be a path of literals`,
    ],
    ["a dot segment", { request: { path: "/a/../:id" } }, `${REQUEST}/path must not have the segments`],
    [
      "a parameter of another path",
      { request: { path: "/a/:name" } },
      `${REQUEST}/path unknown parameter "name"`,
    ],
    ["a star without a star", { match: "/a", request: { path: "/b/*" } }, `${REQUEST}/path has a star`],
  ])("may not have %s", (_what, route, fault) => {
    const found = faultsOf(route);
    expect(found, found.join("; ")).toHaveLength(1);
    expect(found[0]?.slice(0, fault.length)).toBe(fault);
  });

  it.each(["remove", "rename", "set", "add"])(
    "may not %s the type of a response whose usage is read",
    (list) => {
      const usage = { unit: "tokens", reserve: 1, from: "openai" };
      const entries = list === "remove" ? ["content-type"] : { "Content-Type": "x" };
      const response = { headers: { [list]: entries } };
      const key = list === "remove" ? "0" : "Content-Type";
      expect(faultsOf({ usage, response })).toEqual([
        expect.stringContaining(`${RESPONSE}/headers/${list}/${key} `),
      ]);
      expect(faultsOf({ response })).toEqual([]);
    },
  );

  it("compiles even if a name in it is forbidden by now: stored policies stay valid", () => {
    const document = policyOf({ request: { headers: { set: { "X-User-Id": "root", a: "${nope}" } } } });
    expect(compileDocument(document, 1).ok).toBe(true);
    expect(transformFaults(document)).toHaveLength(2);
  });
});

describe("a secret", () => {
  const warningsOf = (
    upstream: string | undefined,
    bindings: object,
    others: Partial<PolicyDocument> = {},
  ) => {
    const headers = { set: { authorization: "Bearer ${secret.API}" }, add: { "x-key": "${secret.OLD}" } };
    const policy = policyOf({ ...(upstream === undefined ? {} : { upstream }), request: { headers } });
    const compiled = compileDocument({ ...policy, ...others }, 1);
    if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
    return transformWarnings(compiled.value, bindings);
  };
  const all = { UPSTREAM_SECRET_API: "a", UPSTREAM_SECRET_OLD: "b" };

  it("that is not bound is a warning which names the binding, and never the value of another", () => {
    expect(warningsOf("https://api.example", all)).toEqual([]);
    const bindings = { UPSTREAM_SECRET_API: "hush", UPSTREAM_SECRET_OLD: "" };
    const found = warningsOf("https://api.example", bindings);
    expect(found).toEqual([
      {
        path: "/routes/0/request/headers/add/x-key",
        message: expect.stringContaining("UPSTREAM_SECRET_OLD"),
      },
    ]);
    expect(JSON.stringify(found)).not.toContain("hush");
  });

  it("that is sent in clear text is a warning, unless it stays on this machine", () => {
    expect(warningsOf("http://api.example", all)).toHaveLength(2);
    for (const local of ["http://127.0.0.1:8080", "http://[::1]", "http://localhost:1", "service:API"]) {
      expect(warningsOf(local, all)).toEqual([]);
    }
  });

  it("that is sent in clear text by default, or to one target of a pool, is a warning too", () => {
    expect(warningsOf(undefined, { ...all, UPSTREAM: "http://api.example" })).toHaveLength(2);
    expect(warningsOf(undefined, { ...all, UPSTREAM: "https://api.example" })).toEqual([]);
    expect(warningsOf(undefined, all)).toEqual([]);
    const pool = (document: NonNullable<PolicyDocument["upstreams"]>[string]) =>
      warningsOf("pool:api", all, { upstreams: { api: document } });
    expect(pool({ targets: [{ url: "https://a.example" }, { url: "http://b.example" }] })).toHaveLength(2);
    expect(pool({ targets: [{ url: "https://a.example" }, { url: "service:B" }] })).toEqual([]);
    const discover = { url: "https://consul.example/x", format: "consul" as const };
    expect(pool({ discover: { ...discover, scheme: "http" } })).toHaveLength(2);
    expect(pool({ discover })).toEqual([]);
  });
});
