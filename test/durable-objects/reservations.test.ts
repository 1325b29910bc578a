/** Reservations of a user's object on real storage: charged until they are settled or expire, over crashes, hours and resets. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { objectMetrics } from "../../durable-objects/object-metrics.ts";
import type { DecisionRequest, Reservation } from "../../src/core/decision.ts";
import { MAX_OPEN_RESERVATIONS, SETTLED_MS } from "../../src/core/reservation-book.ts";
import { HOUR_MS, MINUTE_MS } from "../../src/core/time.ts";
import type { ReservationAnswer } from "../../src/objects/reservation.ts";
import type { LimitDocument } from "../../src/policy/schema.ts";
import { bucket, later, publish, publishLimits, quota, START_MS, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

const TOKENS: LimitDocument = {
  name: "tpm",
  kind: "bucket",
  unit: "tokens",
  tokens: 60_000,
  per: "minute",
  burst: 10_000,
};
const DAY: LimitDocument = { name: "day", kind: "quota", unit: "tokens", amount: 50_000, per: "day" };

beforeEach(startClock);
afterEach(stopClock);

function costing(tokens: number, ttlMs = MINUTE_MS): Partial<DecisionRequest> {
  return { costMilli: 1_000, units: [["tokens", tokens * 1_000]], reserve: { ttlMs } };
}

async function reserve(user: UserObject, tokens: number, ttlMs = MINUTE_MS): Promise<Reservation> {
  const { reservation } = await user.decide(costing(tokens, ttlMs));
  return reservation ?? expect.unreachable();
}

async function settle(user: UserObject, id: string, tokens: number): Promise<ReservationAnswer | undefined> {
  const units = tokens === 0 ? null : ([["tokens", tokens * 1_000]] as const);
  const [answer] = await user.stub.settle([{ kind: "settle", id, costMilli: 1_000, units }], user.revision);
  return answer;
}

const settled = (id: string, tokens: number) => ({
  kind: "done",
  answer: { reservation: id, settled: true, cost: 1, ...(tokens === 0 ? {} : { units: { tokens } }) },
});

/** Tokens of the table and the open cells of the state row. */
async function metered(user: UserObject): Promise<{ hour: number; tokens: number }[]> {
  await user.pause();
  later(2 * HOUR_MS);
  await user.decide({ costMilli: 1_000, idempotencyKey: crypto.randomUUID() });
  const rows = await user.query(
    "SELECT hour, sum(cost_milli) / 1000 AS tokens FROM usage_units GROUP BY hour",
  );
  return rows.map(({ hour, tokens }) => ({
    hour: Number(hour) - START_MS / HOUR_MS,
    tokens: Number(tokens),
  }));
}

describe("a limit in tokens and one in requests", () => {
  it("are each charged what the request costs in their unit, all or none", async () => {
    const user = new UserObject(await publishLimits(bucket(3, "minute", 3, "rpm"), TOKENS));
    const first = await user.decide({ costMilli: 1_000, units: [["tokens", 4_000_000]] });
    expect(first).toMatchObject({
      cost: 1,
      units: { tokens: 4_000 },
      limits: [
        { name: "rpm", remaining: 2 },
        { name: "tpm", unit: "tokens", remaining: 6_000 },
      ],
    });
    expect(await user.decide({ costMilli: 1_000, units: [["tokens", 7_000_000]] })).toMatchObject({
      violated: ["tpm"],
      retryAfterMs: 1_000,
    });
    expect(await user.remaining()).toEqual([2, 6_000]);
    // What a cost does not name, it does not charge.
    await user.decide({ costMilli: 0, units: [["tokens", 1_000_000]] });
    await user.decide();
    expect(await user.remaining()).toEqual([1, 5_000]);
  });

  it("keep a headroom of their own, so a crash of the object admits no token twice", async () => {
    const user = new UserObject(await publishLimits(TOKENS, DAY));
    for (let i = 0; i < 9; i++) await user.decide({ costMilli: 1_000, units: [["tokens", 1_000_000]] });
    await user.crash();
    const [tokens = 0, day = 0] = await user.remaining();
    expect(tokens).toBeLessThanOrEqual(1_000);
    expect(day).toBeLessThanOrEqual(41_000);
    // 2 % of the bucket's burst, or five seconds of its refill up to a tenth of it.
    expect(day).toBeGreaterThanOrEqual(40_000);
  });

  it("count their routes' costs, and nothing of them is lent", async () => {
    const revision = await publish({ free: { limits: [bucket(60_000, "minute", 60_000, "rpm")] } }, [
      { match: "/chat", cost: { requests: 1, tokens: 500 } },
      { match: "/ping" },
    ]);
    const user = new UserObject(revision);
    await expect(user.lease(100_000, { route: "/chat" })).rejects.toThrow("nothing was leased");
    expect(await user.lease(100_000, { route: "/ping" })).toContain(".");
    expect((await user.status()).usage.hour).toEqual({
      requests: 2,
      cost: 2,
      denied: 0,
      units: { tokens: 500 },
    });
    expect(await metered(user)).toEqual([{ hour: 0, tokens: 500 }]);
    // An hour in the table, and the open one.
    await user.decide({ route: "/chat" });
    const query = {
      fromMs: START_MS,
      toMs: Date.now() + 1,
      granularity: "day",
      anchorDay: 1,
      byRoute: true,
      after: null,
    } as const;
    expect(await user.stub.usage({ ...query, count: 10 })).toMatchObject([
      { route: "", cost: 1 },
      { route: "/chat", requests: 2, cost: 2, units: { tokens: 1_000 } },
      { route: "/ping", requests: 1 },
    ]);
  });
});

