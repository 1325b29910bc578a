/** CORS: the gateway answers preflights without a charge, and lets browsers read the limits. */
import { beforeEach, describe, expect, it } from "vitest";
import { newAddress } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { policyWith, TEST_POLICY } from "../fixtures/edge-policy.ts";

const APP = "https://app.example";
const CORS = { origins: [APP, "https://admin.example"], credentials: true, maxAgeSeconds: 600 };
const ROUTES = [...TEST_POLICY.routes, { match: "/options", methods: ["OPTIONS" as const, "GET" as const] }];

let client = newAddress();
beforeEach(() => {
  client = newAddress();
});

const start = (cors: (typeof TEST_POLICY)["cors"] = CORS) =>
  startEdge({ policy: policyWith({ cors, routes: ROUTES }) });

function preflight(edge: Edge, path: string, origin = APP): Promise<Response> {
  const headers = {
    ...client,
    Origin: origin,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "x-api-key, content-type",
  };
  return edge.request(path, { method: "OPTIONS", headers });
}

describe("a preflight", () => {
  it("is answered by the gateway: not charged, not forwarded, and without a credential", async () => {
    const edge = await start();
    for (const path of ["/identify", "/private", "/identify", "/nowhere", "/identify"]) {
      const response = await preflight(edge, path);
      expect(response.status).toBe(204);
      expect(response.headers.get("Access-Control-Allow-Origin")).toBe(APP);
      expect(response.headers.get("Access-Control-Allow-Headers")).toBe("x-api-key,content-type");
      expect(response.headers.get("Access-Control-Allow-Methods")).toMatch(/POST/);
      expect(response.headers.get("Access-Control-Allow-Credentials")).toBe("true");
      expect(response.headers.get("Access-Control-Max-Age")).toBe("600");
      expect(response.headers.has("RateLimit")).toBe(false);
    }
    expect(edge.forwarded).toEqual([]);
    const paid = await edge.request("/identify", { headers: client });
    expect(paid.headers.get("X-RateLimit-Remaining")).toBe("2");
  });

  it("is also answered for the caller's own status", async () => {
    const response = await preflight(await start(), "/api/v1/rate-limit/status");
    expect([response.status, response.headers.get("Access-Control-Allow-Origin")]).toEqual([204, APP]);
  });

  it("allows no origin that the policy does not name", async () => {
    const edge = await start();
    for (const origin of [
      "https://evil.example",
      "https://app.example.evil.test",
      "null",
      "http://app.example",
    ]) {
      expect((await preflight(edge, "/identify", origin)).headers.has("Access-Control-Allow-Origin")).toBe(
        false,
      );
    }
  });
});

describe("a response to a browser", () => {
  it("exposes the limits, with every status", async () => {
    const edge = await start();
    const headers = { ...client, Origin: APP };
    const seen = new Set<number>();
    for (const path of ["/identify", "/identify", "/identify", "/identify", "/nowhere", "/private"]) {
      const response = await edge.request(path, { headers });
      seen.add(response.status);
      expect(response.headers.get("Access-Control-Allow-Origin"), path).toBe(APP);
      const exposed = response.headers.get("Access-Control-Expose-Headers")?.split(",");
      expect(exposed).toEqual(
        expect.arrayContaining([
          "RateLimit",
          "RateLimit-Policy",
          "Retry-After",
          "X-RateLimit-Reset",
          "X-Request-Id",
        ]),
      );
    }
    expect([...seen]).toEqual([200, 429, 404, 401]);
  });

  it("has the CORS headers of the policy, not of the upstream", async () => {
    const edge = await startEdge({
      policy: policyWith({ cors: CORS }),
      upstream: () => new Response("", { headers: { "Access-Control-Allow-Origin": "*" } }),
    });
    const response = await edge.request("/identify", { headers: { ...client, Origin: APP } });
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe(APP);
  });

  it("allows no origin that the policy does not name, whatever the upstream allows", async () => {
    const edge = await startEdge({
      policy: policyWith({ cors: { origins: [APP] } }),
      upstream: (request) =>
        new Response("", {
          headers: {
            "Access-Control-Allow-Origin": request.headers.get("Origin") ?? "*",
            "Access-Control-Allow-Credentials": "true",
          },
        }),
    });
    for (const [origin, allowed] of [
      [APP, APP],
      ["https://evil.example", null],
      ["null", null],
    ] as const) {
      const { headers } = await edge.request("/identify", { headers: { ...client, Origin: origin } });
      expect(headers.get("Access-Control-Allow-Origin")).toBe(allowed);
      expect(headers.has("Access-Control-Allow-Credentials")).toBe(false);
    }
  });

  it("keeps the upstream's Vary header, and adds Origin", async () => {
    const edge = await startEdge({
      policy: policyWith({ cors: CORS }),
      upstream: () => new Response("", { headers: { Vary: "Accept-Language" } }),
    });
    const response = await edge.request("/identify", { headers: { ...client, Origin: APP } });
    expect(response.headers.get("Vary")?.split(", ")).toEqual(["Accept-Language", "Origin"]);
  });

  it("keeps every cookie of the upstream", async () => {
    const edge = await startEdge({
      policy: policyWith({ cors: CORS }),
      upstream: () =>
        new Response("", {
          headers: [
            ["Set-Cookie", "a=1"],
            ["Set-Cookie", "b=2"],
          ],
        }),
    });
    const response = await edge.request("/identify", { headers: { ...client, Origin: APP } });
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  });

  it("allows any origin if the policy does", async () => {
    const edge = await start({ origins: ["*"] });
    const response = await edge.request("/identify", {
      headers: { ...client, Origin: "https://any.example" },
    });
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(response.headers.has("Access-Control-Allow-Credentials")).toBe(false);
  });
});

