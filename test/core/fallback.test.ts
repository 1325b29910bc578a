/** What an isolate admits by itself while a user's object fails. */
import { expect, it } from "vitest";
import type { DecisionRequest } from "../../src/core/decision.ts";
import { LocalFallback } from "../../src/limiter/fallback.ts";
import { UNHEARD } from "../../src/limiter/last-heard.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import type { CounterAllowance } from "../../src/policy/own-allowance.ts";
import { HOUR_MS } from "../../src/core/time.ts";

/** Midnight. */
const START_MS = Date.UTC(2031, 4, 14);
const REQUEST: DecisionRequest = {
  revision: 1,
  tier: "free",
  route: null,
  costMilli: null,
  keyId: null,
  peek: false,
  idempotencyKey: null,
};

it("admits what the limits allow one user from scratch, however long the failure lasts", () => {
  const limits = [{ name: "day", kind: "quota", amount: 5, per: "day" }];
  const document = { schema: 1, tiers: { free: { limits } }, routes: [], anonymousTier: "free" };
  const policy = compilePolicy({ ...document, defaultTier: "free" }, 1);
  if (!policy.ok) throw new Error(JSON.stringify(policy.faults));
  const fallback = new LocalFallback();
  let allowed = 0;
  for (let atMs = START_MS; atMs < START_MS + 24 * HOUR_MS; atMs += HOUR_MS / 4) {
    if (fallback.decide(policy.value, "user:ann", REQUEST, UNHEARD, atMs).allowed) allowed += 1;
  }
  expect(allowed).toBe(5);
});

it("never evicts a counter: beyond ten thousand users, others are rejected until a counter is at rest", () => {
  const limits = [{ name: "day", kind: "quota", amount: 1, per: "day" }];
  const document = { schema: 1, tiers: { free: { limits } }, routes: [], anonymousTier: "free" };
  const policy = compilePolicy({ ...document, defaultTier: "free" }, 1);
  if (!policy.ok) throw new Error(JSON.stringify(policy.faults));
  const fallback = new LocalFallback();
  const outcomeOf = (user: string, atMs: number) =>
    fallback.decide(policy.value, user, REQUEST, UNHEARD, atMs).outcome;
  expect(outcomeOf("user:ann", START_MS)).toBe("allowed");
  for (let i = 1; i < 10_000; i++) expect(outcomeOf(`user:${i}`, START_MS)).toBe("allowed");
  expect(outcomeOf("user:late", START_MS)).toBe("unavailable");
  expect(outcomeOf("user:ann", START_MS)).toBe("denied");
  expect(outcomeOf("user:late", START_MS + 24 * HOUR_MS)).toBe("allowed");
});

it("renews no limit for requests that alternate between tiers with other definitions of it", () => {
  const tiers = {
    day: { limits: [{ name: "main", kind: "quota", amount: 5, per: "day" }] },
    hour: { limits: [{ name: "main", kind: "quota", amount: 5, per: "hour" }] },
    bucket: { limits: [{ name: "main", kind: "bucket", tokens: 1, per: "day", burst: 5 }] },
  };
  const policy = compilePolicy({ schema: 1, tiers, routes: [], anonymousTier: "day", defaultTier: "day" }, 1);
  if (!policy.ok) throw new Error(JSON.stringify(policy.faults));
  const fallback = new LocalFallback();
  const allowed: Record<string, number> = { day: 0, hour: 0, bucket: 0 };
  for (let atMs = START_MS; atMs < START_MS + 4 * HOUR_MS; atMs += HOUR_MS / 10) {
    for (const tier of Object.keys(tiers)) {
      const { allowed: isAllowed } = fallback.decide(
        policy.value,
        "user:ann",
        { ...REQUEST, tier },
        UNHEARD,
        atMs,
      );
      if (isAllowed) allowed[tier] = (allowed[tier] ?? 0) + 1;
    }
  }
  expect(allowed).toEqual({ day: 5, hour: 20, bucket: 5 });
});

it("lets billed usage run to the hard stop that it last heard of, by the same cap, and test keys to the tier's amount", () => {
  const price = { model: "unit", unit: "0.01" };
  const limits = [
    { name: "month", kind: "quota", amount: 5, per: "month", overage: { mode: "payg", price } },
  ];
  const document = { schema: 1, tiers: { pro: { limits } }, routes: [], anonymousTier: "pro" };
  const billing = { currency: "USD" };
  const policy = compilePolicy({ ...document, defaultTier: "pro", billing }, 1);
  if (!policy.ok) throw new Error(JSON.stringify(policy.faults));
  /** The first denial, and how many were allowed before it. */
  const run = (allowance: Partial<CounterAllowance> | null, keyId: string | null = null) => {
    const fallback = new LocalFallback();
    const own = { limit: "month", anchorDay: 1, includedMilli: 5_000, amountMilli: 8_000, cap: "spend_cap" };
    const account = { tier: "pro", overrides: {} };
    const known = allowance && { ...account, allowance: { ...own, ...allowance } as CounterAllowance };
    const standing = { id: 1, account: known ?? account };
    for (let allowed = 0; allowed < 20; allowed++) {
      const request = { ...REQUEST, keyId };
      const decision = fallback.decide(policy.value, "user:ann", request, standing, START_MS);
      if (!decision.allowed) return [allowed, decision.cap ?? null, decision.retryAfterMs !== null];
    }
    return "never";
  };
  expect(run(null)).toEqual([5, null, true]);
  expect(run({})).toEqual([8, "spend_cap", true]);
  expect(run({ cap: "credits" })).toEqual([8, "credits", false]);
  expect(run({ amountMilli: null, cap: null })).toBe("never");
  expect(run({ amountMilli: null, cap: null }, "test_1")).toEqual([5, null, true]);
});
