/** The client's calls: batches, retries, deadlines, cached denials and bounds. The real limiter: test/packages. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  EdgeLimiter,
  type EdgeLimiterBinding,
  EdgeLimiterError,
  type EdgeLimiterOptions,
} from "../../packages/client/src/index.ts";
import { bucket, decided, FakeLimiter } from "./fake-limiter.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function client(options: Partial<EdgeLimiterOptions> = {}) {
  const server = new FakeLimiter();
  const limiter = new EdgeLimiter({
    url: "https://limits.test",
    key: "el_live_key",
    onFailure: "closed",
    fetch: server.fetch,
    ...options,
  });
  return { server, limiter };
}

describe("calls", () => {
  it("of one tick form one batch, each with its own answer", async () => {
    const { server, limiter } = client();
    const checks = [11, 2, 3].map((cost) => limiter.check({ user: "ada", cost }));
    const decisions = await Promise.all([...checks, limiter.checkMany([{ user: "bob" }])]);
    expect(server.calls.map(({ operations }) => operations.length)).toEqual([4]);
    expect(decisions).toMatchObject([{ allowed: false }, { cost: 2 }, { cost: 3 }, [{ cost: 1 }]]);
    await limiter.check({ user: "ada" });
    expect(server.calls).toHaveLength(2);
  });

  it("of more operations than a batch takes form several", async () => {
    const { server, limiter } = client();
    await Promise.all(Array.from({ length: 2_500 }, (_, n) => limiter.check({ user: `user-${n}` })));
    expect(server.calls.map(({ operations }) => operations.length)).toEqual([1_000, 1_000, 500]);
    await expect(limiter.checkMany(Array.from({ length: 1_001 }, () => ({ user: "ada" })))).rejects.toThrow(
      "at most 1000",
    );
  });

  it("carry the key, and go to the limiter's URL", async () => {
    const { server, limiter } = client({ url: "https://limits.test/ignored?x=1" });
    await limiter.check({ user: "ada" });
    expect(server.calls[0]?.url).toBe("https://limits.test/api/v1/rate-limit/check/batch");
    expect(server.calls[0]?.headers.get("Authorization")).toBe("Bearer el_live_key");
  });

  it("with an invalid operation fail for it alone, with the path", async () => {
    const { limiter } = client();
    const [good, bad] = await Promise.allSettled([
      limiter.check({ user: "ada" }),
      limiter.check({ user: "a b" }),
    ]);
    expect(good).toMatchObject({ value: { allowed: true } });
    expect(bad).toMatchObject({ reason: { code: "invalid_request", errors: [{ path: "/user" }] } });
    expect(bad).toHaveProperty("reason.message", "invalid_request: /user is not valid");
    expect(await limiter.checkMany([{ user: "ada" }, { user: "a b" }])).toMatchObject([
      { allowed: true },
      { error: { code: "invalid_request", errors: [{ path: "/user" }] } },
    ]);
  });

  it("with an invalid key fail, whatever onFailure says", async () => {
    const { server, limiter } = client({ onFailure: "open" });
    const body = JSON.stringify({ code: "invalid_credentials", detail: "The API key is unknown." });
    const rejected = { status: 401, body };
    server.next.push(rejected, rejected);
    const failed = limiter.check({ user: "ada" });
    await expect(failed).rejects.toThrow("invalid_credentials: The API key is unknown.");
    await expect(failed).rejects.toBeInstanceOf(EdgeLimiterError);
    await expect(limiter.checkMany([{ user: "ada" }])).rejects.toMatchObject({ code: "invalid_credentials" });
    expect(server.calls).toHaveLength(2);
  });
});

describe("a call without an answer", () => {
  it.each(["dies", "unreachable", { status: 500 }, { status: 200, body: "<html>" }] as const)(
    "(%j) is repeated once, and charged once",
    async (fate) => {
      const { server, limiter } = client();
      server.next.push(fate);
      const decision = limiter.check({ user: "ada", cost: 3 });
      await vi.advanceTimersByTimeAsync(100);
      expect(await decision).toMatchObject({ allowed: true, source: "strict" });
      expect(server.calls).toHaveLength(2);
      expect(server.charged("ada")).toBe(3);
    },
  );

  it("is not repeated twice", async () => {
    const { server, limiter } = client();
    server.next.push("dies", "dies", "dies");
    const decision = limiter.check({ user: "ada", cost: 3 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await decision).toMatchObject({ allowed: false, outcome: "unavailable" });
    expect(server.calls).toHaveLength(2);
    expect(server.charged("ada")).toBe(3);
  });

  it("is repeated with the caller's own key, and without one if it charges nothing", async () => {
    const { server, limiter } = client();
    server.next.push("dies");
    const checks = [
      limiter.check({ user: "ada", idempotencyKey: "order-7" }),
      limiter.check({ user: "ada", peek: true }),
    ];
    await vi.advanceTimersByTimeAsync(100);
    await Promise.all(checks);
    for (const { operations } of server.calls) {
      expect(operations.map(({ idempotencyKey }) => idempotencyKey)).toEqual(["order-7", undefined]);
    }
  });

  it("is not repeated, and has no key, if retries are off", async () => {
    const { server, limiter } = client({ retries: 0 });
    server.next.push("unreachable");
    expect(await limiter.check({ user: "ada" })).toMatchObject({ outcome: "unavailable" });
    expect(server.calls).toHaveLength(1);
    expect(server.calls[0]?.operations).toEqual([{ user: "ada" }]);
  });

  it("is repeated when Retry-After says, if that is within the deadline", async () => {
    const { server, limiter } = client({ timeoutMs: 1_500 });
    server.next.push({ status: 503, headers: { "Retry-After": "1" } });
    const decision = limiter.check({ user: "ada" });
    await vi.advanceTimersByTimeAsync(999);
    expect(server.calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await decision).toMatchObject({ allowed: true });
    server.next.push({ status: 503, headers: { "Retry-After": "2" } });
    expect(await limiter.check({ user: "ada" })).toMatchObject({ outcome: "unavailable" });
    expect(server.calls).toHaveLength(3);
  });

  it("ends at the deadline, which the second attempt shares", async () => {
    const { server, limiter } = client({ timeoutMs: 300 });
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    server.next.push({ status: 500 }, "hangs");
    const ended = vi.fn();
    const decision = limiter.check({ user: "ada" }).finally(ended);
    await vi.advanceTimersByTimeAsync(299);
    expect(server.calls).toHaveLength(2);
    expect(ended).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(await decision).toMatchObject({ outcome: "unavailable", retryAfterMs: 1_000 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is reported to onError", async () => {
    const onError = vi.fn();
    const { server, limiter } = client({ retries: 0, onError });
    server.next.push("unreachable");
    await limiter.check({ user: "ada" });
    expect(onError).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ code: "no_answer", message: "no connection to limits.test" }),
    );
  });

  it("repeated three times leads to one call a second, until one is answered", async () => {
    const { server, limiter } = client({ retries: 0 });
    server.next.push(...Array.from({ length: 4 }, () => "unreachable" as const));
    for (let n = 0; n < 10; n++) await limiter.check({ user: "ada" });
    expect(server.calls).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(1_000);
    for (let n = 0; n < 10; n++) await limiter.check({ user: "ada" });
    expect(server.calls).toHaveLength(4);
    await vi.advanceTimersByTimeAsync(1_000);
    for (let n = 0; n < 3; n++) expect(await limiter.check({ user: "ada" })).toMatchObject({ allowed: true });
    expect(server.calls).toHaveLength(7);
  });
});

describe("a denial", () => {
  async function denied() {
    const { server, limiter } = client();
    await limiter.check({ user: "ada", cost: 8 });
    const denial = await limiter.check({ user: "ada", cost: 3 });
    expect(denial).toMatchObject({ outcome: "denied", source: "strict", retryAfterMs: 700 });
    return { server, limiter, denial };
  }

  it("is repeated without a call until its Retry-After, with its times as of then", async () => {
    const { server, limiter, denial } = await denied();
    vi.advanceTimersByTime(699);
    const again = await limiter.check({ user: "ada", cost: 3 });
    const { decisionId } = denial;
    expect(again).toMatchObject({ outcome: "denied", source: "deny-cache", retryAfterMs: 1, decisionId });
    expect(again.limits[0]?.resetMs).toBe((denial.limits[0]?.resetMs ?? 0) - 699);
    expect(server.calls).toHaveLength(2);
    vi.advanceTimersByTime(1);
    await limiter.check({ user: "ada", cost: 3 });
    expect(server.calls).toHaveLength(3);
  });

  it("is repeated for a second at most", async () => {
    const { server, limiter } = client();
    server.changes = { outcome: "denied", allowed: false, retryAfterMs: 60_000, violated: ["minute"] };
    await limiter.check({ user: "ada" });
    vi.advanceTimersByTime(999);
    await limiter.check({ user: "ada" });
    expect(server.calls).toHaveLength(1);
    vi.advanceTimersByTime(1);
    await limiter.check({ user: "ada" });
    expect(server.calls).toHaveLength(2);
  });

  it.each([
    ["another cost", { user: "ada", cost: 2 }],
    ["another route", { user: "ada", cost: 3, route: "/compare" }],
    ["another tier", { user: "ada", cost: 3, tier: "pro" }],
    ["another user", { user: "bob", cost: 3 }],
    ["a key of the caller's own", { user: "ada", cost: 3, idempotencyKey: "order-7" }],
    ["a peek", { user: "ada", cost: 3, peek: true }],
  ])("is not repeated for %s", async (_what, operation) => {
    const { server, limiter } = await denied();
    await limiter.check(operation);
    expect(server.calls).toHaveLength(3);
  });

  it.each([
    ["that never ends", { retryAfterMs: null }],
    ["that the edge repeats", { source: "deny-cache" as const }],
    ["for want of a slot", { limits: [{ ...bucket(0), kind: "concurrency" as const }] }],
    ["of a blocked account", { outcome: "blocked" as const }],
  ])("%s is not repeated", async (_what, changes) => {
    const { server, limiter } = client();
    server.changes = {
      outcome: "denied",
      allowed: false,
      retryAfterMs: 500,
      violated: ["minute"],
      ...changes,
    };
    await limiter.check({ user: "ada" });
    await limiter.check({ user: "ada" });
    expect(server.calls).toHaveLength(2);
  });

  it("is void when a newer policy has decided", async () => {
    const { server, limiter } = await denied();
    server.changes = { revision: 2 };
    await limiter.check({ user: "bob" });
    await limiter.check({ user: "ada", cost: 3 });
    expect(server.calls).toHaveLength(4);
  });
});

describe("operations that wait", () => {
  const waiting = (limiter: EdgeLimiter, count: number) =>
    Array.from({ length: count }, (_, n) => limiter.check({ user: `user-${n}` }));

  it("are 10,000 at most; others are rejected, even if the client fails open", async () => {
    const { server, limiter } = client({ onFailure: "open" });
    server.next.push(...Array.from({ length: 10 }, () => "hangs" as const));
    const held = waiting(limiter, 10_000);
    expect(await limiter.check({ user: "ada" })).toMatchObject({ allowed: false, outcome: "overloaded" });
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await Promise.all(held)).every(({ allowed }) => allowed)).toBe(true);
    expect(server.calls).toHaveLength(10);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await limiter.check({ user: "ada" })).toMatchObject({ allowed: true, source: "strict" });
  });

  it("do not count for longer than their deadline, even if the runtime never resumes them", async () => {
    const never = new Promise<never>(() => undefined);
    const { limiter } = client({ fetch: () => never });
    vi.spyOn(globalThis, "setTimeout").mockReturnValue(0 as never);
    void waiting(limiter, 10_000);
    await new Promise(setImmediate);
    expect(await limiter.check({ user: "ada" })).toMatchObject({ outcome: "overloaded" });
    vi.advanceTimersByTime(1_001);
    const isAsked = await Promise.race([
      limiter.check({ user: "ada" }),
      new Promise((done) => setImmediate(done, "asked")),
    ]);
    expect(isAsked).toBe("asked");
  });
});

describe("a binding", () => {
  function bound(binding: Partial<EdgeLimiterBinding>, options: Partial<EdgeLimiterOptions> = {}) {
    const unused = () => Promise.reject(new Error("not used"));
    const all = { check: unused, checkMany: unused, settle: unused, status: unused, ...binding };
    return new EdgeLimiter({ binding: all, onFailure: "closed", ...options });
  }

  it("is asked in batches, and again after a failure", async () => {
    const checkMany = vi.fn<EdgeLimiterBinding["checkMany"]>();
    checkMany.mockRejectedValueOnce(new Error("Network connection lost."));
    checkMany.mockImplementation(async (operations) => operations.map(() => decided()));
    const limiter = bound({ checkMany });
    const checks = Promise.all([limiter.check({ user: "ada" }), limiter.check({ user: "bob" })]);
    await vi.advanceTimersByTimeAsync(100);
    expect(await checks).toMatchObject([{ allowed: true }, { allowed: true }]);
    const [first, second] = checkMany.mock.calls;
    expect(first).toEqual(second);
    expect(first?.[0].map(({ user }) => user)).toEqual(["ada", "bob"]);
  });

  it("that hangs is given up at the deadline", async () => {
    const limiter = bound({ checkMany: () => new Promise(() => undefined) });
    const decision = limiter.check({ user: "ada" });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await decision).toMatchObject({ outcome: "unavailable" });
  });

  it("says what is wrong with a question", async () => {
    const status = () => Promise.reject(new TypeError("invalid_request: user must be printable"));
    await expect(bound({ status }).status("a b")).rejects.toThrow("invalid_request: user must be printable");
    const settle = () =>
      Promise.reject(new TypeError('invalid_request: [{"path":"/cost","message":"is odd"}]'));
    await expect(bound({ settle }).settle({ user: "ada", reservation: "r1", cost: 1 })).rejects.toMatchObject(
      {
        message: "invalid_request: /cost is odd",
        errors: [{ path: "/cost" }],
      },
    );
  });
});

it.each<[options: EdgeLimiterOptions, message: string]>([
  [{}, "needs a url and a key, or a binding"],
  [{ url: "https://limits.test" }, "needs a url and a key, or a binding"],
  [
    { url: "localhost:8787", key: "el_live_x" },
    'url must begin with http:// or https://, not "localhost:8787"',
  ],
  [{ url: "limits.test", key: "k" }, 'url must begin with http:// or https://, not "limits.test"'],
  [{ url: "https://limits.test", key: "k", timeoutMs: 0 }, "timeoutMs must be more than 0"],
  [
    { url: "https://limits.test", key: "k", onFailure: "maybe" as never },
    'must be "local", "open" or "closed"',
  ],
])("options %j are rejected", (options, message) => {
  expect(() => new EdgeLimiter(options)).toThrow(message);
});
