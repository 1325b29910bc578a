/**
 * Leases: with many isolates, delays, losses, different clocks, dying isolates and restarting objects, every window keeps its bound,
 * quotas are never exceeded, and nothing is metered twice.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePolicy, type Policy } from "../../src/policy/compile.ts";
import type { LimitDocument } from "../../src/policy/schema.ts";
import { type Accident, type Arrival, type Fate, SimulatedFleet } from "./simulated-fleet.ts";
import { type Bound, everyWindowHolds } from "./window-bound.ts";
import { HOUR_MS } from "../../src/core/time.ts";

/** Just before an hour ends: schedules run across it. */
const START_MS = 500_000 * HOUR_MS - 1900;

function policyOf(limits: readonly LimitDocument[]): Policy {
  const tiers = { leased: { mode: "leased", limits } };
  const document = { schema: 1, tiers, routes: [], anonymousTier: "leased", defaultTier: "leased" };
  const compiled = compilePolicy(document, 1);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  return compiled.value;
}

const arrival = (fates: readonly Fate[]): fc.Arbitrary<Arrival> =>
  fc.record({
    kind: fc.constant("request" as const),
    afterMs: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 4 }) },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: 60 }) },
      { weight: 1, arbitrary: fc.integer({ min: 200, max: 1_500 }) },
    ),
    isolate: fc.nat(5),
    costMilli: fc.constantFrom(1_000, 1_000, 1_000, 2_000, 250),
    upMs: fc.integer({ min: 0, max: 400 }),
    downMs: fc.integer({ min: 0, max: 400 }),
    fate: fc.constantFrom(...fates),
  });

const accident: fc.Arbitrary<Accident> = fc.record({
  kind: fc.constantFrom("isolate-dies" as const, "object-restarts" as const),
  afterMs: fc.integer({ min: 0, max: 100 }),
  isolate: fc.nat(5),
});

const skews = fc.array(fc.integer({ min: -86_400_000, max: 86_400_000 }), { minLength: 1, maxLength: 6 });

const calm = fc.array(arrival(["answered"]), { minLength: 200, maxLength: 400 });
const rough = fc.array(
  fc.oneof(
    { weight: 30, arbitrary: arrival(["answered", "answered", "answered", "lost", "unanswered"]) },
    { weight: 1, arbitrary: accident },
  ),
  { minLength: 200, maxLength: 400 },
);

/** As without leases: burst + rate * w. */
function bound(tokensPerMinute: number, burstTokens: number): Bound {
  return { refillMilli: tokensPerMinute * 1_000, periodMs: 60_000, burstMilli: burstTokens * 1_000 };
}

const bucket = { name: "minute", kind: "bucket", tokens: 1_200, per: "minute", burst: 90 } as const;
/** Used up in a moment. */
const small = { name: "minute", kind: "bucket", tokens: 120, per: "minute", burst: 60 } as const;
const quota = { name: "hour", kind: "quota", amount: 80, per: "hour" } as const;

/** The earliest that an isolate sends a call concurrent with an unanswered one of a single question: a sixteenth of its deadline. */
const OVERDUE_MS = 63;

function admittedMilli(fleet: SimulatedFleet): number {
  return fleet.admitted.reduce((sum, { costMilli }) => sum + costMilli, 0);
}

describe("leases with lost calls, dying isolates and a restarting object", () => {
  it("keep burst + rate * w in every window, as without leases", () => {
    // Kong/kong#11846, apache/apisix#13704
    fc.assert(
      fc.property(skews, rough, (skewsMs, events) => {
        const fleet = new SimulatedFleet(policyOf([small]), skewsMs);
        fleet.run(START_MS, events);
        expect(everyWindowHolds(bound(120, 60), fleet.admitted)).toBe(true);
      }),
      { numRuns: 300, endOnFailure: true },
    );
  });

  it("never exceed a calendar quota, and start fresh in the next hour", () => {
    fc.assert(
      fc.property(skews, rough, (skewsMs, events) => {
        const fleet = new SimulatedFleet(policyOf([quota]), skewsMs);
        fleet.run(START_MS, events);
        const byHour = new Map<number, number>();
        for (const { atMs, costMilli } of fleet.admitted) {
          const hour = Math.floor(atMs / HOUR_MS);
          byHour.set(hour, (byHour.get(hour) ?? 0) + costMilli);
        }
        for (const usedMilli of byHour.values()) expect(usedMilli).toBeLessThanOrEqual(80_000);
      }),
      { numRuns: 300, endOnFailure: true },
    );
  });

  it("never meter more than was admitted", () => {
    fc.assert(
      fc.property(skews, rough, (skewsMs, events) => {
        const fleet = new SimulatedFleet(policyOf([bucket, quota]), skewsMs);
        fleet.run(START_MS, events);
        expect(fleet.metered.requests).toBeLessThanOrEqual(fleet.admitted.length);
        expect(fleet.metered.costMilli).toBeLessThanOrEqual(admittedMilli(fleet));
      }),
      { numRuns: 200, endOnFailure: true },
    );
  });
});

describe("leases without faults", () => {
  it("meter exactly what was admitted, and save calls even of isolates with a request each second or two", () => {
    const saved = { byLease: 0, admitted: 0 };
    fc.assert(
      fc.property(skews, calm, (skewsMs, events) => {
        const fleet = new SimulatedFleet(policyOf([]), skewsMs, true, OVERDUE_MS);
        fleet.run(START_MS, events);
        expect(fleet.admitted).toHaveLength(events.length);
        expect(fleet.metered).toEqual({ requests: events.length, costMilli: admittedMilli(fleet) });
        saved.byLease += fleet.byLease;
        saved.admitted += fleet.admitted.length;
      }),
      { numRuns: 50, endOnFailure: true },
    );
    expect(saved.byLease / saved.admitted).toBeGreaterThan(0.08);
  });

  it("meter exactly what was admitted with more keys than an isolate holds leases", () => {
    const keyed = fc
      .tuple(calm, fc.array(fc.nat(99), { minLength: 400, maxLength: 400 }), fc.constantFrom(5, 300, 1_501))
      .map(([events, keys, withinMs]) =>
        events.map((event, i) => ({
          ...event,
          afterMs: event.afterMs % withinMs,
          isolate: 0,
          keyId: `key-${keys[i]}`,
        })),
      );
    fc.assert(
      fc.property(keyed, (events) => {
        const fleet = new SimulatedFleet(policyOf([]), [0], true, OVERDUE_MS);
        fleet.run(START_MS, events);
        expect(fleet.metered).toEqual({ requests: events.length, costMilli: admittedMilli(fleet) });
      }),
      { numRuns: 100, endOnFailure: true },
    );
  });

  it("do not reject a user below the limit because of what isolates hold", () => {
    const fleet = new SimulatedFleet(policyOf([bucket]), [0, 5_000, -5_000]);
    // 15 a second, of 20 that are refilled; one isolate after the other.
    const steady = Array.from({ length: 900 }, (_, i): Arrival => ({
      kind: "request",
      afterMs: i % 3 === 0 ? 200 : 0,
      isolate: i % 3,
      costMilli: 1_000,
      upMs: 3,
      downMs: 3,
      fate: "answered",
    }));
    fleet.run(START_MS, steady);
    expect(fleet.admitted).toHaveLength(900);
    expect(fleet.byLease).toBeGreaterThan(450);
  });
});
