/**
 * Makes a reservation of a request that has just been charged. settle-reservations.ts settles it.
 *
 * Synchronous, in memory. The end of the turn writes the reservation's row with the state.
 */
import { type DecisionRequest, isReserving, type Reservation, type Slot } from "../../src/core/decision.ts";
import { lastMomentMs, type Share } from "../../src/core/reservation-book.ts";
import type { Charge, PlanDecision } from "../../src/core/plan.ts";
import { REQUESTS } from "../../src/core/unit-costs.ts";
import { toTokens } from "../../src/core/units.ts";
import type { Cost } from "../../src/policy/costs.ts";
import { objectMetrics } from "../object-metrics.ts";
import { excessOf } from "./counter-names.ts";
import type { Memory } from "./memory.ts";

/** A plan that has decided, with its charges. */
export interface Decided {
  readonly charges: readonly Charge[];
  readonly plan: PlanDecision;
}

/** Whether a request that the limits allow is a reservation: it asks for one, or takes slots that its caller gives back by settling. */
export function isReserved(request: DecisionRequest, plans: readonly Decided[]): boolean {
  if (request.reserve !== "slots") return isReserving(request);
  return plans.some(
    ({ charges, plan }) => plan.allowed && charges.some(({ limit }) => limit.kind === "concurrency"),
  );
}

/**
 * Reserves what a request has just been charged.
 * @param plans the limits', and that of limits in shadow, which may have denied it.
 * @param slots that it took: they last as long as the reservation.
 */
export function reserve(
  memory: Memory,
  request: DecisionRequest,
  { costMilli, units }: Cost,
  plans: readonly Decided[],
  slots: readonly Slot[],
  nowMs: number,
): Reservation {
  const { reservations, counters } = memory;
  const ttlMs = isReserving(request) && request.reserve !== "slots" ? request.reserve?.ttlMs : undefined;
  const expiresAtMs = Math.min(
    lastMomentMs(nowMs),
    ttlMs === undefined ? Math.max(nowMs, ...slots.map(({ untilMs }) => untilMs)) : nowMs + ttlMs,
  );
  const id = crypto.randomUUID();
  reservations.book.add({
    id,
    madeAtMs: nowMs,
    expiresAtMs,
    costMilli,
    units,
    tier: request.tier,
    route: request.route,
    keyId: request.keyId,
    slots: ttlMs === undefined ? slots : counters.holdUntil(slots, expiresAtMs),
    shares: plans.flatMap(sharesOf),
    reset: [],
  });
  memory.mustWrite = true;
  objectMetrics.add("reservations", ["reserved"]);
  for (const [unit, milli] of [[REQUESTS, costMilli] as const, ...(units ?? [])]) {
    if (milli > 0) objectMetrics.add("reserved", [unit], toTokens(milli));
  }
  return { id, expiresAt: new Date(expiresAtMs).toISOString() };
}

/** What a request took of each counter. If limits in shadow denied it, it counts in the excess of their quotas. */
function sharesOf({ charges, plan }: Decided): Share[] {
  return charges.flatMap(({ counter }, i): Share[] => {
    const meter = plan.after[i];
    if (meter?.kind === "quota") {
      const counts = plan.allowed ? counter : excessOf(counter);
      return [{ kind: "quota", counter: counts, startMs: meter.state.startMs }];
    }
    if (meter?.kind !== "bucket" || !plan.allowed) return [];
    return [{ kind: "bucket", counter, low: meter.state.debtGrains, grain: meter.state.grain }];
  });
}
