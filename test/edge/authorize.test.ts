/** What a proxy asks about its clients' requests: the gateway's own decision, by headers that only a proxy with a key can set. */
import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { admin, customer, issueKey, newAddress } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { hang, objectsWith } from "../fixtures/edge-bindings.ts";
import { policyWith } from "../fixtures/edge-policy.ts";
import { problemCode, problemOf } from "../fixtures/edge-problem.ts";

interface Proxied extends Edge {
  /** The proxy's own key. */
  readonly proxy: Record<string, string>;
  /** Asks about a request of a client. Headers replace those of the proxy, and "" removes one. */
  ask(path: string, headers?: Record<string, string>, method?: string): Promise<Response>;
}

const clientOf = (address = newAddress()) => ({ "X-Forwarded-For": address["CF-Connecting-IP"] });

async function proxiedEdge(
  changes: Partial<PolicyDocument> = {},
  variables: Partial<Env> = {},
): Promise<Proxied> {
  const edge = await startEdge({ policy: policyWith(changes), variables });
  const { key } = await customer(edge, { scopes: ["check"] });
  const proxy = { "X-Edge-Limiter-Key": key, ...newAddress() };
  return {
    ...edge,
    proxy,
    ask(path, headers = {}, method = "GET") {
      const all = {
        ...proxy,
        ...clientOf(),
        "X-Forwarded-Method": method,
        "X-Forwarded-Uri": path,
        ...headers,
      };
      const sent = Object.entries(all).filter(([, value]) => value !== "");
      return edge.request("/api/v1/authorize", { headers: sent });
    },
  };
}

const usage = z.object({
  usage: z.object({ month: z.object({ requests: z.number(), cost: z.number(), denied: z.number() }) }),
});

async function usageOf(edge: Edge, user: string) {
  const response = await admin(edge, "GET", `/accounts/${encodeURIComponent(user)}/status`);
  return z.parse(usage, await response.json()).usage.month;
}

