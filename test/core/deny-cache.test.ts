/** What the deny cache remembers, with a given clock. test/edge/deny-cache.test.ts shows it from a client's view. */
import { expect, it } from "vitest";
import type { Decision, DecisionRequest } from "../../src/core/decision.ts";
import { DenyCache } from "../../src/limiter/deny-cache.ts";

const NOW_MS = 1_900_000_000_000;
const USER = "user:one";

const request = (changes: Partial<DecisionRequest> = {}): DecisionRequest => ({
  revision: 1,
  tier: "free",
  route: null,
  costMilli: 1_000,
  keyId: null,
  peek: false,
  idempotencyKey: null,
  ...changes,
});

const DENIED: Decision = {
  outcome: "denied",
  allowed: false,
  cost: 1,
  limits: [],
  retryAfterMs: 5_000,
  violated: ["minute"],
  source: "strict",
  tier: "free",
  revision: 1,
  decisionId: "first",
  holds: [],
};

/** Whether a denial is repeated for this request at that moment. */
const holds = (cache: DenyCache, atMs: number, asked = request()): boolean =>
  cache.find(USER, asked, 1_000, atMs) !== null;

it("a denial in transit while the account changes here is not repeated, a later one is", () => {
  const cache = new DenyCache();
  cache.forget(USER, NOW_MS);
  for (const askedAtMs of [NOW_MS - 10, NOW_MS]) {
    cache.note(USER, request(), DENIED, askedAtMs);
    expect(holds(cache, NOW_MS + 1)).toBe(false);
  }
  cache.note(USER, request(), DENIED, NOW_MS + 1);
  expect(holds(cache, NOW_MS + 1)).toBe(true);
});

it("any other answer voids the denial before it", () => {
  for (const outcome of ["allowed", "blocked", "revoked"] as const) {
    const cache = new DenyCache();
    cache.note(USER, request(), DENIED, NOW_MS);
    expect(holds(cache, NOW_MS)).toBe(true);
    cache.note(USER, request(), { ...DENIED, outcome, allowed: outcome === "allowed" }, NOW_MS);
    expect(holds(cache, NOW_MS)).toBe(false);
  }
});

it.each([
  // Longer than it holds, if the object is called too often; at most a second; as long as it holds, if that is longer.
  [200, 500, 500],
  [200, 5_000, 1_000],
  [700, 100, 700],
  [200, undefined, 200],
  // While a reset waits, not at all.
  [200, 0, 0],
])(
  "a denial that holds for %i ms, to be repeated for at least %s ms, is repeated for %i ms",
  (retryAfterMs, repeatMs, forMs) => {
    const cache = new DenyCache();
    cache.note(USER, request(), { ...DENIED, retryAfterMs }, NOW_MS, repeatMs);
    expect([holds(cache, NOW_MS + forMs - 1), holds(cache, NOW_MS + forMs)]).toEqual([forMs > 0, false]);
  },
);

it("a denial that is repeated longer than it holds says to try again at once", () => {
  const cache = new DenyCache();
  cache.note(USER, request(), { ...DENIED, retryAfterMs: 200 }, NOW_MS, 1_000);
  expect(cache.find(USER, request(), 1_000, NOW_MS + 900)?.retryAfterMs).toBe(1);
});

it("denials of peeks and of idempotency keys are not repeated", () => {
  const cache = new DenyCache();
  cache.note(USER, request({ peek: true }), DENIED, NOW_MS);
  cache.note(USER, request({ idempotencyKey: "once" }), DENIED, NOW_MS);
  expect(holds(cache, NOW_MS)).toBe(false);
});

it("a repeated denial gives the time left since the object was asked", () => {
  const cache = new DenyCache();
  cache.note(USER, request(), DENIED, NOW_MS);
  expect(cache.find(USER, request(), 1_000, NOW_MS + 400)?.retryAfterMs).toBe(4_600);
});

it("remembers at most sixteen routes and keys of a user, and at most 10,000 users", () => {
  const cache = new DenyCache();
  const of = (n: number) => request({ route: `route-${n}` });
  for (let n = 0; n < 17; n++) cache.note(USER, of(n), DENIED, NOW_MS);
  expect(Array.from({ length: 17 }, (_, n) => n).filter((n) => holds(cache, NOW_MS, of(n)))).toEqual([16]);
  for (let n = 0; n < 9_999; n++) cache.note(`user:${n}`, request(), DENIED, NOW_MS);
  expect(holds(cache, NOW_MS, of(16))).toBe(true);
  cache.note("user:another", request(), DENIED, NOW_MS);
  expect(holds(cache, NOW_MS, of(16))).toBe(false);
});
