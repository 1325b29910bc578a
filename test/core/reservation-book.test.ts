/**
 * Refunds of a bucket against an exact replay, in which each reservation was charged what it cost in the first place: never less debt than
 * that, at any moment, and none more if one reservation is open at a time.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  MAX_OPEN_RESERVATIONS,
  type OpenReservation,
  ReservationBook,
} from "../../src/core/reservation-book.ts";
import { at, type BucketState, fresh, refund, spend, tokenBucket } from "../../src/core/token-bucket.ts";

const RUNS = Number(process.env["RESERVATION_RUNS"] ?? 500);

const COUNTER = "tpm%tokens";
const LIMIT = tokenBucket("tpm", 60_000, "minute", 100_000, "tokens")!;

/** What happens, each some time after the one before. */
const step = fc.record({
  afterMs: fc.oneof(fc.nat(30), fc.nat(3_000), fc.nat(40_000)),
  what: fc.oneof(
    fc.record({ kind: fc.constant("reserve" as const), milli: fc.nat(30_000) }),
    fc.record({ kind: fc.constant("spend" as const), milli: fc.nat(10_000) }),
    fc.record({
      kind: fc.constant("settle" as const),
      /** Of the open ones. */
      at: fc.nat(5),
      /** Of what was reserved. */
      share: fc.constantFrom(0, 0.1, 0.5, 0.9, 1, 1.5),
    }),
  ),
});

interface Charge {
  readonly atMs: number;
  milli: number;
}

function reservation(id: string, madeAtMs: number, debt: BucketState): OpenReservation {
  return {
    id,
    madeAtMs,
    expiresAtMs: Infinity,
    costMilli: 0,
    units: null,
    tier: "free",
    route: null,
    keyId: null,
    slots: [],
    shares: [{ kind: "bucket", counter: COUNTER, low: debt.debtGrains, grain: debt.grain }],
    reset: [],
  };
}

/** The debt at a moment if these charges were made. */
function replayed(charges: readonly Charge[], nowMs: number): number {
  let state = fresh(LIMIT, 0);
  for (const { atMs, milli } of charges) state = spend(LIMIT, at(LIMIT, state, atMs), milli);
  return at(LIMIT, state, nowMs).debtGrains;
}

/** Plays the steps. @param judge gets the debt and the replayed one after each. */
function play(
  steps: readonly {
    readonly afterMs: number;
    readonly what: { kind: string; milli?: number; at?: number; share?: number };
  }[],
  maxOpen: number,
  judge: (debtGrains: number, replayedGrains: number) => void,
): void {
  const book = new ReservationBook();
  const open: { readonly id: string; readonly charge: Charge }[] = [];
  const charges: Charge[] = [];
  let [state, nowMs] = [fresh(LIMIT, 0), 0];
  const charge = (milli: number): void => {
    book.dip(COUNTER, state.debtGrains, state.grain);
    state = spend(LIMIT, state, milli);
  };
  steps.forEach(({ afterMs, what: { kind, milli = 0, at: which = 0, share = 0 } }, i) => {
    nowMs += afterMs;
    state = at(LIMIT, state, nowMs);
    if (kind === "spend") {
      charge(milli);
      charges.push({ atMs: nowMs, milli });
    } else if (kind === "reserve" && open.length < maxOpen) {
      const made = { atMs: nowMs, milli };
      charge(milli);
      charges.push(made);
      book.add(reservation(String(i), nowMs, state));
      open.push({ id: String(i), charge: made });
    } else if (kind === "settle" && open.length > 0) {
      const [settled] = open.splice(which % open.length, 1);
      if (!settled) return;
      const actualMilli = Math.round(settled.charge.milli * share);
      const moreMilli = actualMilli - settled.charge.milli;
      if (moreMilli > 0) {
        charge(moreMilli);
        charges.push({ atMs: nowMs, milli: moreMilli });
      } else {
        book.dip(COUNTER, state.debtGrains, state.grain);
        state = refund(state, book.refund(settled.id, COUNTER, -moreMilli * LIMIT.grainsPerMilli));
        settled.charge.milli = actualMilli;
      }
      book.close(settled.id);
    }
    judge(state.debtGrains, replayed(charges, nowMs));
  });
}

it(`never refunds what refill has paid for, in ${RUNS} random histories`, () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      play(steps, MAX_OPEN_RESERVATIONS, (debt, exact) => expect(debt).toBeGreaterThanOrEqual(exact));
    }),
    { numRuns: RUNS, seed: 20_261_130 },
  );
});

it(`refunds exactly if one reservation is open at a time, in ${RUNS} random histories`, () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      play(steps, 1, (debt, exact) => expect(debt).toBe(exact));
    }),
    { numRuns: RUNS, seed: 20_261_131 },
  );
});

it("refunds nothing of a bucket after a start from floors, and what it held after one from an exact state", () => {
  const state = spend(LIMIT, fresh(LIMIT, 0), 30_000);
  const stored = [reservation("a", 0, state)];
  const [exact, lost] = [new ReservationBook(stored), new ReservationBook(stored, false)];
  for (const book of [exact, lost]) book.dip(COUNTER, state.debtGrains, state.grain);
  expect(exact.refund("a", COUNTER, Infinity)).toBe(state.debtGrains);
  expect(lost.refund("a", COUNTER, Infinity)).toBe(0);
});

it("writes a reservation once, and again with an exact state if less may be refunded since", () => {
  const state = spend(LIMIT, fresh(LIMIT, 0), 30_000);
  const book = new ReservationBook();
  book.add(reservation("a", 0, state));
  expect(book.write(false)).toHaveLength(1);
  expect(book.mustWrite(true)).toBe(false);
  const later = at(LIMIT, state, 10_000);
  book.dip(COUNTER, later.debtGrains, later.grain);
  expect(book.mustWrite(false)).toBe(false);
  expect(book.write(true)).toMatchObject([{ shares: [{ low: later.debtGrains }] }]);
  expect(book.mustWrite(true)).toBe(false);
});

it("never refunds more when a rate changes", () => {
  const state = spend(LIMIT, fresh(LIMIT, 0), 30_000);
  const book = new ReservationBook();
  book.add(reservation("a", 0, state));
  // 7 a minute: another grain.
  const slow = tokenBucket("tpm", 7, "minute", 100_000, "tokens")!;
  const recounted = at(slow, state, 1);
  book.dip(COUNTER, recounted.debtGrains, recounted.grain);
  const refunded = book.refund("a", COUNTER, Infinity);
  expect(refunded).toBeLessThanOrEqual(recounted.debtGrains);
  expect(refunded).toBeGreaterThan(0.99 * recounted.debtGrains);
});
