/** The security headers of the Worker's own responses: on all of them, and on none of the upstream's. */
import { expect, it } from "vitest";
import { bearer, newAddress } from "../fixtures/edge-admin.ts";
import { startEdge, type Edge } from "../fixtures/edge-app.ts";

const ask = (edge: Edge, path: string, init: RequestInit = {}): Promise<Response> => {
  const headers = new Headers(init.headers);
  headers.set("CF-Connecting-IP", newAddress());
  return edge.request(path, { ...init, headers });
};

const ADMIN = { headers: bearer() };

it.each<[method: string, path: string, init?: RequestInit]>([
  ["GET", "/health"],
  ["HEAD", "/health"],
  ["GET", "/ready"],
  ["GET", "/api/v1/openapi.json"],
  ["GET", "/api/v1/rate-limit/status"],
  ["GET", "/api/v1/rate-limit/metrics"],
  ["GET", "/api/v1/rate-limit/metrics", ADMIN],
  ["POST", "/api/v1/rate-limit/check"],
  ["POST", "/api/v1/rate-limit/check/batch"],
  ["OPTIONS", "/api/v1/rate-limit/status"],
  ["GET", "/api/v1/admin/policy"],
  ["GET", "/api/v1/admin/policy", ADMIN],
  ["GET", "/api/v1/admin/accounts", ADMIN],
  ["GET", "/api/v1/admin/accounts/nobody", ADMIN],
  ["GET", "/api/v1/admin/accounts/nobody/usage?format=csv", ADMIN],
  ["GET", "/api/v1/admin/reports/decisions?format=csv", ADMIN],
  ["GET", "/api/v1/admin/live", ADMIN],
  ["POST", "/api/v1/admin/session", { body: "no JSON" }],
  ["DELETE", "/api/v1/admin/session"],
  ["PATCH", "/api/v1/admin/session"],
  ["GET", "/api/v1/nothing"],
  ["GET", "/docs"],
  ["GET", "/docs/nothing.js"],
  ["GET", "/dashboard"],
  ["GET", "/dashboard/overview"],
  ["GET", "/dashboard/assets/nothing.js"],
])(
  "sends a request id, nosniff and Strict-Transport-Security on every response of a reserved path: %s %s",
  async (method, path, init) => {
    const { headers } = await ask(await startEdge(), path, { ...init, method });
    expect(headers.get("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(headers.get("Strict-Transport-Security")).toBe("max-age=31536000");
  },
);

it("sends nosniff on the response to an unexpected exception", async () => {
  const edge = await startEdge();
  Object.defineProperty(edge.services.policies, "current", {
    value: () => {
      throw new Error("a bug");
    },
  });
  const { status, headers } = await ask(edge, "/health");
  expect(status).toBe(500);
  expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
});

it("sends Strict-Transport-Security over https only, and for this host only", async () => {
  const edge = await startEdge();
  for (const path of ["/health", "/dashboard", "/api/v1/nothing"]) {
    const plain = await ask(edge, `http://edge.test${path}`);
    expect(plain.headers.get("Strict-Transport-Security")).toBeNull();
    expect(plain.headers.get("X-Content-Type-Options")).toBe("nosniff");
    const secure = await ask(edge, `https://edge.test${path}`);
    expect(secure.headers.get("Strict-Transport-Security")).toBe("max-age=31536000");
  }
});

it("adds no security headers to the upstream's response", async () => {
  const edge = await startEdge({ upstream: () => new Response("{}", { headers: { "X-Own": "1" } }) });
  const { status, headers } = await ask(edge, "/identify");
  expect([status, headers.get("X-Own")]).toEqual([200, "1"]);
  expect(headers.has("X-Content-Type-Options")).toBe(false);
  expect(headers.has("Strict-Transport-Security")).toBe(false);
});

it("keeps the upstream's own values of these headers", async () => {
  const own = { "X-Content-Type-Options": "nosniff", "Strict-Transport-Security": "max-age=1" };
  const edge = await startEdge({ upstream: () => new Response("{}", { headers: own }) });
  const { headers } = await ask(edge, "/identify");
  expect(headers.get("Strict-Transport-Security")).toBe("max-age=1");
  expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
});

it("sends nosniff on the gateway's own problems, but leaves Strict-Transport-Security to the upstream", async () => {
  const edge = await startEdge();
  for (const path of ["/no-such-route", "/a//b"]) {
    const { headers } = await ask(edge, path, { headers: { "X-API-Key": "bad" } });
    expect(headers.get("Content-Type")).toBe("application/problem+json");
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(headers.has("Strict-Transport-Security")).toBe(false);
  }
});

it("lets a live stream open", async () => {
  const headers = { ...bearer(), Upgrade: "websocket" };
  const { status, webSocket } = await ask(await startEdge(), "/api/v1/admin/live", { headers });
  expect(status).toBe(101);
  webSocket?.accept();
  webSocket?.close();
});
