/** The load tests' model of an exact limiter, compared with a slower model and applied to limiters with faults. */
import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bucket, ExactUser, type Ticket, type Verdict } from "../../load/model/exact-user.ts";
import { costOf, LEASE_MS, limitsOf } from "../../load/model/limits-of.ts";
import { LEASE_MS as PRODUCT_LEASE_MS } from "../../src/core/lease.ts";
import { type TimedDecision, minAdmitted, overAdmission } from "../blackbox/exact-bucket.ts";

interface Request extends TimedDecision {
  readonly verdict: Verdict;
}

const strict = (bucket: Bucket) => ({ buckets: [bucket], quota: Infinity, leaseMs: 0 });

/** Records requests in the order of time; at the same moment, sendings before answers. @returns the worst over-admission. */
function record(user: ExactUser, requests: readonly Request[]): number {
  const tickets = new Map<Request, Ticket>();
  let worst = 0;
  const events = requests
    .flatMap((one) => [
      { ms: one.sentMs, one, answer: false },
      { ms: one.knownMs, one, answer: true },
    ])
    .toSorted((a, b) => a.ms - b.ms || Number(a.answer) - Number(b.answer));
  for (const { ms, one, answer } of events) {
    if (answer) worst = Math.max(worst, user.answer(tickets.get(one)!, one.verdict, one.cost, ms));
    else tickets.set(one, user.send(ms));
  }
  return worst;
}

const requests = fc.array(
  fc
    .record({
      verdict: fc.constantFrom<Verdict>("admitted", "admitted", "denied"),
      cost: fc.integer({ min: 1, max: 3 }),
      sentMs: fc.nat(400),
      tookMs: fc.nat(120),
    })
    .map(({ verdict, cost, sentMs, tookMs }): Request => ({
      verdict,
      allowed: verdict === "admitted",
      cost,
      sentMs,
      knownMs: sentMs + tookMs,
    })),
  { minLength: 1, maxLength: 60 },
);
const buckets = fc.record({
  capacity: fc.integer({ min: 1, max: 20 }),
  perMs: fc.constantFrom(0.001, 0.05, 0.25),
});

/** Two steps of the clock, in tokens: the tolerance of the model, which the slow one lacks. */
const slack = (bucket: Bucket): number => bucket.perMs * 2 + 1e-6;

describe("the model of load tests", () => {
  it("finds the worst of all windows, like a model that checks each of them", () => {
    fc.assert(
      fc.property(buckets, requests, (bucket, all) => {
        const expected = Math.max(0, overAdmission(bucket, all) - slack(bucket));
        expect(record(new ExactUser(strict(bucket)), all)).toBeCloseTo(expected, 6);
      }),
      { numRuns: 1_000 },
    );
  });

  it("finds the same shortfall as the slow model if too little is admitted", () => {
    fc.assert(
      fc.property(buckets, requests, (bucket, all) => {
        fc.pre(all.some(({ allowed }) => !allowed));
        const user = new ExactUser(strict(bucket));
        record(user, all);
        const spent = all.reduce((sum, { allowed, cost }) => sum + (allowed ? cost : 0), 0);
        const expected = Math.max(0, minAdmitted(bucket, all) - slack(bucket) - spent);
        // Of several denials sent at the same moment, any may count as the last.
        expect(Math.abs(user.under - expected)).toBeLessThanOrEqual(2 + 1e-6);
      }),
      { numRuns: 500 },
    );
  });

  it("reports a limiter that admits one token too many, and never an exact one", () => {
    const bucket = { capacity: 150, perMs: 100 / 60_000 };
    const inTurn = (count: number): Request[] =>
      Array.from({ length: count }, (_, i) => ({
        verdict: "admitted",
        allowed: true,
        cost: 1,
        sentMs: i,
        knownMs: i + 1,
      }));
    expect(record(new ExactUser(strict(bucket)), inTurn(150))).toBe(0);
    expect(record(new ExactUser(strict(bucket)), inTurn(151))).toBeGreaterThan(0.7);
  });

  it("reports a limiter that denies an available token", () => {
    const user = new ExactUser(strict({ capacity: 10, perMs: 0.001 }));
    for (let i = 0; i < 8; i++) user.answer(user.send(i), "admitted", 1, i);
    user.answer(user.send(8), "denied", 1, 8);
    expect(user.under).toBeCloseTo(1, 1);
    user.answer(user.send(9), "admitted", 2, 9);
    expect(user.under).toBe(0);
  });

  it("never reports a fault because of an unanswered request", () => {
    const user = new ExactUser(strict({ capacity: 2, perMs: 0.001 }));
    user.answer(user.send(0), "unknown", 1, 5);
    user.answer(user.send(5), "admitted", 1, 6);
    user.answer(user.send(6), "denied", 1, 7);
    expect(user.under).toBe(0);
  });

  it("allows a tier that lends to begin to refill a second later, to admit nothing more, and never more than a quota", () => {
    const bucket = { capacity: 10, perMs: 0.01 };
    const lent = (): ExactUser => new ExactUser({ buckets: [bucket], quota: Infinity, leaseMs: 1_000 });
    const [over, under] = [lent(), lent()];
    for (let i = 0; i < 10; i++) expect(over.answer(over.send(0), "admitted", 1, 0)).toBe(0);
    expect(over.answer(over.send(0), "admitted", 1, 0)).toBeGreaterThan(0.9);
    for (let i = 0; i < 10; i++) under.answer(under.send(0), "admitted", 1, 0);
    under.answer(under.send(1_090), "denied", 1, 1_090);
    expect(under.under).toBe(0);
    under.answer(under.send(1_300), "denied", 1, 1_300);
    expect(under.under).toBeGreaterThan(1.9);
    const metered = new ExactUser({ buckets: [], quota: 2, leaseMs: 0 });
    metered.answer(metered.send(0), "admitted", 2, 0);
    expect(metered.answer(metered.send(0), "admitted", 1, 0)).toBe(1);
  });
});

describe("the limits of a policy", async () => {
  const policy: unknown = JSON.parse(
    await readFile(new URL("../../policy/default.json", import.meta.url), "utf8"),
  );

  it("are read from the document as in the product", () => {
    expect(limitsOf(policy, "free")).toEqual({
      buckets: [{ capacity: 150, perMs: 100 / 60_000 }],
      quota: 50_000,
      leaseMs: LEASE_MS,
    });
    const unlent = { tiers: { t: { limits: [], mode: "strict" } } };
    expect(limitsOf(unlent, "t")).toEqual({ buckets: [], quota: Infinity, leaseMs: 0 });
    expect(limitsOf(policy, "enterprise")).toEqual({ buckets: [], quota: Infinity, leaseMs: LEASE_MS });
    expect(LEASE_MS).toBeGreaterThan(PRODUCT_LEASE_MS);
    expect(costOf(policy, "/compare")).toBe(2);
  });

  it("are rejected if the model does not support them", () => {
    expect(() => limitsOf(policy, "none")).toThrow('no "none"');
    expect(() => limitsOf({ tiers: { t: { limits: [{ kind: "concurrency" }] } } }, "t")).toThrow(
      "concurrency",
    );
    expect(() => costOf(policy, "/api/refresh")).toThrow("limits of its own");
    expect(() => costOf(policy, "/none")).toThrow("LOAD_PATH");
  });
});
