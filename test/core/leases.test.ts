/** The bounds of the leases that an isolate holds and of the settlements that it owes. */
import { describe, expect, it } from "vitest";
import { MetricDeltas } from "../../src/analytics/metrics/metric-deltas.ts";
import { MAX_LEASES_PER_SUBJECT } from "../../src/core/lease.ts";
import { Leases } from "../../src/limiter/leases.ts";
import type { Lease, Settlement } from "../../src/objects/object-call.ts";
import { embeddedPolicy } from "../../src/policy/policy-store.ts";

const NOW_MS = 1_900_000_000_000;
/** How long a call may take. */
const WITHIN_MS = 3_000;
const policy = embeddedPolicy();

const request = (keyId: string | null = null) => ({
  revision: policy.revision,
  tier: "pro",
  route: null,
  costMilli: 1_000,
  keyId,
  peek: false,
  idempotencyKey: null,
});

const lease = (id: string, keyId: string | null = null): Lease => ({
  id,
  milli: 5_000,
  forMs: 1_000,
  revision: policy.revision,
  tier: "pro",
  keyId,
  route: null,
  limits: [],
});

function counting() {
  const metrics = new MetricDeltas();
  /** Tokens by event, since the last time. */
  const tokens = (): Record<string, number> =>
    Object.fromEntries(
      (metrics.take() ?? [])
        .filter(([family]) => family === "leaseTokens")
        .map(([, [event = ""], [value = 0]]) => [event, value / 1_000]),
    );
  return { leases: new Leases(metrics), tokens };
}

it("keeps at most 10,000 users and evicts the oldest first", () => {
  const { leases } = counting();
  for (let n = 0; n <= 10_000; n++)
    leases.put(`user:${n}`, lease(`lease-${n}`), "pro", policy, NOW_MS, NOW_MS);
  expect(leases.size).toBe(10_000);
  expect(leases.find("user:0", request(), null, NOW_MS)).toBeNull();
  expect(leases.find("user:1", request(), null, NOW_MS)).not.toBeNull();
});

it("holds at most sixteen leases of a user: the oldest is settled for the next", () => {
  const { leases } = counting();
  for (let n = 0; n <= MAX_LEASES_PER_SUBJECT; n++)
    leases.put("user", lease(`lease-${n}`, `key-${n}`), "pro", policy, NOW_MS, NOW_MS);
  expect(leases.find("user", request("key-0"), null, NOW_MS)).toBeNull();
  expect(leases.find("user", request("key-1"), null, NOW_MS)).not.toBeNull();
  expect(leases.takeOwed("user", NOW_MS, WITHIN_MS)).toEqual([{ leaseId: "lease-0", cells: [] }]);
});

it("keeps 48 settlements that an object has not taken, and counts the spending of older ones as lost", () => {
  const { leases, tokens } = counting();
  const settlements = Array.from({ length: 50 }, (_, n): Settlement => {
    return {
      leaseId: `lease-${n}`,
      cells: [{ route: "", keyId: "", requests: 2, costMilli: 2_000, denied: 0 }],
    };
  });
  for (const { leaseId } of settlements) {
    const given = leases.put("user", lease(leaseId ?? ""), "pro", policy, NOW_MS, NOW_MS);
    given.spend(null, 2_000);
    leases.endOne("user", given);
  }
  expect(tokens()).toMatchObject({ lost: 4 });
  const taken = leases.takeOwed("user", NOW_MS, WITHIN_MS);
  expect(taken.map(({ leaseId }) => leaseId)).toEqual(settlements.slice(2).map(({ leaseId }) => leaseId));
  leases.giveBack("user", taken, NOW_MS);
  expect(leases.takeOwed("user", NOW_MS, WITHIN_MS)).toEqual(taken);
});

it("does not report denials again that may have arrived, but settles again", () => {
  const { leases } = counting();
  leases.denied("user", request(), NOW_MS);
  leases.put("user", lease("lease"), "pro", policy, NOW_MS, NOW_MS);
  leases.end("user", NOW_MS);
  const taken = leases.takeOwed("user", NOW_MS, WITHIN_MS);
  expect(taken.map(({ leaseId }) => leaseId)).toEqual(["lease", null]);
  leases.giveBack("user", taken, NOW_MS);
  expect(leases.takeOwed("user", NOW_MS, WITHIN_MS)).toEqual([{ leaseId: "lease", cells: [] }]);
  expect(leases.takeOwed("user", NOW_MS, WITHIN_MS)).toEqual([]);
});

describe("what a call takes along", () => {
  const settlement = { leaseId: "lease", cells: [] };

  /** A call that takes the settlement of a lease along. */
  function sent() {
    const { leases } = counting();
    leases.put("user", lease("lease"), "pro", policy, NOW_MS, NOW_MS);
    leases.end("user", NOW_MS);
    return { leases, taken: leases.takeOwed("user", NOW_MS, WITHIN_MS) };
  }

  it("is sent again if the call has neither an answer nor failed in its time", () => {
    const { leases, taken } = sent();
    expect(taken).toEqual([settlement]);
    expect(leases.sweep("user", NOW_MS + WITHIN_MS - 1)).toBe(false);
    expect(leases.inTransitMs("user", NOW_MS + WITHIN_MS - 1)).toBe(1);
    expect(leases.sweep("user", NOW_MS + WITHIN_MS)).toBe(true);
    expect(leases.takeOwed("user", NOW_MS + WITHIN_MS, WITHIN_MS)).toEqual([settlement]);
    // The call fails after all.
    leases.giveBack("user", taken, NOW_MS + WITHIN_MS);
    expect(leases.takeOwed("user", NOW_MS + WITHIN_MS, WITHIN_MS)).toEqual([]);
  });

  it("is sent again if the clock has stepped back since", () => {
    const { leases } = sent();
    expect(leases.inTransitMs("user", NOW_MS - 60_000)).toBe(WITHIN_MS);
    expect(leases.takeOwed("user", NOW_MS - 60_000, WITHIN_MS)).toEqual([settlement]);
  });

  it("is forgotten once it has arrived", () => {
    const { leases, taken } = sent();
    leases.arrived("user", taken);
    expect(leases.size).toBe(0);
    expect(leases.inTransitMs("user", NOW_MS)).toBe(0);
    expect(leases.sweep("user", NOW_MS + WITHIN_MS)).toBe(false);
  });
});

it("counts what was lent as spent or returned when the lease ends", () => {
  const { leases, tokens } = counting();
  const given = leases.put("user", lease("lease"), "pro", policy, NOW_MS, NOW_MS);
  expect(given.spend(null, 2_000)).toBe(true);
  expect(tokens()).toEqual({ granted: 5 });
  leases.end("user", NOW_MS);
  expect(tokens()).toEqual({ spent: 2, returned: 3 });
});

it("asks first for sixteen requests like the one that asks", () => {
  const { leases } = counting();
  expect(leases.firstMilli(1_000)).toBe(16_000);
  expect(leases.firstMilli(250)).toBe(4_000);
});
