/**
 * Health, readiness, and a deployment whose policy is unavailable or invalid: it keeps using the last valid one, and reports the
 * problem.
 */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { version } from "../../package.json";
import { customer, newAddress } from "../fixtures/edge-account.ts";
import { publishPolicy, startEdge } from "../fixtures/edge-app.ts";
import { kvWith } from "../fixtures/edge-bindings.ts";
import { policyWith, TEST_POLICY } from "../fixtures/edge-policy.ts";
import { problemCode } from "../fixtures/edge-problem.ts";

const down = () => {
  throw new Error("down");
};
const noRegistry = () => new Proxy(env.POLICY_REGISTRY, { get: down });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.spyOn(console, "error").mockReturnValue();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Long enough that everything cached is read from KV again. */
const minutesLater = () => vi.setSystemTime(Date.now() + 120_000);

describe("health", () => {
  it("reports version and revision, and is neither limited nor cached", async () => {
    const revision = await publishPolicy(TEST_POLICY);
    const edge = await startEdge({ policy: null });
    const headers = newAddress();
    for (let i = 0; i < 10; i++) {
      const response = await edge.request("/health", { headers });
      expect(response.headers.get("Cache-Control")).toBe("no-store");
      expect(response.headers.has("RateLimit")).toBe(false);
      expect(await response.json()).toEqual({
        status: "ok",
        version,
        deployment: env.CF_VERSION_METADATA?.id,
        revision,
        checks: { policy: "ok", limiter: "ok", jurisdiction: "ok" },
      });
    }
    const limited = await edge.request("/identify", { headers });
    expect(limited.headers.get("X-RateLimit-Remaining")).toBe("2");
  });

  it("ignores credentials, even bad ones", async () => {
    const response = await (await startEdge()).request("/health", { headers: { "X-API-Key": "wrong" } });
    expect(response.status).toBe(200);
  });
});

describe("if the latest policy is invalid", () => {
  it("the last valid one stays in force, health is degraded with the reason, and a valid one restores it", async () => {
    const good = await publishPolicy(TEST_POLICY);
    const edge = await startEdge({ policy: null });
    const { headers } = await customer(edge);
    expect((await edge.request("/identify", { headers })).status).toBe(200);

    const bad = await publishPolicy({ ...TEST_POLICY, defaultTier: "gone" });
    minutesLater();
    const response = await edge.request("/health");
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      status: "degraded",
      revision: good,
      checks: { policy: expect.stringMatching(new RegExp(`revision ${bad} is rejected: /defaultTier`)) },
    });
    expect((await edge.request("/identify", { headers })).headers.get("RateLimit-Policy")).toContain("q=10;");
    expect((await edge.request("/ready")).status).toBe(200);

    const better = await publishPolicy(policyWith({ defaultTier: "pro" }));
    minutesLater();
    expect(await (await edge.request("/health")).json()).toMatchObject({ status: "ok", revision: better });
  });
});

describe("if no policy can be loaded", () => {
  it("a new isolate rejects requests that need one with 503, is not ready, and still reports health", async () => {
    const variables = { CONFIG: kvWith(down), POLICY_REGISTRY: noRegistry() };
    const edge = await startEdge({ policy: null, variables });
    for (const path of ["/identify", "/nowhere", "/api/v1/rate-limit/status"]) {
      const response = await edge.request(path);
      expect(response.headers.get("Retry-After"), path).toBe("1");
      expect(await problemCode(response), path).toBe("503 temporary_reduced_capacity");
    }
    expect((await edge.request("/ready")).status).toBe(503);
    const health = await edge.request("/health");
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({ status: "degraded", revision: null });
  });

  it("an isolate that knows one keeps using it", async () => {
    let isDown = false;
    const CONFIG = kvWith(() => isDown && down());
    const edge = await startEdge({ variables: { CONFIG, POLICY_REGISTRY: noRegistry() } });
    const headers = newAddress();
    expect((await edge.request("/identify", { headers })).status).toBe(200);
    isDown = true;
    for (let i = 0; i < 3; i++) {
      minutesLater();
      expect((await edge.request("/identify", { headers })).status).toBe(200);
    }
    expect(await (await edge.request("/health")).json()).toMatchObject({ status: "degraded" });
    isDown = false;
    minutesLater();
    expect(await (await edge.request("/health")).json()).toMatchObject({ status: "ok" });
  });
});