describe("a reservation", () => {
  it("is charged at once, and gives back what it did not cost", async () => {
    const user = new UserObject(await publishLimits(TOKENS, DAY));
    const { id, expiresAt } = await reserve(user, 4_000);
    expect(expiresAt).toBe(new Date(START_MS + MINUTE_MS).toISOString());
    expect(await user.remaining()).toEqual([6_000, 46_000]);
    expect(await settle(user, id, 1_000)).toEqual(settled(id, 1_000));
    expect(await user.remaining()).toEqual([9_000, 49_000]);
    expect(await metered(user)).toEqual([{ hour: 0, tokens: 1_000 }]);
  });

  it("gets no more back of a bucket than its refill has left to pay", async () => {
    const user = new UserObject(await publishLimits(TOKENS, DAY));
    const { id } = await reserve(user, 4_000);
    // 1,000 tokens a second: of the 4,000, 1,000 are left to pay.
    later(3_000);
    await settle(user, id, 0);
    expect(await user.remaining()).toEqual([10_000, 50_000]);
    const second = await reserve(user, 4_000);
    later(3_000);
    await user.decide({ units: [["tokens", 5_000_000]], costMilli: 1_000 });
    await settle(user, second.id, 500);
    expect((await user.remaining())[0]).toBe(5_000);
  });

  it("charges what it costs above its amount", async () => {
    const user = new UserObject(await publishLimits(TOKENS, DAY));
    const { id } = await reserve(user, 9_000);
    await settle(user, id, 12_000);
    expect(await user.remaining()).toEqual([0, 38_000]);
    expect((await user.decide({ units: [["tokens", 1_000_000]], costMilli: 1_000 })).retryAfterMs).toBe(
      3_000,
    );
  });

  it("that expires stays charged, and can no longer be settled", async () => {
    const user = new UserObject(await publishLimits(DAY));
    const { id } = await reserve(user, 4_000, 1_000);
    later(1_000);
    expect(await settle(user, id, 0)).toEqual({ kind: "gone" });
    expect(await user.remaining()).toEqual([46_000]);
    expect(await metered(user)).toEqual([{ hour: 0, tokens: 4_000 }]);
  });

  it("lasts longer with a heartbeat, until the end of the hour after its own", async () => {
    const user = new UserObject(await publishLimits(DAY));
    const { id } = await reserve(user, 4_000, 1_000);
    later(900);
    const [answer] = await user.stub.settle([{ kind: "extend", id, extendMs: HOUR_MS }], user.revision);
    const expiresAt = new Date(START_MS + 900 + HOUR_MS).toISOString();
    expect(answer).toEqual({ kind: "done", answer: { reservation: id, settled: false, expiresAt } });
    later(HOUR_MS - 1);
    const [again] = await user.stub.settle([{ kind: "extend", id, extendMs: HOUR_MS }], user.revision);
    expect(again).toMatchObject({ answer: { expiresAt: new Date(START_MS + 2 * HOUR_MS).toISOString() } });
    expect(await settle(user, id, 100)).toEqual(settled(id, 100));
    // In the next hour, but metered in the one in which it was made.
    expect(await metered(user)).toEqual([{ hour: 0, tokens: 100 }]);
    const [late] = await user.stub.settle([{ kind: "extend", id, extendMs: 1 }], user.revision);
    expect(late).toEqual({ kind: "gone" });
  });

  it("is settled once: the first answer is repeated for ten minutes, over a crash too, and then forgotten", async () => {
    const user = new UserObject(await publishLimits(DAY));
    const { id } = await reserve(user, 4_000);
    await settle(user, id, 500);
    expect(await settle(user, id, 3_000)).toEqual(settled(id, 500));
    await user.pause();
    await user.crash();
    expect(await settle(user, id, 3_000)).toEqual(settled(id, 500));
    expect(await user.remaining()).toEqual([49_500]);
    later(SETTLED_MS);
    expect(await settle(user, id, 3_000)).toEqual({ kind: "gone" });
    later(SETTLED_MS);
    await user.ringAlarm();
    expect(await user.query("SELECT * FROM reservations")).toEqual([]);
  });

  it("holds its slots until it is settled, however short the limit's own time", async () => {
    const slots: LimitDocument = { name: "parallel", kind: "concurrency", max: 1, ttlMs: 1_000 };
    const user = new UserObject(await publishLimits(slots, TOKENS));
    const { reservation, holds } = await user.decide(costing(100));
    expect(holds).toEqual([]);
    later(30_000);
    expect(await user.decide()).toMatchObject({ violated: ["parallel"], retryAfterMs: 1_000 });
    await settle(user, reservation?.id ?? "", 100);
    // Without a time of its own: as long as the slot.
    const implicit = await user.decide({ reserve: "slots" });
    expect(implicit.reservation?.expiresAt).toBe(new Date(START_MS + 31_000).toISOString());
    expect(await user.decide()).toMatchObject({ violated: ["parallel"] });
    await settle(user, implicit.reservation?.id ?? "", 0);
    expect((await user.decide({ reserve: "slots" })).allowed).toBe(true);
  });

  it("is none without slots, if only slots are to be reserved", async () => {
    const user = new UserObject(await publishLimits(TOKENS));
    expect(await user.decide({ reserve: "slots" })).not.toHaveProperty("reservation");
  });

  it("is rejected beside 256 others, and then charges nothing", async () => {
    const user = new UserObject(await publishLimits(DAY));
    const many = Array.from({ length: MAX_OPEN_RESERVATIONS + 1 }, () => costing(1));
    const decisions = await user.decideAll(many);
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(MAX_OPEN_RESERVATIONS);
    expect(decisions.at(-1)).toMatchObject({
      outcome: "too_many_reservations",
      allowed: false,
      retryAfterMs: 1_000,
    });
    expect(await user.remaining()).toEqual([50_000 - MAX_OPEN_RESERVATIONS]);
    await settle(user, decisions[0]?.reservation?.id ?? "", 1);
    expect((await user.decide(costing(1))).allowed).toBe(true);
  });

  it("is counted: what was reserved, in each unit, and what became of it", async () => {
    const [add, observe] = [vi.spyOn(objectMetrics, "add"), vi.spyOn(objectMetrics, "observe")];
    const user = new UserObject(await publishLimits(DAY));
    const { id } = await reserve(user, 4_000, 1_000);
    await reserve(user, 100, 1_000);
    await user.stub.settle([{ kind: "extend", id, extendMs: 5_000 }], user.revision);
    later(1_000);
    await settle(user, id, 1_000);
    await settle(user, "unknown", 1);
    const counts = add.mock.calls.map(([family, [label], value]) => [family, label, value]);
    expect(counts).toEqual([
      ["reservations", "reserved", undefined],
      ["reserved", "requests", 1],
      ["reserved", "tokens", 4_000],
      ["reservations", "reserved", undefined],
      ["reserved", "requests", 1],
      ["reserved", "tokens", 100],
      ["reservations", "extended", undefined],
      ["reservations", "expired", 1],
      ["reservations", "settled", undefined],
      ["reservations", "gone", undefined],
    ]);
    expect(observe.mock.calls).toEqual([["settleRatio", [], 0.25]]);
  });

  it("names only units that the policy or the reservation has", async () => {
    const user = new UserObject(await publishLimits(DAY));
    const { id } = await reserve(user, 10);
    const call = { kind: "settle", id, costMilli: 0, units: [["rows", 1_000]] } as const;
    expect(await user.stub.settle([call], user.revision)).toEqual([{ kind: "unknown-unit", unit: "rows" }]);
    user.revision = await publishLimits(quota(50, "day"));
    expect(await settle(user, id, 5)).toEqual(settled(id, 5));
  });
});

