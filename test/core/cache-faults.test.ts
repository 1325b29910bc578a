/** Which caches of routes a new policy may have, and that a stored one compiles whatever it has. */
import { describe, expect, it } from "vitest";
import { cacheFaults } from "../../src/policy/cache-faults.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import { policySchema, type RouteDocument } from "../../src/policy/schema.ts";
import { policyOfTier } from "../fixtures/edge-policy.ts";

const MINUTE = { name: "minute", kind: "bucket", tokens: 10, per: "minute" } as const;
const cache = { ttlSeconds: 60 };
const policyOf = (route: Partial<RouteDocument>) =>
  policyOfTier({ limits: [{ ...MINUTE, name: "tokens", unit: "tokens" }] }, [
    { match: "/*", cache, ...route },
  ]);

/** What a request may not be given, by who shares its response. */
const BEYOND_KEY = [
  ["all", ["user", "tier", "key", "requestId", "country"]],
  ["tier", ["user", "key", "requestId", "country"]],
  ["user", ["key", "requestId", "country"]],
] as const;

describe("the cache of a route", () => {
  it.each<[path: string, route: Partial<RouteDocument>]>([
    ["/routes/0/forwardKey", { forwardKey: true }],
    ["/routes/0/forwardOverrides", { forwardOverrides: true }],
    ["/routes/0/usage", { usage: { unit: "tokens", reserve: 1, from: "header" } }],
    ["/routes/0/usage", { usage: { unit: "tokens", reserve: 1, from: "openai" } }],
    ["/routes/0/cache", { methods: ["POST"] }],
    ...BEYOND_KEY.flatMap(([share, names]) =>
      names.flatMap((name): [string, Partial<RouteDocument>][] => [
        [
          "/routes/0/request/headers/set/x-own",
          { cache: { ...cache, share }, request: { headers: { set: { "x-own": `a \${${name}}` } } } },
        ],
        [
          "/routes/0/request/query/add/own",
          { cache: { ...cache, share }, request: { query: { add: { own: `\${${name}}` } } } },
        ],
      ]),
    ),
    [
      "/routes/0/request/headers/set/If-None-Match",
      { request: { headers: { set: { "If-None-Match": "*" } } } },
    ],
    ["/routes/0/request/headers/rename/x-a", { request: { headers: { rename: { "x-a": "Range" } } } }],
    ...[
      "Cookie",
      "Authorization",
      "X-API-Key",
      "X-User-Id",
      "Accept-Encoding",
      "Host",
      "If-None-Match",
      "Range",
      "Cache-Control",
      "X-Forwarded-Host",
      "CF-Connecting-IP",
      "True-Client-IP",
      "X-HTTP-Method-Override",
      "X-Original-URL",
      "Upgrade",
      "Connection",
      "Sec-WebSocket-Key",
      "Content-Length",
      "Proxy-Authorization",
      "X-Request-Id",
    ].map((name): [string, Partial<RouteDocument>] => [
      "/routes/0/cache/vary/headers/1",
      { cache: { ...cache, vary: { headers: ["Accept-Language", name] } } },
    ]),
    ["/routes/0/cache/vary/headers/1", { cache: { ...cache, vary: { headers: ["X-A", "x-a"] } } }],
    ["/routes/0/cache/vary/query/1", { cache: { ...cache, vary: { query: ["a", "a"] } } }],
    ...[206, 304, 401, 407, 429].map((status): [string, Partial<RouteDocument>] => [
      "/routes/0/cache/statuses/1",
      { cache: { ...cache, statuses: [200, status] } },
    ]),
    ["/routes/0/cache/statuses/1", { cache: { ...cache, statuses: [200, 200] } }],
  ])("is rejected at %s: %j", (path, route) => {
    const document = policySchema.parse(policyOf(route));
    expect(cacheFaults(document).map((fault) => fault.path)).toEqual([path]);
    expect(compilePolicy(document, 1).ok).toBe(true);
  });

  it("is accepted as documented, and has the safest of all ways to share by default", () => {
    const document = policySchema.parse(
      policyOf({
        methods: ["GET", "POST"],
        cache: {
          ttlSeconds: 60,
          defaultTtlSeconds: 0,
          staleWhileRevalidateSeconds: 300,
          staleIfErrorSeconds: 60,
          share: "all",
          vary: { headers: ["accept-language"], query: ["page"] },
          statuses: [200, 301, 404],
        },
      }),
    );
    expect(cacheFaults(document)).toEqual([]);
    const compiled = compilePolicy(policyOf({}), 1);
    expect(compiled.ok && compiled.value.routes.all[0]?.cache).toMatchObject({
      share: "user",
      headers: [],
      query: null,
      staleWhileRevalidateMs: 0,
    });
  });

  it("may be beside changes that depend on nothing but its key", () => {
    const request = {
      headers: {
        set: { "x-user": "${user}", "x-plan": "${tier}", authorization: "${secret.NAME}" },
        remove: ["x-debug"],
      },
      query: { set: { id: "${param.id}" } },
    };
    const response = { headers: { set: { "x-request": "${requestId}", "x-key": "${key}" } } };
    const route = { match: "/a/:id", request, response };
    expect(cacheFaults(policySchema.parse(policyOf(route)))).toEqual([]);
  });

  it("with usage stores nothing, even if an old document has both", () => {
    const compiled = compilePolicy(policyOf({ usage: { unit: "tokens", reserve: 1, from: "header" } }), 1);
    expect(compiled.ok && compiled.value.routes.all[0]?.cache).toBeNull();
  });

  it.each<[path: string, cache: object]>([
    ["/routes/0/cache/ttlSeconds", {}],
    ["/routes/0/cache/ttlSeconds", { ttlSeconds: 0 }],
    ["/routes/0/cache/ttlSeconds", { ttlSeconds: 1.5 }],
    ["/routes/0/cache/share", { ...cache, share: "key" }],
    ["/routes/0/cache/ttl", { ...cache, ttl: 1 }],
    ["/routes/0/cache/vary/headers/0", { ...cache, vary: { headers: ["a b"] } }],
    ["/routes/0/cache/vary/cookies", { ...cache, vary: { cookies: [] } }],
    ["/routes/0/cache/statuses/0", { ...cache, statuses: [100] }],
  ])("has no other fields and values: %s", (path, given) => {
    const document = { ...policyOf({}), routes: [{ match: "/*", cache: given }] };
    const compiled = compilePolicy(document, 1);
    expect(compiled.ok ? [] : compiled.faults.map((fault) => fault.path)).toEqual([path]);
  });
});
