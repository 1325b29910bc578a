/**
 * `limit()` of the client package in another team's Worker: a separate app with a binding to the EdgeLimiter entrypoint, which it calls over real
 * RPC.
 */
import { exports } from "cloudflare:workers";
import { Hono } from "hono";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { Decision } from "../../src/core/decision.ts";
import { limit, type LimitOptions } from "../../packages/client/src/limit.ts";
import { newUser } from "../fixtures/edge-account.ts";
import { publishPolicy } from "../fixtures/edge-app.ts";
import { policyWith, TEST_POLICY } from "../fixtures/edge-policy.ts";
import { problemCode, problemOf } from "../fixtures/edge-problem.ts";

interface ReportsEnv {
  Bindings: { EDGE_LIMITER: typeof exports.EdgeLimiter };
}
const BINDINGS = { EDGE_LIMITER: exports.EdgeLimiter };

/** An app as another team would write it: reports cost 5, and a header names the user. */
function reportsApp(options: Partial<LimitOptions<ReportsEnv>> = {}) {
  const built = vi.fn(() => new Response("the report", { headers: { "Server-Timing": "db;dur=7" } }));
  const app = new Hono<ReportsEnv>();
  app.use(
    "/reports/*",
    limit<ReportsEnv>({
      decide: async (c) => c.env.EDGE_LIMITER.check({ user: c.req.header("X-User") ?? "", cost: 5 }),
      ...options,
    }),
  );
  app.all("/reports/*", built);
  app.get("/other", (c) => c.text("other"));
  const ask = (user: string, path = "/reports/1") =>
    app.request(path, { headers: { "X-User": user } }, BINDINGS);
  return { app, ask, built };
}

/** A decision as the limiter might return it. */
function decided(changes: Partial<Decision>): Decision {
  return {
    outcome: "denied",
    allowed: false,
    cost: 1,
    limits: [],
    retryAfterMs: 1_001,
    violated: [],
    source: "strict",
    tier: "free",
    revision: 1,
    decisionId: crypto.randomUUID(),
    holds: [],
    ...changes,
  };
}

const PARALLEL = { name: "parallel", kind: "concurrency", max: 1, ttlMs: 3_600_000 } as const;

beforeAll(async () => {
  await publishPolicy(policyWith({ tiers: { ...TEST_POLICY.tiers, slots: { limits: [PARALLEL] } } }));
});