describe("a request that may pass", () => {
  it("is 200 with the user, the tier and the limits, is charged its route's cost, and is not forwarded", async () => {
    const edge = await proxiedEdge();
    const { headers, user } = await customer(edge, { tier: "pro" });
    const response = await edge.ask("/compare?x=1", headers, "POST");
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
    expect(response.headers.get("X-User-Id")).toBe(user);
    expect(response.headers.get("X-User-Tier")).toBe("pro");
    expect(response.headers.get("RateLimit")).toMatch(/^"minute";r=99[78];/);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(response.headers.get("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(await usageOf(edge, user)).toEqual({ requests: 1, cost: 2, denied: 0 });
    expect(edge.forwarded).toEqual([]);
  });

  it("names no user if it is anonymous, whatever the client claims, and counts by the last address alone", async () => {
    const edge = await proxiedEdge();
    const address = newAddress();
    const spoofed = { "X-User-Id": "admin", "X-User-Tier": "pro", "CF-Connecting-IP": "192.0.2.1" };
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) {
      const list = `192.0.2.${i}, ${address["CF-Connecting-IP"]}`;
      const response = await edge.ask("/identify", { ...spoofed, "X-Forwarded-For": list });
      expect(response.headers.get("X-User-Id")).toBeNull();
      if (response.ok) expect(response.headers.get("X-User-Tier")).toBe("anonymous");
      statuses.push(response.status);
    }
    expect(statuses).toEqual([200, 200, 200, 429]);
  });

  it.each<[string, Record<string, string>]>([
    ["X-Forwarded-Method and -Uri", { "X-Forwarded-Method": "POST", "X-Forwarded-Uri": "/compare?a=b" }],
    ["X-Original-Method and -URI", { "X-Original-Method": "POST", "X-Original-URI": "/compare?a=b" }],
    [
      "X-Original-URL",
      { "X-Original-Method": "POST", "X-Original-URL": "https://api.example:8443/compare?a=b" },
    ],
  ])("is named by %s", async (_names, named) => {
    const edge = await proxiedEdge({ routes: [{ match: "/compare", methods: ["POST"], cost: 2 }] });
    const { headers, user } = await customer(edge);
    const response = await edge.request("/api/v1/authorize", {
      headers: { ...edge.proxy, ...clientOf(), ...headers, ...named },
    });
    expect(response.status).toBe(200);
    expect(await usageOf(edge, user)).toMatchObject({ requests: 1, cost: 2 });
  });

  it("is named by the method and the rest of the path, as Envoy asks", async () => {
    const edge = await proxiedEdge();
    const { headers, user } = await customer(edge);
    for (const method of ["GET", "HEAD", "POST", "DELETE", "OPTIONS"]) {
      const response = await edge.request("/api/v1/authorize/compare?deny=403", {
        method,
        headers: { ...edge.proxy, ...clientOf(), ...headers },
      });
      expect([method, response.status]).toEqual([method, 200]);
    }
    // What was decided from a lease is in the ledger once the lease is settled, about a second after it was lent.
    await expect
      .poll(() => usageOf(edge, user), { timeout: 8_000, interval: 50 })
      .toMatchObject({ requests: 5, cost: 10 });
  });

  it("of an exempt route has no limits and is not counted", async () => {
    const edge = await proxiedEdge();
    const { headers, user } = await customer(edge);
    const response = await edge.ask("/free/x", headers);
    expect([response.status, response.headers.get("RateLimit")]).toEqual([200, null]);
    expect(response.headers.get("X-User-Id")).toBe(user);
    expect(await usageOf(edge, user)).toEqual({ requests: 0, cost: 0, denied: 0 });
  });
});

describe("a request that may not pass", () => {
  it("is answered as by the gateway: 429, Retry-After, the limits and the problem", async () => {
    const edge = await proxiedEdge();
    const client = clientOf();
    for (let i = 0; i < 3; i++) expect((await edge.ask("/identify", client)).status).toBe(200);
    const response = await edge.ask("/identify", client);
    expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(response.headers.get("RateLimit")).toMatch(/^"minute";r=0;/);
    expect(await problemCode(response)).toBe("429 quota_exceeded");
  });

  it("has the client's own 401 and 403, each distinct from that of a proxy's key", async () => {
    const edge = await proxiedEdge();
    const wrong = await edge.ask("/identify", { "X-API-Key": "rubbish" });
    expect(wrong.headers.get("WWW-Authenticate")).toMatch(/^Bearer/);
    expect(await problemCode(wrong)).toBe("401 invalid_credentials");
    expect(await problemCode(await edge.ask("/private"))).toBe("401 invalid_credentials");
    const { user, headers } = await customer(edge);
    await admin(edge, "PATCH", `/accounts/${user}`, { status: "blocked" });
    expect(await problemCode(await edge.ask("/identify", headers))).toBe("403 blocked");
  });

  it("is 404 without a route and 405 by a method that the route does not take", async () => {
    const edge = await proxiedEdge({ routes: [{ match: "/identify", methods: ["GET"] }] });
    expect(await problemCode(await edge.ask("/nothing"))).toBe("404 not_found");
    expect(await problemCode(await edge.ask("/identify", {}, "POST"))).toBe("405 method_not_allowed");
    // No request of a client can be answered by the limiter's own API.
    expect(await problemCode(await edge.ask("/health"))).toBe("404 not_found");
    expect(await problemCode(await edge.ask("/api/v1/authorize"))).toBe("404 not_found");
  });

  it("is 403 by ?deny=403 with the real status in a header, but for a 401", async () => {
    const edge = await proxiedEdge();
    const client = clientOf();
    const ask = (uri: string, headers: Record<string, string> = {}) =>
      edge.request("/api/v1/authorize?deny=403", {
        headers: {
          ...edge.proxy,
          ...client,
          "X-Original-Method": "GET",
          "X-Original-URI": uri,
          ...headers,
        },
      });
    for (let i = 0; i < 3; i++) expect((await ask("/identify")).status).toBe(200);
    const denied = await ask("/identify");
    expect([denied.status, denied.headers.get("X-Edge-Limiter-Status")]).toEqual([403, "429"]);
    expect(Number(denied.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(denied.headers.get("RateLimit")).toMatch(/r=0/);
    expect(await denied.json()).toMatchObject({ status: 429, code: "quota_exceeded" });
    const unknown = await ask("/nothing");
    expect([unknown.status, unknown.headers.get("X-Edge-Limiter-Status")]).toEqual([403, "404"]);
    const invalid = await ask("no path");
    expect([invalid.status, invalid.headers.get("X-Edge-Limiter-Status")]).toEqual([403, "400"]);
    const unauthenticated = await ask("/identify", { "X-API-Key": "rubbish" });
    expect([unauthenticated.status, unauthenticated.headers.get("X-Edge-Limiter-Status")]).toEqual([
      401,
      null,
    ]);
    // A client's query cannot ask for it.
    const ofClient = await edge.ask("/nothing?deny=403");
    expect(ofClient.status).toBe(404);
  });

  it("follows the tier's choice if the limiter fails", async () => {
    const tiers = {
      ...policyWith({}).tiers,
      anonymous: { limits: [], onLimiterFailure: "closed" as const },
      free: { limits: [], onLimiterFailure: "open" as const },
    };
    let isDown = false;
    const edge = await proxiedEdge(
      { tiers },
      {
        LIMITER_TIMEOUT_MS: "50",
        USER_LIMITER: objectsWith((_subject, method) => (isDown && method === "serve" ? hang() : undefined)),
      },
    );
    const { headers } = await customer(edge);
    expect((await edge.ask("/identify", headers)).status).toBe(200);
    isDown = true;
    expect(await problemCode(await edge.ask("/identify"))).toBe("503 temporary_reduced_capacity");
    const { headers: unheard } = await customer(edge);
    expect((await edge.ask("/identify", unheard)).status).toBe(200);
  });
});

describe("a proxy's key", () => {
  it("must be there, be valid and have the scope check; anything else is 403, never the client's 401", async () => {
    const edge = await proxiedEdge();
    const { key: callKey } = await customer(edge, { scopes: ["call"] });
    const answers = await Promise.all(
      ["", "rubbish", "el_live_0", callKey, `${edge.proxy["X-Edge-Limiter-Key"]}, x`].map(async (key) => {
        const response = await edge.ask("/identify", { "X-Edge-Limiter-Key": key });
        expect(response.headers.get("WWW-Authenticate")).toBeNull();
        return problemCode(response);
      }),
    );
    expect([...new Set(answers)]).toEqual(["403 invalid_proxy_key"]);
    // In another header it is the client's.
    const key = edge.proxy["X-Edge-Limiter-Key"] ?? "";
    const elsewhere = await edge.ask("/identify", { "X-Edge-Limiter-Key": "", "X-API-Key": key });
    expect(await problemCode(elsewhere)).toBe("403 invalid_proxy_key");
  });

  it("ends when it is revoked, and with its account's block", async () => {
    const edge = await proxiedEdge();
    const { user, key, keyId } = await customer(edge, { scopes: ["check"] });
    const other = await issueKey(edge, user, { scopes: ["check"] });
    await admin(edge, "DELETE", `/accounts/${user}/keys/${keyId}`);
    expect(await problemCode(await edge.ask("/identify", { "X-Edge-Limiter-Key": key }))).toBe(
      "403 invalid_proxy_key",
    );
    await admin(edge, "PATCH", `/accounts/${user}`, { status: "blocked" });
    expect(await problemCode(await edge.ask("/identify", { "X-Edge-Limiter-Key": other.key }))).toBe(
      "403 invalid_proxy_key",
    );
  });

  it("that was good a moment ago ends within a second after its revocation", async () => {
    const edge = await proxiedEdge();
    const { user, key, keyId } = await customer(edge, { scopes: ["check"] });
    const ask = async () => (await edge.ask("/free/x", { "X-Edge-Limiter-Key": key })).status;
    expect(await ask()).toBe(200);
    await admin(edge, "DELETE", `/accounts/${user}/keys/${keyId}`);
    await expect.poll(ask, { timeout: 1_500, interval: 20 }).toBe(403);
  });

  it("is confirmed once for many questions", async () => {
    let standings = 0;
    const edge = await proxiedEdge(
      {},
      { USER_LIMITER: objectsWith((_subject, method) => void (method === "keyStanding" && standings++)) },
    );
    for (let i = 0; i < 20; i++) await edge.ask("/free/x");
    expect(standings).toBeGreaterThan(0);
    expect(standings).toBeLessThan(10);
  });
});

/** What a question says besides a GET of /identify. "" takes a header away. */
const TWO_READINGS: readonly (readonly [what: string, headers: Record<string, string>])[] = [
  ["no URI", { "X-Forwarded-Uri": "" }],
  ["no method", { "X-Forwarded-Method": "" }],
  ["no address", { "X-Forwarded-For": "" }],
  ["a second URI", { "X-Original-URI": "/free/x" }],
  ["a second method", { "X-Original-Method": "POST" }],
  ["a URL of another path", { "X-Original-URL": "https://api.example/free/x" }],
  ["two lines of the URI", { "X-Forwarded-Uri": "/identify, /free/x" }],
  ["two lines of the method", { "X-Forwarded-Method": "GET, POST" }],
  ["an absolute URI", { "X-Forwarded-Uri": "http://api.example/identify" }],
  ["a URI without a slash", { "X-Forwarded-Uri": "identify" }],
  ["an empty path", { "X-Forwarded-Uri": "?x=1" }],
  ["OPTIONS *", { "X-Forwarded-Uri": "*", "X-Forwarded-Method": "OPTIONS" }],
  ["a fragment", { "X-Forwarded-Uri": "/identify#x" }],
  ["a space", { "X-Forwarded-Uri": "/identify x" }],
  ["a tab", { "X-Forwarded-Uri": "/iden\ttify" }],
  ["a method in lower case", { "X-Forwarded-Method": "get" }],
  ["a method that is none", { "X-Forwarded-Method": "FOO" }],
  ["a long method", { "X-Forwarded-Method": "A".repeat(33) }],
  ["an address that is none", { "X-Forwarded-For": "unix:" }],
  ["an address with a port", { "X-Forwarded-For": "192.0.2.1:4711" }],
  ["an empty last address", { "X-Forwarded-For": "192.0.2.1, " }],
  ["dot segments", { "X-Forwarded-Uri": "/free/../identify" }],
  ["dot segments out of a free path", { "X-Forwarded-Uri": "/identify/../free/x" }],
  ["encoded dot segments", { "X-Forwarded-Uri": "/identify/%2e%2E/free/x" }],
  ["dot segments with parameters", { "X-Forwarded-Uri": "/identify/..;/free/x" }],
  ["a single dot", { "X-Forwarded-Uri": "/free/./x" }],
  ["a backslash", { "X-Forwarded-Uri": "/free\\x" }],
  ["two slashes", { "X-Forwarded-Uri": "//free/x" }],
  ["an encoded slash", { "X-Forwarded-Uri": "/free%2Fx" }],
  ["an encoded NUL", { "X-Forwarded-Uri": "/free/%00" }],
  ["a stray percent sign", { "X-Forwarded-Uri": "/free/%" }],
  ["a path of another route unless it is decoded", { "X-Forwarded-Uri": "/fre%65/x" }],
  ["a method in another header", { "X-HTTP-Method-Override": "DELETE" }],
  ["the same in a spelling of CGI", { X_HTTP_Method_Override: "DELETE" }],
  ["a path in another header", { "X-Rewrite-URL": "/compare" }],
  ["a path in a spelling of CGI", { X_Original_URL: "/compare" }],
];

describe("a question that has two readings is 400, and nothing is charged", () => {
  it("by its headers", async () => {
    const edge = await proxiedEdge({ routes: [...policyWith({}).routes, { match: "/*", cost: 3 }] });
    const { headers: credential, user } = await customer(edge);
    expect((await edge.ask("/identify", credential)).status).toBe(200);
    const passed: [string, number][] = [];
    for (const [what, headers] of TWO_READINGS) {
      const response = await edge.ask("/identify", { ...credential, ...headers });
      const { detail } = await problemOf(response);
      expect([what, detail]).toEqual([what, expect.stringMatching(/\w\.$/)]);
      if (response.status !== 400) passed.push([what, response.status]);
    }
    expect(passed).toEqual([]);
    expect(await usageOf(edge, user)).toMatchObject({ cost: 1 });
  });

  it("behind the endpoint's path, as Envoy asks", async () => {
    const edge = await proxiedEdge({ routes: [{ match: "/*", cost: 0 }] });
    for (const path of ["/a/../../../health", "//identify", "/%2e%2e/%2e%2e/health", "/..;/health"]) {
      const response = await edge.raw(`https://edge.test/api/v1/authorize${path}`, {
        headers: { ...edge.proxy, ...clientOf() },
      });
      expect([path, response.status]).toEqual([path, 400]);
    }
  });

  it("but an agreeing second header, an encoding that changes nothing, and an override that the route allows pass", async () => {
    const edge = await proxiedEdge({
      routes: [{ match: "/over", forwardOverrides: true }, { match: "/*" }],
    });
    const pass = async (path: string, headers: Record<string, string> = {}) =>
      (await edge.ask(path, headers)).status;
    expect(await pass("/a", { "X-Original-URI": "/a", "X-Original-Method": "GET" })).toBe(200);
    expect(await pass("/%7Euser/%c3%a9?q=%2F..%2F")).toBe(200);
    expect(await pass("/a;b=c/@me/x%20y")).toBe(200);
    expect(await pass("/over", { "X-HTTP-Method-Override": "DELETE" })).toBe(200);
  });

  it("and so is a question by an unknown spelling of the endpoint: it is no other path's answer", async () => {
    const edge = await proxiedEdge();
    const response = await edge.raw("https://edge.test/api/v1/%61uthorize/free/x", {
      headers: { ...edge.proxy, ...clientOf() },
    });
    expect(response.status).toBe(404);
  });
});

describe("with CORS rules", () => {
  const cors = { origins: ["https://app.example"] };
  const preflight = { Origin: "https://app.example", "Access-Control-Request-Method": "GET" };

  it("a preflight passes to the upstream, uncharged", async () => {
    const edge = await proxiedEdge({ cors });
    const client = clientOf();
    for (let i = 0; i < 5; i++) {
      const response = await edge.ask("/identify", { ...preflight, ...client }, "OPTIONS");
      expect([response.status, response.headers.get("X-User-Id")]).toEqual([200, null]);
    }
    expect((await edge.ask("/nothing", preflight, "OPTIONS")).status).toBe(404);
  });

  it("what only looks like a preflight is limited like any request", async () => {
    const edge = await proxiedEdge({ cors });
    const { headers, user } = await customer(edge);
    expect((await edge.ask("/identify", { ...preflight, ...headers }, "OPTIONS")).status).toBe(200);
    expect(await usageOf(edge, user)).toMatchObject({ requests: 1 });
  });

  it("a page may read a rejection", async () => {
    const edge = await proxiedEdge({ cors });
    const response = await edge.ask("/nothing", { Origin: "https://app.example" });
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("https://app.example");
  });
});

describe("what cannot be watched", () => {
  it("a slot is given back at once, so it limits nothing behind a proxy", async () => {
    const tiers = {
      ...policyWith({}).tiers,
      free: { limits: [{ name: "parallel", kind: "concurrency" as const, max: 1, ttlMs: 60_000 }] },
    };
    const edge = await proxiedEdge({ tiers });
    const { headers } = await customer(edge);
    for (let i = 0; i < 3; i++) {
      expect((await edge.ask("/identify", headers)).status).toBe(200);
      await edge.backgroundDone();
    }
  });

  it("a route with usage costs what it reserves", async () => {
    const edge = await proxiedEdge({
      tiers: {
        ...policyWith({}).tiers,
        free: { limits: [{ name: "tokens", kind: "quota", amount: 10_000, per: "month", unit: "tokens" }] },
      },
      routes: [{ match: "/chat", usage: { unit: "tokens", reserve: 4_000, from: "openai" } }],
    });
    const { headers } = await customer(edge);
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) {
      statuses.push((await edge.ask("/chat", headers, "POST")).status);
      await edge.backgroundDone();
    }
    expect(statuses).toEqual([200, 200, 429]);
  });
});

it("headers of 30 KB and a huge path are no fault of the endpoint", async () => {
  const edge = await proxiedEdge({ routes: [{ match: "/*" }] });
  const response = await edge.ask(`/${"a".repeat(8_000)}`, { "X-Filler": "b".repeat(30_000) });
  expect(response.status).toBe(200);
});