describe("an OPTIONS request that is not a preflight", () => {
  it("is charged and forwarded like any other request", async () => {
    const edge = await start();
    const response = await edge.request("/options", { method: "OPTIONS", headers: client });
    expect([response.status, response.headers.get("X-RateLimit-Remaining")]).toEqual([200, "2"]);
    expect(edge.forwarded.map(({ method }) => method)).toEqual(["OPTIONS"]);
  });

  it.each([
    [APP, APP],
    ["https://evil.example", null],
  ])("has the CORS headers of the policy, not of the upstream: %s", async (origin, allowed) => {
    const edge = await startEdge({
      policy: policyWith({ cors: { origins: [APP] }, routes: ROUTES }),
      upstream: () => new Response("", { headers: { "Access-Control-Allow-Origin": "*" } }),
    });
    const headers = { ...client, Origin: origin };
    const response = await edge.request("/options", { method: "OPTIONS", headers });
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe(allowed);
    expect(edge.forwarded.map(({ method }) => method)).toEqual(["OPTIONS"]);
  });
});

describe("a policy without CORS", () => {
  it("leaves CORS to the upstream, including preflights", async () => {
    const edge = await startEdge({
      upstream: () =>
        new Response("", { headers: { "Access-Control-Allow-Origin": "https://upstream.example" } }),
    });
    const response = await preflight(edge, "/identify");
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("https://upstream.example");
    expect(edge.forwarded).toHaveLength(1);
  });
});

describe("an origin with a wildcard for its first label", () => {
  it.each([
    ["https://a.example.com", true],
    ["https://a-1.example.com", true],
    ["https://a.b.example.com", false],
    ["https://example.com", false],
    ["https://.example.com", false],
    ["http://a.example.com", false],
    ["https://a.example.com:8443", false],
    ["https://evil.test/.example.com", false],
    ["https://evil.test#.example.com", false],
    ["https://aexample.com", false],
  ])("matches one label and nothing else: %s is %s", async (origin, isAllowed) => {
    const edge = await start({ origins: ["https://*.example.com"], credentials: true });
    const { headers } = await edge.request("/free/x", { headers: { Origin: origin } });
    expect(headers.get("Access-Control-Allow-Origin")).toBe(isAllowed ? origin : null);
    expect(headers.get("Access-Control-Allow-Credentials")).toBe(isAllowed ? "true" : null);
  });
});

it("of a stored policy allows nothing by a wildcard that a new policy may not have", async () => {
  const edge = await start({ origins: ["https://*.com"] });
  const { headers } = await edge.request("/free/x", { headers: { Origin: "https://evil.com" } });
  expect(headers.has("Access-Control-Allow-Origin")).toBe(false);
});

it("allows credentials to no origin that it does not allow, in a preflight either", async () => {
  const edge = await start();
  const response = await preflight(edge, "/identify", "https://evil.example");
  expect(response.headers.has("Access-Control-Allow-Credentials")).toBe(false);
});

it("allows the origins of apps", async () => {
  const edge = await start({ origins: ["capacitor://localhost"] });
  const { headers } = await edge.request("/free/x", { headers: { Origin: "capacitor://localhost" } });
  expect(headers.get("Access-Control-Allow-Origin")).toBe("capacitor://localhost");
});

it("keeps readable what the upstream exposes", async () => {
  const edge = await startEdge({
    policy: policyWith({ cors: CORS }),
    upstream: () => new Response("", { headers: { "Access-Control-Expose-Headers": "X-Total, Link" } }),
  });
  const { headers } = await edge.request("/identify", { headers: { ...client, Origin: APP } });
  const exposed = headers.get("Access-Control-Expose-Headers")?.split(/, ?/);
  expect(exposed).toEqual(expect.arrayContaining(["RateLimit", "X-Total", "Link"]));
});
