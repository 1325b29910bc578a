/** What the client decides while the limiter does not answer. */
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EdgeLimiter, type EdgeLimiterOptions, type Operation } from "../../packages/client/src/index.ts";
import { LocalLimits } from "../../packages/client/src/local-limits.ts";
import { bucket, CAPACITY, decided, FakeLimiter } from "./fake-limiter.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A client that has asked about each operation, and whose limiter then fails. */
async function afterOutage(onFailure: EdgeLimiterOptions["onFailure"], heard: readonly Operation[]) {
  const server = new FakeLimiter();
  const limiter = new EdgeLimiter({
    url: "https://limits.test",
    key: "k",
    retries: 0,
    ...(onFailure ? { onFailure } : {}),
    fetch: server.fetch,
  });
  for (const operation of heard) await limiter.check(operation);
  server.next.push(...Array.from({ length: 100 }, () => "unreachable" as const));
  const admitted = async (user: string, cost: number, times: number): Promise<number> => {
    let count = 0;
    for (let n = 0; n < times; n++) {
      const { allowed, source } = await limiter.check({ user, cost });
      expect(source).toBe("fallback");
      if (allowed) count++;
    }
    return count;
  };
  return { server, limiter, admitted };
}

describe("open", () => {
  it("allows everything", async () => {
    const { admitted } = await afterOutage("open", []);
    expect(await admitted("ada", 1, 20)).toBe(20);
  });

  it("still rejects an account that is known to be blocked", async () => {
    const { server, limiter, admitted } = await afterOutage("open", []);
    server.next.length = 0;
    server.changes = { outcome: "blocked", allowed: false };
    await limiter.check({ user: "ada" });
    server.next.push("unreachable", "unreachable");
    expect(await admitted("ada", 1, 1)).toBe(0);
    expect(await admitted("bob", 1, 1)).toBe(1);
  });
});

it("closed rejects everything, until the limiter answers again", async () => {
  const { server, limiter, admitted } = await afterOutage("closed", [{ user: "ada" }]);
  expect(await admitted("ada", 1, 20)).toBe(0);
  server.next.length = 0;
  vi.advanceTimersByTime(1_000);
  expect(await limiter.check({ user: "ada" })).toMatchObject({ allowed: true, source: "strict" });
});

describe("local, the default,", () => {
  it("continues from what was left, which refills", async () => {
    const { limiter, admitted } = await afterOutage(undefined, [{ user: "ada", cost: 7 }]);
    expect(await admitted("ada", 1, 10)).toBe(3);
    expect(await limiter.check({ user: "ada" })).toMatchObject({
      outcome: "denied",
      violated: ["minute"],
      retryAfterMs: 6_000,
      limits: [{ name: "minute", remaining: 0, resetMs: 6_000 }],
    });
    vi.advanceTimersByTime(12_000);
    expect(await admitted("ada", 1, 10)).toBe(2);
  });

  it("starts others full, with the limits of their route and tier", async () => {
    const { admitted } = await afterOutage("local", [{ user: "ada", cost: 7 }]);
    expect(await admitted("bob", 3, 10)).toBe(3);
  });

  it("rejects what it has never heard of", async () => {
    const { limiter } = await afterOutage("local", [{ user: "ada" }]);
    expect(await limiter.check({ user: "ada", tier: "pro" })).toMatchObject({ outcome: "unavailable" });
  });

  it("charges nothing for a denial or a peek", async () => {
    const { limiter, admitted } = await afterOutage("local", [{ user: "ada", cost: 5 }]);
    expect(await limiter.check({ user: "ada", cost: 5, peek: true })).toMatchObject({ allowed: true });
    expect(await limiter.check({ user: "ada", cost: 6 })).toMatchObject({
      allowed: false,
      limits: [{ remaining: 5 }],
    });
    expect(await admitted("ada", 5, 2)).toBe(1);
  });

  it("forgets what it counted when the limiter answers again", async () => {
    const { server, limiter, admitted } = await afterOutage("local", [{ user: "ada", cost: 7 }]);
    expect(await admitted("ada", 1, 10)).toBe(3);
    server.next.length = 0;
    vi.advanceTimersByTime(1_000);
    expect(await limiter.check({ user: "ada", cost: 1 })).toMatchObject({ limits: [{ remaining: 2 }] });
  });

  it("admits what a limit holds and refills, and no more, whatever is asked when", () => {
    const asked = fc.record({
      afterMs: fc.integer({ min: 0, max: 20_000 }),
      cost: fc.integer({ min: 0, max: 12 }),
    });
    const kinds = fc.constantFrom("bucket" as const, "quota" as const);
    fc.assert(
      fc.property(
        kinds,
        fc.integer({ min: 0, max: CAPACITY }),
        fc.array(asked),
        (kind, remaining, requests) => {
          const local = new LocalLimits();
          const view = { ...bucket(remaining), kind, resetMs: 30_000 };
          local.learn({ user: "ada" }, decided({ limits: [view] }), 0);
          let nowMs = 0;
          let left = remaining;
          let endsAtMs = 30_000;
          for (const { afterMs, cost } of requests) {
            nowMs += afterMs;
            if (kind === "bucket") left = Math.min(CAPACITY, left + (afterMs * CAPACITY) / view.windowMs);
            else if (nowMs >= endsAtMs) {
              left = CAPACITY;
              while (endsAtMs <= nowMs) endsAtMs += view.windowMs;
            }
            const decision = local.decide({ user: "ada", cost }, nowMs);
            if (decision?.allowed) {
              expect(cost).toBeLessThanOrEqual(left + 1e-9);
              left -= cost;
            } else expect(cost).toBeGreaterThan(left - 0.001 * requests.length);
          }
        },
      ),
    );
  });

  it("rejects further users when too many have spent something, and admits them when that has refilled", () => {
    const local = new LocalLimits();
    local.learn({ user: "ada" }, decided({ limits: [bucket(9)] }), 0);
    for (let n = 0; n < 10_000; n++) expect(local.decide({ user: `user-${n}` }, 0)?.allowed).toBe(true);
    expect(local.decide({ user: "late" }, 0)).toBeNull();
    expect(local.decide({ user: "user-7" }, 0)?.allowed).toBe(true);
    expect(local.decide({ user: "late" }, 60_000)?.allowed).toBe(true);
  });
});