describe("usage in units", () => {
  const rows = (user: UserObject, byRoute = false) =>
    user.stub.usage({
      fromMs: START_MS,
      toMs: START_MS + 24 * HOUR_MS,
      granularity: "day",
      anchorDay: 1,
      byRoute,
      after: null,
      count: 10,
    });

  it("is reported by route, in open and closed hours, and what open reservations hold beside it", async () => {
    const user = new UserObject(await publishLimits(TOKENS));
    const units: DecisionRequest["units"] = [
      ["rows", 2_500],
      ["tokens", 1_000_000],
    ];
    await user.decide({ costMilli: 1_000, units });
    const { id } = await reserve(user, 4_000);
    const hour = { requests: 2, cost: 2, denied: 0, units: { rows: 2.5, tokens: 5_000 } };
    expect(await user.status()).toMatchObject({
      usage: { hour },
      reservations: { open: 1, cost: 1, units: { tokens: 4_000 } },
    });
    expect(await rows(user)).toMatchObject([hour]);
    await settle(user, id, 3_000);
    expect(await user.status()).not.toHaveProperty("reservations");
    later(HOUR_MS);
    await user.decide({ costMilli: 1_000 });
    await user.pause();
    const day = { requests: 3, cost: 3, denied: 0, units: { rows: 2.5, tokens: 4_000 } };
    expect(await rows(user)).toMatchObject([{ ...day, route: null }]);
    expect(await rows(user, true)).toMatchObject([{ ...day, route: "" }]);
  });
});

