/**
 * Random histories of a user who reserves, settles late, twice or never, sends heartbeats, while the object dies, policies, tiers and
 * accounts change and limits are reset: against an exact replay that charges each request what it has cost in the end, when it was made.
 *
 * - A bucket never holds more than in the replay: nothing is refunded that its refill has paid for.
 * - A quota, and the ledger, have exactly what was used, plus at most a headroom for each crash.
 * - There are never more slots taken than the limit allows.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { MAX_UNIT_HEADROOM_MILLI } from "../../src/core/headroom.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import type { Settle } from "../../src/objects/reservation.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { Model, type ModelCharge, ReservingUser, stopClock } from "./reserving-user.ts";

const RUNS = Number(process.env["RESERVATION_HISTORIES"] ?? 100);
const SEED = Number(process.env["RESERVATION_SEED"] ?? 20_261_130);
const START_MS = Date.parse("2026-11-30T20:10:00Z");

let startClock = (): void => undefined;
beforeAll(() => {
  startClock = stopClock();
});
afterAll(() => startClock());

interface Variant {
  /** Of the bucket; null: the policy has none. */
  readonly tokensPerMinute: number | null;
  readonly burst: number;
  readonly perDay: number;
  readonly slots: number;
}
const VARIANTS: readonly Variant[] = [
  { tokensPerMinute: 6_000, burst: 8_000, perDay: 60_000, slots: 3 },
  { tokensPerMinute: 6_000, burst: 3_000, perDay: 20_000, slots: 2 },
  { tokensPerMinute: null, burst: 0, perDay: 60_000, slots: 3 },
  { tokensPerMinute: 3_000, burst: 9_000, perDay: 60_000, slots: 4 },
];
/** What a request can at most lose or count twice in a crash: a headroom of the quota. */
const HEADROOM_MILLI = Math.min(MAX_UNIT_HEADROOM_MILLI, 60_000 * 20);

/** The tier `wide` has no bucket: what is settled in it is charged to that of `narrow` all the same. */
function document({ tokensPerMinute, burst, perDay, slots }: Variant): PolicyDocument {
  const tokens = tokensPerMinute ?? 0;
  const bucket = { name: "tpm", kind: "bucket", unit: "tokens", tokens, per: "minute", burst } as const;
  const day = { name: "day", kind: "quota", unit: "tokens", amount: perDay, per: "day" } as const;
  const parallel = { name: "parallel", kind: "concurrency", max: slots, ttlMs: 20_000 } as const;
  return {
    schema: 1,
    tiers: {
      narrow: { limits: [...(tokensPerMinute === null ? [] : [bucket]), day, parallel] },
      wide: { limits: [day, parallel] },
    },
    routes: [],
    anonymousTier: "wide",
    defaultTier: "wide",
  };
}

const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant("reserve" as const),
      tokens: fc.integer({ min: 1, max: 3_000 }),
      ttlMs: fc.constantFrom(500, 10_000, 60_000, HOUR_MS),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("spend" as const),
      tokens: fc.nat(200),
      /** With more than two, the user is not written exactly. */
      times: fc.integer({ min: 1, max: 4 }),
      releases: fc.boolean(),
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constant("settle" as const),
      at: fc.nat(5),
      share: fc.constantFrom(0, 0.2, 0.7, 1, 1.4),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("extend" as const),
      at: fc.nat(5),
      ms: fc.constantFrom(1, 30_000, HOUR_MS),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("later" as const),
      ms: fc.constantFrom(1, 300, 1_500, 3_100, 9_000, 15_000, HOUR_MS / 2, 2 * HOUR_MS),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("crash" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("policy" as const), variant: fc.nat(3) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("tier" as const), to: fc.constantFrom("narrow", "wide") }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reset" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface Open {
  readonly id: string;
  readonly charge: ModelCharge;
  expiresAtMs: number;
}

/** One user with the model of what they may use. */
class History {
  readonly #user = new ReservingUser(START_MS);
  readonly #model = new Model();
  readonly #open: Open[] = [];
  #slots: { readonly id: string | null; untilMs: number }[] = [];
  #variant: Variant = VARIANTS[0]!;
  #tier: "narrow" | "wide" | null = "narrow";
  #crashes = 0;
  /** Whether the object has taken the policy into use: until then its status is a forecast. */
  #isAdopted = true;

  async start(): Promise<void> {
    this.#user.publish(document(this.#variant));
    this.#model.rate(START_MS, 100);
    await this.#user.create("narrow");
  }

