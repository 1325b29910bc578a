/** The bounds of what an object lends: open leases of a user, leases per call, and the smallest lease. */
import { expect, it } from "vitest";
import { Counters } from "../../durable-objects/user-limiter/counters.ts";
import { type Books, lend } from "../../durable-objects/user-limiter/lease-desk.ts";
import { MAX_LEASES_PER_SUBJECT } from "../../src/core/lease.ts";
import { LeaseBook, MAX_OPEN_LEASES, NO_LEASES, type OpenLease } from "../../src/core/lease-book.ts";
import { compilePolicy, type Policy } from "../../src/policy/compile.ts";
import type { LimitDocument } from "../../src/policy/schema.ts";

const NOW_MS = 1_900_000_000_000;

function policyOf(limits: readonly LimitDocument[]): Policy {
  const tiers = { leased: { mode: "leased", limits } };
  const compiled = compilePolicy(
    { schema: 1, tiers, routes: [], anonymousTier: "leased", defaultTier: "leased" },
    1,
  );
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  return compiled.value;
}

/** A user with this many open leases. */
function userWith(open: number): Books {
  const leases = Array.from({ length: open }, (_, i): OpenLease => ({
    id: `lease-${i}`,
    milli: 1_000,
    grantedAtMs: NOW_MS,
    endsAtMs: NOW_MS + 1_000,
    counters: [],
    tier: "leased",
    route: null,
    keyId: null,
  }));
  return {
    isOverdue: () => false,
    accounts: { account: null, status: "active", adjust: (tier) => tier, changesAtMs: () => Infinity },
    counters: new Counters({}, NOW_MS),
    keys: { isValid: () => true, originOf: (keyId) => keyId, stopsAtMs: () => Infinity },
    leases: new LeaseBook({ ...NO_LEASES, open: leases }, "epoch", NOW_MS),
    ledger: { add: () => false, lose: () => undefined, withdraw: () => undefined },
    deniedAtMs: -Infinity,
    needsCheckpoint: false,
    adoptPolicy: () => undefined,
    unchangedUntilMs: (_policy, untilMs) => untilMs,
    relyOn: () => undefined,
    recover: () => undefined,
  };
}

/** How many leases are lent for questions of this many keys in one call. */
function lent(user: Books, keys: number, limits: readonly LimitDocument[] = []): number {
  const costs = { costMilli: 1_000, peek: false, idempotencyKey: null };
  const questions = Array.from({ length: keys }, (_, i) => {
    const request = { revision: 1, tier: "leased", route: null, keyId: `key-${i}`, ...costs };
    return { request, decide: true, wantMilli: 16_000 };
  });
  const answers = questions.map(() => ({ decision: { allowed: true }, lease: null }));
  lend(user, policyOf(limits), questions, answers, NOW_MS);
  return answers.filter(({ lease }) => lease !== null).length;
}

it("lends at most 512 leases of one user at once", () => {
  expect(lent(userWith(MAX_OPEN_LEASES - 1), 2)).toBe(1);
  expect(lent(userWith(MAX_OPEN_LEASES), 1)).toBe(0);
});

it("lends at most one headroom, and at least two requests, so nothing of 99 tokens", () => {
  const burst = (tokens: number): LimitDocument => ({
    name: "day",
    kind: "bucket",
    tokens: 1,
    per: "day",
    burst: tokens,
  });
  expect([99, 100].map((tokens) => lent(userWith(0), 1, [burst(tokens)]))).toEqual([0, 1]);
});

it("lends no more in one call than an isolate can hold", () => {
  expect(lent(userWith(0), MAX_LEASES_PER_SUBJECT + 5)).toBe(MAX_LEASES_PER_SUBJECT);
});