describe("another Worker's app", () => {
  it("runs its handler if the limiter allows, and adds the limits to its own headers", async () => {
    const { ask, built } = reportsApp();
    const response = await ask(newUser());
    expect(await response.text()).toBe("the report");
    expect(built).toHaveBeenCalledTimes(1);
    expect(response.headers.get("RateLimit")).toMatch(/^"minute";r=5;t=\d+, "month";r=995;t=\d+$/);
    expect(response.headers.has("X-RateLimit-Remaining")).toBe(false);
    expect(response.headers.get("Server-Timing")).toBe("db;dur=7");
    expect(response.headers.get("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("answers 429 without running its handler if the limiter denies", async () => {
    const { ask, built } = reportsApp();
    const user = newUser();
    await ask(user);
    await ask(user);
    const response = await ask(user);
    expect(response.headers.get("Retry-After")).toMatch(/^\d+$/);
    expect(response.headers.get("RateLimit")).toMatch(/^"minute";r=0;/);
    expect(await problemOf(response)).toMatchObject({
      status: 429,
      code: "quota_exceeded",
      "violated-policies": ["minute"],
    });
    expect(built).toHaveBeenCalledTimes(2);
  });

  it("does not limit other paths", async () => {
    const response = await reportsApp().ask(newUser(), "/other");
    expect(await response.text()).toBe("other");
    expect(response.headers.has("RateLimit")).toBe(false);
  });

  it("may return a fetched response, whose headers are immutable", async () => {
    const app = new Hono();
    app.use(limit({ decide: async () => decided({ outcome: "allowed", allowed: true, limits: [VIEW] }) }));
    app.get("/health", () => exports.default.fetch("https://edge.test/health"));
    const response = await app.request("/health");
    expect(response.status).toBe(200);
    expect(response.headers.get("RateLimit")).toBe('"minute";r=1;t=60');
    expect(await response.json()).toMatchObject({ status: "ok" });
  });
});

const VIEW: Decision["limits"][number] = {
  name: "minute",
  kind: "bucket",
  limit: 2,
  remaining: 1,
  resetMs: 60_000,
  windowMs: 120_000,
};

describe("an outcome", () => {
  it.each<
    [outcome: Decision["outcome"], changes: Partial<Decision>, code: string, retryAfter: string | null]
  >([
    ["denied", { violated: ["minute"] }, "429 quota_exceeded", "2"],
    ["denied", { violated: ["minute"], retryAfterMs: null }, "429 quota_exceeded", null],
    ["denied", { violated: ["month"], cap: "spend_cap" }, "429 spend_cap_reached", "2"],
    ["denied", { violated: ["month"], cap: "budget" }, "429 budget_reached", "2"],
    ["denied", { violated: ["month"], cap: "credits", retryAfterMs: null }, "402 credits_exhausted", null],
    ["blocked", { retryAfterMs: 0 }, "403 blocked", null],
    ["overdue", { retryAfterMs: 0 }, "402 payment_overdue", null],
    ["revoked", { retryAfterMs: 0 }, "401 invalid_credentials", null],
    ["unavailable", { retryAfterMs: 1_000 }, "503 temporary_reduced_capacity", "1"],
    ["unavailable", { retryAfterMs: null }, "503 temporary_reduced_capacity", "1"],
    ["mismatch", { retryAfterMs: null }, "422 idempotency_mismatch", null],
  ])("%s with %j gives %s", async (outcome, changes, code, retryAfter) => {
    const { ask, built } = reportsApp({ decide: async () => decided({ outcome, ...changes }) });
    const response = await ask("ada");
    expect(response.headers.get("Retry-After")).toBe(retryAfter);
    expect(await problemCode(response)).toBe(code);
    expect(built).not.toHaveBeenCalled();
  });

  it("of null means an exempt request, which is admitted without limit headers", async () => {
    const { ask, built } = reportsApp({ decide: async () => null });
    const response = await ask("ada");
    expect(built).toHaveBeenCalledTimes(1);
    expect(response.headers.has("RateLimit")).toBe(false);
    expect(response.headers.get("Server-Timing")).toBe("db;dur=7");
  });
});

describe("if the decision call fails", () => {
  const failing = { decide: () => Promise.reject(new Error("secret binding is broken")) };

  it("the request is rejected with 503 by default, without revealing the reason", async () => {
    const { ask, built } = reportsApp(failing);
    const response = await ask("ada");
    expect(response.headers.get("Retry-After")).toBe("1");
    const shown = await response.clone().text();
    expect(await problemCode(response)).toBe("503 temporary_reduced_capacity");
    expect(shown).not.toContain("secret");
    expect(built).not.toHaveBeenCalled();
  });

  it("the request is admitted without limits if the app fails open", async () => {
    const response = await reportsApp({ ...failing, onFailure: "open" }).ask("ada");
    expect(await response.text()).toBe("the report");
    expect(response.headers.has("RateLimit")).toBe(false);
  });

  it("a client that reuses an idempotency key is rejected even if the app fails open", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    const { ask, built } = reportsApp({
      onFailure: "open",
      decide: async (c) =>
        c.env.EDGE_LIMITER.check({
          user: c.req.header("X-User") ?? "",
          cost: c.req.path === "/reports/1" ? 1 : 5,
          idempotencyKey: "chosen-by-the-client",
        }),
    });
    const user = newUser();
    expect((await ask(user, "/reports/1")).status).toBe(200);
    expect(await problemCode(await ask(user, "/reports/2"))).toBe("422 idempotency_mismatch");
    expect((await ask(user, "/reports/1")).status).toBe(200);
    expect(built).toHaveBeenCalledTimes(2);
  });

  it("the request is rejected with 503, even if the app itself sent an invalid user id", async () => {
    expect((await reportsApp().ask("a b")).status).toBe(503);
  });
});

it("a rejection replaces the response of an earlier middleware", async () => {
  const app = new Hono();
  app.use(async (c, next) => {
    c.res = new Response("from the cache");
    await next();
  });
  app.use(limit({ decide: async () => decided({ violated: ["minute"] }) }));
  expect((await app.request("/")).status).toBe(429);
});

it("a request id that is not a valid header value fails with 500", async () => {
  const app = new Hono();
  const allowed = decided({ outcome: "allowed", allowed: true });
  app.use(limit({ decide: () => allowed, requestId: () => "a\nb" }));
  app.get("/", (c) => c.text("ok"));
  vi.spyOn(console, "error").mockReturnValue();
  expect((await app.request("/")).status).toBe(500);
});

describe("an app may choose", () => {
  it("its own request id", async () => {
    const { ask } = reportsApp({
      decide: async () => decided({ violated: ["minute"] }),
      requestId: () => "00000000-0000-4000-8000-000000000000",
    });
    expect((await problemOf(await ask("ada"))).requestId).toBe("00000000-0000-4000-8000-000000000000");
  });

  it("to send X-RateLimit headers and its own timing besides the app's", async () => {
    const response = await reportsApp({ xRateLimit: () => true, serverTiming: () => true }).ask(newUser());
    expect(response.headers.get("X-RateLimit-Remaining")).toBe("5");
    expect(response.headers.get("Server-Timing")).toMatch(/^db;dur=7, limiter;dur=\d+\.\d;desc="strict"$/);
  });
});

it("a slot is free again when the response that held it has been read", async () => {
  const user = newUser();
  let end = (): void => undefined;
  const app = new Hono<ReportsEnv>();
  app.use(
    limit<ReportsEnv>({
      decide: async (c) => c.env.EDGE_LIMITER.check({ user, tier: "slots" }),
      settle: async (c, { id }, { cost }) => c.env.EDGE_LIMITER.settle({ user, reservation: id, cost }),
    }),
  );
  app.get("/", () => {
    const { readable, writable } = new IdentityTransformStream();
    end = () => void writable.close();
    return new Response(readable);
  });
  const ask = async () => app.request("/", {}, BINDINGS);
  const first = await ask();
  expect(first.status).toBe(200);
  const denied = await ask();
  expect([denied.status, denied.headers.get("Retry-After")]).toEqual([429, "1"]);
  const read = first.text();
  end();
  await read;
  await vi.waitFor(async () => expect((await ask()).status).toBe(200));
});
