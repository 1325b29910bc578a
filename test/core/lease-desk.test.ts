/** What an object grants at most, whoever asks: so many leases at once, and as many in one call as an isolate can hold. */
import { expect, it } from "vitest";
import { Counters } from "../../durable-objects/user-limiter/counters.ts";
import { type Books, grant } from "../../durable-objects/user-limiter/lease-desk.ts";
import { MOST_HELD } from "../../src/core/lease.ts";
import { LeaseBook, MOST_OPEN, type OpenLease } from "../../src/core/lease-book.ts";
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

/** A user with so many leases out. */
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
    accounts: { account: null, status: "active", adjust: (tier) => tier },
    counters: new Counters({}),
    keys: { isValid: () => true, originOf: (keyId) => keyId },
    leases: new LeaseBook(leases),
    ledger: { add: () => undefined, lose: () => undefined },
    unsettled: false,
  };
}

/** How many leases are granted for questions by so many keys in one call. */
function granted(user: Books, keys: number, limits: readonly LimitDocument[] = []): number {
  const costs = { costMilli: 1_000, peek: false, idempotencyKey: null };
  const asked = Array.from({ length: keys }, (_, i) => {
    const request = { revision: 1, tier: "leased", route: null, keyId: `key-${i}`, ...costs };
    return { question: { request, decide: true, wantMilli: 16_000 }, allowed: true };
  });
  return grant(user, policyOf(limits), asked, NOW_MS).filter((lease) => lease !== null).length;
}

it("512 leases of one user are open at once at most", () => {
  expect(granted(userWith(MOST_OPEN - 1), 2)).toBe(1);
  expect(granted(userWith(MOST_OPEN), 1)).toBe(0);
});

it("a lease holds four requests at least, and leaves four times as much: of fifteen tokens none is granted", () => {
  const burst = (tokens: number): LimitDocument => ({
    name: "day",
    kind: "bucket",
    tokens: 1,
    per: "day",
    burst: tokens,
  });
  expect([15, 16].map((tokens) => granted(userWith(0), 1, [burst(tokens)]))).toEqual([0, 1]);
});

it("one call brings no more leases than an isolate can hold", () => {
  expect(granted(userWith(0), MOST_HELD + 5)).toBe(MOST_HELD);
});
