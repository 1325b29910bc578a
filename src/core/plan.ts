/**
 * A plan: all the limits that one request must pass, decided at once.
 *
 * All or none: either every limit holds the cost and each is charged, or none is. A denial changes nothing, so a client that
 * retries in a loop is admitted exactly as early as one that waits.
 *
 * Pure: no I/O and no clock. The caller owns the states and stores what {@link decidePlan} returns.
 */
import type { QuotaCap } from "./calendar-quota.ts";
import { resetsAtMs } from "./concurrency.ts";
import {
  blockedUntilMs,
  type Limit,
  type LimitState,
  type Meter,
  meterAt,
  read,
  type LimitReading,
  spend,
} from "./limit.ts";
import { milliOf, type UnitCosts } from "./unit-costs.ts";

/** A limit and the name of its counter. Two limits never share a counter. */
export interface Charge {
  readonly counter: string;
  readonly limit: Limit;
}

/** The amount of a counter that is set aside: it counts as spent and does not refill. Millitokens, Unix ms. */
export interface SetAside {
  readonly milli: number;
  /** The latest moment by which all of it is charged or free again. */
  readonly untilMs: number;
}

/** Knows what is set aside: the open leases do. */
export interface SetAsideSource {
  /** What was set aside of a counter since a moment. Leases from before a quota's period do not count in it. */
  setAsideOf(counter: string, sinceMs: number): SetAside;
}

export const NOTHING_SET_ASIDE: SetAside = { milli: 0, untilMs: 0 };
const NONE_SET_ASIDE: SetAsideSource = { setAsideOf: () => NOTHING_SET_ASIDE };

/** The decision about one cost under one plan. Arrays are in the order of the charges. */
export interface PlanDecision {
  readonly allowed: boolean;
  /** Each limit at the moment of the decision, before anything is spent. */
  readonly before: readonly Meter[];
  /** Each limit after the decision: charged if allowed; `before` itself if denied. */
  readonly after: readonly Meter[];
  /** What is set aside of each limit, in millitokens. Not included in `before` and `after`. */
  readonly setAsideMilli: readonly number[];
  /** Names of the limits that rejected the cost, in the order of the charges. */
  readonly violated: readonly string[];
  /** The cap that rejected the cost; null: none did. */
  readonly cap: QuotaCap | null;
  /**
   * When the same cost passes if nothing else spends: 0 if it passed, Infinity if it never passes. If only slots reject it, when to ask
   * again.
   */
  readonly retryAtMs: number;
}

/** States of a user's counters, by counter name. */
export type States = ReadonlyMap<string, LimitState>;

/**
 * Decides a cost of `costMilli` requests (>= 0, whole) at `nowMs` against all charges at once.
 * @param setAsides the open leases.
 * @param units what it costs in other units.
 */
export function decidePlan(
  charges: readonly Charge[],
  states: States,
  costMilli: number,
  nowMs: number,
  setAsides: SetAsideSource = NONE_SET_ASIDE,
  units: UnitCosts | null = null,
): PlanDecision {
  const before: Meter[] = [];
  const setAsideMilli: number[] = [];
  const violated: string[] = [];
  let retryAtMs = 0;
  let slotAtMs = 0;
  let cap: QuotaCap | null = null;
  // Loops, not closures: an object runs this for each request.
  for (const { counter, limit } of charges) {
    const meter = meterAt(limit, states.get(counter), nowMs);
    const setAside = setAsides.setAsideOf(counter, meter.kind === "quota" ? meter.state.startMs : 0);
    before.push(meter);
    setAsideMilli.push(setAside.milli);
    const ownMilli = milliOf(limit.unit, costMilli, units);
    const untilMs = blockedUntilMs(withSetAside(meter, setAside.milli), ownMilli);
    if (untilMs === 0) continue;
    violated.push(limit.name);
    if (meter.kind === "quota" && meter.limit.cap !== null) cap = meter.limit.cap;
    if (meter.kind === "concurrency") {
      slotAtMs = Math.max(slotAtMs, resetsAtMs(meter.limit, meter.state, nowMs));
      continue;
    }
    retryAtMs = Math.max(
      retryAtMs,
      setAside.milli === 0 ? untilMs : blockedBesideMs(meter, setAside, untilMs, ownMilli),
    );
  }
  const allowed = violated.length === 0;
  return {
    allowed,
    before,
    after: allowed ? spent(before, costMilli, units) : before,
    setAsideMilli,
    violated,
    cap,
    // A slot may be free long before the other limits allow the cost, so they alone give the time.
    retryAtMs: retryAtMs || slotAtMs,
  };
}

/** How long a limit with something set aside rejects a cost that it would reject until `untilMs` if all of that were spent now. */
function blockedBesideMs(meter: Meter, setAside: SetAside, untilMs: number, costMilli: number): number {
  if (meter.kind === "bucket") {
    // The amount set aside does not refill. It delays only a cost that does not fit beside it: at worst, all of it is charged at the end,
    // and refills from there. What was spent has been refilling meanwhile.
    const charged = withSetAside(meterAt(meter.limit, undefined, setAside.untilMs), setAside.milli);
    const besideUntilMs = blockedUntilMs(charged, costMilli);
    return Math.max(untilMs, besideUntilMs);
  }
  // A quota that holds the cost without it does so again once the amount is free.
  return blockedUntilMs(meter, costMilli) === 0 ? Math.min(untilMs, setAside.untilMs) : untilMs;
}

function spent(before: readonly Meter[], costMilli: number, units: UnitCosts | null): Meter[] {
  const after: Meter[] = [];
  for (const meter of before) after.push(spend(meter, milliOf(meter.limit.unit, costMilli, units)));
  return after;
}

/** Each limit after a decision, with the amount set aside counted as spent. */
export function effective({ after, setAsideMilli }: PlanDecision): Meter[] {
  return after.map((meter, i) => withSetAside(meter, setAsideMilli[i] ?? 0));
}

function withSetAside(meter: Meter, setAsideMilli: number): Meter {
  return setAsideMilli === 0 ? meter : spend(meter, setAsideMilli);
}

/** Reads every limit after a decision; after one of cost 0, as it stands. */
export function readings({ after, setAsideMilli }: PlanDecision, nowMs: number): LimitReading[] {
  const all: LimitReading[] = [];
  let i = 0;
  for (const meter of after) all.push(read(withSetAside(meter, setAsideMilli[i++] ?? 0), nowMs));
  return all;
}

/** The slots that an allowed decision took, each with the moment it expires. */
export function slotsTaken(
  charges: readonly Charge[],
  { allowed, after }: PlanDecision,
): { counter: string; untilMs: number }[] {
  const slots: { counter: string; untilMs: number }[] = [];
  if (!allowed) return slots;
  let i = 0;
  for (const { counter } of charges) {
    const meter = after[i++];
    if (meter?.kind === "concurrency") slots.push({ counter, untilMs: meter.nowMs + meter.limit.ttlMs });
  }
  return slots;
}