  async take(next: Step): Promise<void> {
    const user = this.#user;
    switch (next.kind) {
      case "reserve":
        await this.#ask(next.tokens, next.ttlMs);
        break;
      case "spend":
        for (let i = 0; i < next.times; i++) await this.#ask(next.tokens, null, next.releases);
        break;
      case "settle":
        await this.#settle(this.#open[next.at % this.#open.length], next.share);
        break;
      case "extend":
        await this.#extend(this.#open[next.at % this.#open.length], next.ms);
        break;
      case "later":
        user.later(next.ms);
        break;
      case "crash":
        user.crash();
        this.#crashes += 1;
        break;
      case "policy":
        this.#publish(VARIANTS[next.variant]!);
        break;
      case "tier":
        if (this.#tier === null) await user.create(next.to);
        else await user.moveTo(next.to);
        this.#tier = next.to;
        break;
      case "reset":
        if (this.#tier === null) return;
        await user.reset();
        this.#model.reset(user.nowMs);
        // A reset of a limit of slots frees them, too.
        this.#slots = [];
        break;
      case "delete":
        if (this.#tier === null) return;
        await user.delete();
        this.#tier = null;
        break;
    }
    await this.#judge();
  }

  #publish(variant: Variant): void {
    this.#user.publish(document(variant));
    this.#variant = variant;
    this.#isAdopted = false;
  }

  async #ask(tokens: number, ttlMs: number | null, releases = false): Promise<void> {
    const { nowMs } = this.#user;
    this.#slots = this.#slots.filter(({ untilMs }) => untilMs > nowMs);
    const decision = await this.#user.ask(1_000, [["tokens", tokens * 1_000]], ttlMs);
    this.#adoptRate();
    const { slots } = this.#variant;
    if (!decision.allowed) {
      if (this.#crashes === 0 && decision.violated.includes("parallel")) {
        expect(this.#slots.length).toBeGreaterThanOrEqual(slots);
      }
      return;
    }
    expect(this.#slots.length).toBeLessThan(slots);
    const hasBucket = this.#tier === "narrow" && this.#variant.tokensPerMinute !== null;
    const charge = this.#model.charge(nowMs, tokens * 1_000, hasBucket);
    const { reservation, holds } = decision;
    expect(reservation === undefined).toBe(ttlMs === null);
    if (releases) this.#user.release(holds);
    else for (const { untilMs } of holds) this.#slots.push({ id: null, untilMs });
    if (!reservation) return;
    expect(holds).toEqual([]);
    const expiresAtMs = Date.parse(reservation.expiresAt);
    expect(expiresAtMs).toBe(nowMs + (ttlMs ?? 0));
    this.#slots.push({ id: reservation.id, untilMs: expiresAtMs });
    this.#open.push({ id: reservation.id, charge, expiresAtMs });
  }

  async #settle(reservation: Open | undefined, share: number): Promise<void> {
    if (!reservation) return;
    const { nowMs } = this.#user;
    const { id, charge, expiresAtMs } = reservation;
    const milli = Math.round(charge.milli * share);
    const call: Settle = {
      kind: "settle",
      id,
      costMilli: 1_000,
      units: milli === 0 ? null : [["tokens", milli]],
    };
    const answer = await this.#user.settle(call);
    this.#adoptRate();
    this.#open.splice(this.#open.indexOf(reservation), 1);
    if (expiresAtMs <= nowMs) {
      expect(answer).toEqual({ kind: "gone" });
      return;
    }
    expect(answer).toMatchObject({ kind: "done", answer: { reservation: id, settled: true, cost: 1 } });
    // Again, with another cost: the first answer, and nothing else.
    expect(await this.#user.settle({ ...call, costMilli: 5_000 })).toEqual(answer);
    this.#slots = this.#slots.filter((slot) => slot.id !== id);
    if (milli <= charge.milli) charge.milli = milli;
    else this.#model.charge(nowMs, milli - charge.milli, charge.inBucket, charge.madeAtMs);
  }

  async #extend(reservation: Open | undefined, ms: number): Promise<void> {
    if (!reservation) return;
    const { nowMs } = this.#user;
    const answer = await this.#user.settle({ kind: "extend", id: reservation.id, extendMs: ms });
    this.#adoptRate();
    if (reservation.expiresAtMs <= nowMs) {
      expect(answer).toEqual({ kind: "gone" });
      return;
    }
    if (answer.kind !== "done" || answer.answer.settled) throw new Error("a heartbeat has an answer");
    const untilMs = Date.parse(answer.answer.expiresAt);
    expect(untilMs).toBeLessThanOrEqual(Math.max(nowMs + ms, reservation.expiresAtMs));
    reservation.expiresAtMs = untilMs;
    for (const slot of this.#slots) if (slot.id === reservation.id) slot.untilMs = untilMs;
  }

  /** The object takes a policy into use with the first request or settlement. */
  #adoptRate(): void {
    this.#isAdopted = true;
    const { tokensPerMinute } = this.#variant;
    if (tokensPerMinute !== null) this.#model.rate(this.#user.nowMs, tokensPerMinute / 60);
  }

  async #judge(): Promise<void> {
    const { nowMs } = this.#user;
    const lostMilli = this.#crashes * HEADROOM_MILLI;
    const limits = new Map((await this.#user.limits()).map((limit) => [limit.name, limit]));
    const bucket = limits.get("tpm");
    if (bucket && this.#isAdopted) {
      const exactMilli = Math.max(0, this.#variant.burst * 1_000 - this.#model.debtMilli(nowMs));
      expect(Math.round(bucket.remaining * 1_000)).toBeLessThanOrEqual(exactMilli);
    }
    const usedMilli = Math.round((limits.get("day")?.period?.used ?? 0) * 1_000);
    const dayMilli = this.#model.dayMilli(nowMs);
    expect(usedMilli).toBeGreaterThanOrEqual(dayMilli);
    expect(usedMilli).toBeLessThanOrEqual(dayMilli + lostMilli);
    const free = limits.get("parallel")?.remaining ?? 0;
    const taken = this.#slots.filter(({ untilMs }) => untilMs > nowMs).length;
    expect(free).toBeLessThanOrEqual(Math.max(0, this.#variant.slots - taken));
  }

  /** After a pause: storage has all usage. */
  async end(): Promise<void> {
    this.#user.later(HOUR_MS);
    await this.#ask(1, null);
    const used = this.#user.ledger("tokens");
    expect(used).toBeLessThanOrEqual(this.#model.usedMilli);
    expect(used).toBeGreaterThanOrEqual(this.#model.usedMilli - this.#crashes * HEADROOM_MILLI);
  }
}

it(
  `${RUNS} random histories never under-charge a bucket, count quotas exactly, and never exceed the slots`,
  { timeout: 60_000 + 100 * RUNS },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 25 }), async (steps) => {
        const history = new History();
        await history.start();
        for (const next of steps) await history.take(next);
        await history.end();
      }),
      { numRuns: RUNS, seed: SEED },
    );
  },
);
