/** The stores for express-rate-limit and hono-rate-limiter, and the answers of @upstash/ratelimit. With the real ones: test/packages. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EdgeLimiterStore, type StoreOptions } from "../../packages/client/src/express.ts";
import type { Decision } from "../../packages/client/src/index.ts";
import { Ratelimit } from "../../packages/client/src/upstash.ts";
import { bucket, decided } from "./fake-limiter.ts";

const NOW = Date.UTC(2026, 0, 1);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], now: NOW });
});
afterEach(() => {
  vi.useRealTimers();
});

const DENIED = { outcome: "denied", allowed: false, violated: ["minute"], retryAfterMs: 1_500 } as const;
const BLOCKED = { outcome: "blocked", allowed: false } as const;

/** A client that gives these decisions. */
function deciding(changes: Partial<Decision> = {}) {
  let n = 0;
  const check = vi.fn(async () => {
    const reservation = { id: `r${++n}`, expiresAt: "2026-01-01T00:01:00Z" };
    return decided({ limits: [bucket(4)], reservation, ...changes });
  });
  const settle = vi.fn(async (settlement: { reservation: string }) => ({
    reservation: settlement.reservation,
    settled: true as const,
    cost: 0,
  }));
  return { check, settle };
}

const OPTIONS = { limit: 10, windowMs: 60_000, skipFailedRequests: false, skipSuccessfulRequests: false };

function storeOf(
  limiter: ReturnType<typeof deciding>,
  options: Partial<typeof OPTIONS> = {},
  more: StoreOptions = {},
) {
  const store = new EdgeLimiterStore(limiter, more);
  store.init({ ...OPTIONS, ...options });
  return store;
}

describe("a store", () => {
  it.each<[what: string, decision: Partial<Decision>, limit: unknown, hits: number, resetMs: number]>([
    ["what is left of the policy's limit", {}, 10, 6, 36_000],
    ["at least one hit", { limits: [{ ...bucket(4), limit: 100, remaining: 99 }] }, 10, 1, 36_000],
    ["no more hits than the limit", { limits: [bucket(0)] }, 10, 10, 60_000],
    ["one hit too many for a denial, until it passes", DENIED, 10, 11, 1_500],
    ["a block for a window", BLOCKED, 10, 11, 36_000],
    ["an unlimited tier", { limits: [] }, 10, 1, 60_000],
    ["one hit if the limit is a function", {}, () => 5, 1, 36_000],
    ["more hits than any limit for a denial then", DENIED, () => 5, Number.MAX_SAFE_INTEGER, 1_500],
  ])("reports %s", async (_what, decision, limit, totalHits, resetMs) => {
    const store = storeOf(deciding(decision), { limit: limit as number });
    expect(await store.increment("ada")).toEqual({ totalHits, resetTime: new Date(NOW + resetMs) });
  });

  it("asks with its prefix, route, cost and tier, and reserves nothing", async () => {
    const limiter = deciding();
    const store = storeOf(limiter, {}, { prefix: "ip:", route: "/login", cost: 2, tier: "free" });
    await store.increment("192.0.2.7");
    await store.get("192.0.2.7");
    const operation = { user: "ip:192.0.2.7", route: "/login", cost: 2, tier: "free" };
    expect(limiter.check.mock.calls).toEqual([[operation], [{ ...operation, peek: true }]]);
  });

  it("gives hits back, the oldest first, if the middleware skips some requests", async () => {
    const limiter = deciding();
    const store = storeOf(limiter, { skipFailedRequests: true });
    await store.increment("ada");
    await store.increment("ada");
    await store.decrement("ada");
    expect(limiter.check).toHaveBeenCalledWith({ user: "ada", reserve: { ttlMs: 60_000 } });
    expect(limiter.settle.mock.calls).toEqual([[{ user: "ada", reservation: "r1", cost: 0 }]]);
    vi.advanceTimersByTime(60_000);
    await store.decrement("ada");
    await store.decrement("bob");
    expect(limiter.settle).toHaveBeenCalledTimes(1);
  });

  it("charges the oldest hit when too many could be given back, and survives a limiter that does not answer", async () => {
    const limiter = deciding();
    const store = storeOf(limiter, { skipSuccessfulRequests: true });
    for (let n = 0; n < 17; n++) await store.increment("ada");
    expect(limiter.settle.mock.calls).toEqual([[{ user: "ada", reservation: "r1", cost: 1 }]]);
    limiter.settle.mockRejectedValue(new Error("no answer"));
    await store.decrement("ada");
    expect(limiter.settle).toHaveBeenCalledTimes(2);
  });

  it("cannot reset a user, and says how to", async () => {
    await expect(storeOf(deciding()).resetKey("a/b")).rejects.toThrow("/api/v1/admin/accounts/a%2Fb/reset");
  });
});

describe("an answer of Ratelimit", () => {
  const asked = (changes: Partial<Decision>) => new Ratelimit({ limiter: deciding(changes) }).limit("ada");

  it.each<[changes: Partial<Decision>, answer: object]>([
    [{}, { success: true, limit: 10, remaining: 4, reset: NOW + 36_000 }],
    [DENIED, { success: false, limit: 10, remaining: 4, reset: NOW + 1_500 }],
    [
      { ...DENIED, source: "deny-cache" },
      { success: false, reason: "cacheBlock" },
    ],
    [BLOCKED, { success: false, reason: "denyList" }],
    [
      { source: "fallback", limits: [] },
      { success: true, limit: 0, remaining: 0, reset: NOW, reason: "timeout" },
    ],
    [{ limits: [] }, { success: true, limit: Number.MAX_SAFE_INTEGER, remaining: Number.MAX_SAFE_INTEGER }],
  ])("to %j is %j", async (changes, answer) => {
    const { pending, ...response } = await asked(changes);
    expect(response).toMatchObject(answer);
    expect("reason" in response).toBe("reason" in answer);
    await pending;
  });

  it("costs the rate, and getRemaining costs nothing", async () => {
    const limiter = deciding();
    const { limit, getRemaining } = new Ratelimit({ limiter, prefix: "app:", tier: "pro" });
    await limit("ada", { rate: 3 });
    expect(await getRemaining("ada")).toEqual({ limit: 10, remaining: 4, reset: NOW + 36_000 });
    expect(limiter.check.mock.calls).toMatchObject([
      [{ user: "app:ada", tier: "pro", cost: 3 }],
      [{ user: "app:ada", tier: "pro", peek: true }],
    ]);
  });

  it("is waited for by blockUntilReady, until the timeout at most", async () => {
    const limiter = deciding(DENIED);
    const ratelimit = new Ratelimit({ limiter });
    const late = ratelimit.blockUntilReady("ada", 2_000);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await late).toMatchObject({ success: false });
    expect(limiter.check).toHaveBeenCalledTimes(3);
    const ready = ratelimit.blockUntilReady("ada", 2_000);
    await vi.advanceTimersByTimeAsync(1_499);
    limiter.check.mockResolvedValue(decided({ reservation: { id: "r", expiresAt: "" }, limits: [] }));
    await vi.advanceTimersByTimeAsync(1);
    expect(await ready).toMatchObject({ success: true });
    limiter.check.mockResolvedValue(decided({ ...DENIED, retryAfterMs: null } as never));
    expect(await ratelimit.blockUntilReady("ada", 2_000)).toMatchObject({ success: false });
  });
});