describe("usage whose request is of an earlier hour", () => {
  it.each([
    "usage_units (hour, route, key_id, unit, cost_milli, lost_milli) VALUES (?, '', '', 'tokens', 5000, 0)",
    "usage (hour, route, key_id, requests, cost_milli, denied) VALUES (?, '', '', 0, 5000, 0)",
  ])("has a row of its own in the report: %s", async (row) => {
    const user = new UserObject(await publishLimits(TOKENS));
    await user.decide({ costMilli: 1_000, units: [["tokens", 1_000_000]] });
    await metered(user);
    await user.query(`INSERT INTO ${row.replace("?", String(START_MS / HOUR_MS + 3))}`);
    const report = await user.stub.usage({
      fromMs: START_MS,
      toMs: START_MS + 24 * HOUR_MS,
      granularity: "hour",
      anchorDay: 1,
      byRoute: false,
      after: null,
      count: 10,
    });
    expect(report).toMatchObject([{ requests: 1 }, { requests: 1 }, { requests: 0 }]);
    expect([report?.[2]?.cost, report?.[2]?.units?.["tokens"] ?? 0].toSorted()).toEqual([0, 5]);
  });
});

describe("after a crash between reserving and settling", () => {
  it("a reservation stays charged in full until it is settled; a quota then gets all back", async () => {
    const user = new UserObject(await publishLimits(TOKENS, DAY));
    await user.decide({ costMilli: 1_000, units: [["tokens", 10_000]] });
    const { id } = await reserve(user, 4_000);
    await user.decide({ costMilli: 1_000, units: [["tokens", 10_000]] });
    await user.crash();
    const [before = 0, dayBefore = 0] = await user.remaining();
    expect(before).toBeLessThanOrEqual(5_980);
    expect(dayBefore).toBeLessThanOrEqual(45_980);
    await settle(user, id, 1_000);
    // What the bucket was charged since it was last written exactly is unknown, so nothing shows what of it is left to pay.
    expect(await user.remaining()).toEqual([before, dayBefore + 3_000]);
    await user.crash();
    expect((await user.remaining())[1]).toBe(dayBefore + 3_000);
  });

  it("a bucket gets back what the exact state shows, if that was written last", async () => {
    const user = new UserObject(await publishLimits(TOKENS));
    const { id } = await reserve(user, 9_000);
    await user.pause();
    await user.crash();
    await settle(user, id, 1_000);
    // 3,000 were refilled in the pause, of the 9,000 that were charged.
    expect(await user.remaining()).toEqual([10_000]);
  });

  it("a settlement whose write fails has not happened", async () => {
    const user = new UserObject(await publishLimits(DAY));
    const { id } = await reserve(user, 4_000);
    await user.failNextState();
    await user.inside(async (object) => {
      const call = { kind: "settle", id, costMilli: 0, units: null } as const;
      expect(() => object.settle([call], user.revision)).toThrow("disk failure");
    });
    expect(await user.remaining()).toEqual([46_000]);
    expect(await settle(user, id, 0)).toEqual(settled(id, 0));
    expect(await user.remaining()).toEqual([50_000]);
  });
});
