/**
 * Settles reservations at what they have cost: charges or gives back the difference to the counters from which they were taken and to their
 * hour of the ledger, and frees their slots. Or lets them last longer.
 *
 * Synchronous, in memory, and written in the same turn, so that the answer can be repeated.
 */
import { isForgotten, lastMomentMs, type OpenReservation } from "../../src/core/reservation-book.ts";
import type { Charge } from "../../src/core/plan.ts";
import { milliOf, REQUESTS, unitAmounts, unitCosts } from "../../src/core/unit-costs.ts";
import { toTokens } from "../../src/core/units.ts";
import type { Extend, ReservationAnswer, ReservationCall, Settle } from "../../src/objects/reservation.ts";
import { scopeOf } from "../../src/policy/charges.ts";
import { type Policy, tierOf } from "../../src/policy/compile.ts";
import type { Cost } from "../../src/policy/costs.ts";
import { tierAsked } from "../../src/policy/unlimited.ts";
import { objectMetrics } from "../object-metrics.ts";
import { isExcess, nameOf } from "./counter-names.ts";
import { chargeExpired, chargeTaken } from "./lease-settlement.ts";
import type { Memory } from "./memory.ts";

/** Settles or extends reservations, in order, and writes the state. */
export function settleReservations(
  memory: Memory,
  policy: Policy,
  calls: readonly ReservationCall[],
  nowMs: number,
): { readonly answers: ReservationAnswer[]; readonly publishes: boolean } {
  const publishes = memory.advanceBilling(policy, nowMs);
  const known = calls.map(({ id }) => memory.reservations.book.get(id)).find((one) => one !== undefined);
  if (known) memory.adoptPolicy(policy, known.tier, nowMs);
  if (chargeExpired(memory, policy, nowMs)) memory.needsCheckpoint = true;
  memory.expireReservations(nowMs);
  const answers = calls.map((call) =>
    call.kind === "settle" ? settleOne(memory, policy, call, nowMs) : extendOne(memory, call, nowMs),
  );
  if (memory.isWriteDue(nowMs)) memory.save(nowMs);
  const reports = policy.events !== null && memory.reportAlerts(policy, nowMs);
  return { answers, publishes: publishes || reports };
}

function extendOne(memory: Memory, { id, extendMs }: Extend, nowMs: number): ReservationAnswer {
  const { reservations, counters } = memory;
  const reservation = reservations.book.get(id);
  if (!reservation) return gone();
  const { madeAtMs, expiresAtMs: beforeMs, slots } = reservation;
  const expiresAtMs = Math.max(beforeMs, Math.min(lastMomentMs(madeAtMs), nowMs + extendMs));
  reservations.book.extend(id, expiresAtMs, counters.holdUntil(slots, expiresAtMs));
  memory.mustWrite = true;
  objectMetrics.add("reservations", ["extended"]);
  const expiresAt = new Date(expiresAtMs).toISOString();
  return { kind: "done", answer: { reservation: id, settled: false, expiresAt } };
}

function settleOne(memory: Memory, policy: Policy, call: Settle, nowMs: number): ReservationAnswer {
  const { reservations, counters } = memory;
  const { id, costMilli, units } = call;
  const before = reservations.answerOf(id, nowMs);
  if (before) return { kind: "done", answer: before };
  const reservation = reservations.book.get(id);
  if (!reservation) return gone();
  const unknown = units?.find(
    ([unit]) => !policy.units.has(unit) && milliOf(unit, 0, reservation.units) === 0,
  );
  if (unknown) return { kind: "unknown-unit", unit: unknown[0] };
  correct(memory, policy, reservation, { costMilli, units }, nowMs);
  counters.release(reservation.slots);
  const answer = {
    reservation: id,
    settled: true,
    cost: toTokens(costMilli),
    ...(units ? { units: unitAmounts(units) } : {}),
  } as const;
  reservations.settled(id, answer, nowMs);
  memory.needsCheckpoint = true;
  memory.mustWrite = true;
  count(reservation, call);
  return { kind: "done", answer };
}

function gone(): ReservationAnswer {
  objectMetrics.add("reservations", ["gone"]);
  return { kind: "gone" };
}

/** Charges or gives back the difference between what was reserved and what it has cost, to counters and ledger. */
function correct(
  memory: Memory,
  policy: Policy,
  reservation: OpenReservation,
  cost: Cost,
  nowMs: number,
): void {
  const { counters, ledger } = memory;
  const { id, madeAtMs, route, keyId, shares } = reservation;
  const moreOf = (unit: string): number =>
    milliOf(unit, cost.costMilli, cost.units) - milliOf(unit, reservation.costMilli, reservation.units);
  const moreUnits = new Set([...(cost.units ?? []), ...(reservation.units ?? [])].map(([unit]) => unit));
  const moreMilli = moreOf(REQUESTS);
  const more = unitCosts([...moreUnits].map((unit) => [unit, moreOf(unit)])) ?? [];
  if (moreMilli === 0 && more.length === 0) return;
  const taken = {
    tier: reservation.tier,
    counters: shares.map(({ counter }) => counter).filter((counter) => !isExcess(counter)),
    refunds: id,
    milliOf: (counter: string): number => {
      const { name, unit } = scopeOf(nameOf(counter));
      const milli = moreOf(unit);
      // What a reset has forgotten is not given back, either. A bucket is empty of debt after one.
      return milli < 0 && isForgotten(reservation, name) ? 0 : milli;
    },
    countsIn: (charge: Charge): boolean => {
      const startMs = counters.periodStartMs(charge, nowMs);
      return startMs === null || startMs === memory.reservations.book.periodOf(id, charge.counter);
    },
  };
  // Before the ledger counts it: a quota that is made from the ledger now is charged like the others.
  chargeTaken(memory, policy, taken, { atMs: nowMs, nowMs, storedMs: 0 });
  for (const share of memory.reservations.book.get(id)?.shares ?? []) {
    if (share.kind !== "quota" || !isExcess(share.counter)) continue;
    const { unit } = scopeOf(nameOf(share.counter));
    counters.correctExcess(share.counter, share.startMs, moreOf(unit));
  }
  if (ledger.settle(madeAtMs, route ?? "", keyId ?? "", moreMilli, more)) {
    counters.rebuildQuotas(memory.leases);
  }
  memory.forgiveLess(reservation, moreMilli, more);
  // The next decision needs no write of its own.
  const { accounts } = memory;
  const own = accounts.adjust(tierOf(policy, accounts.account?.tier ?? reservation.tier), nowMs);
  const named = route === null ? null : policy.routes.byId(route);
  const { charges } = memory.chargesFor(tierAsked(own, reservation.tier), named, keyId);
  counters.prepare(charges, policy, memory.leases, nowMs);
  const exact = own.durability === "exact";
  counters.rely(charges, exact);
  memory.relyOn(charges, exact);
}

/** Metrics of a settlement: in the unit that it mostly is about. */
function count({ costMilli, units }: OpenReservation, settled: Settle): void {
  objectMetrics.add("reservations", ["settled"]);
  const [unit, reservedMilli] = units?.[0] ?? [REQUESTS, costMilli];
  if (reservedMilli === 0) return;
  objectMetrics.observe("settleRatio", [], milliOf(unit, settled.costMilli, settled.units) / reservedMilli);
}
