/**
 * A plan: all the limits that one request has to pass, decided at once.
 *
 * All or none: either every limit holds the cost and each is charged, or none is. A denial changes nothing, so a client that
 * retries in a loop is let in exactly as early as one that waits.
 *
 * Pure: no I/O and no clock. The caller owns the states and stores what `decide` returns.
 */
import { resetsAtMs } from "./concurrency.ts";
import {
  blockedUntilMs,
  type Limit,
  type LimitState,
  type Meter,
  meterAt,
  read,
  type Reading,
  spend,
} from "./limit.ts";

/** A limit and the name of the counter that it counts in. Two limits never share a counter. */
export interface Charge {
  readonly counter: string;
  readonly limit: Limit;
}

/** What is set aside of a counter and counts as spent, without refilling. Millitokens, Unix ms. */
export interface Held {
  readonly milli: number;
  /** When all of it is either charged or free again, at the latest. */
  readonly untilMs: number;
}

/** Who knows what is set aside: the open leases. */
export interface Holding {
  /** What is set aside of a counter since a moment: a quota's period begins anew, and earlier leases do not count in it. */
  heldOf(counter: string, sinceMs: number): Held;
}

export const NOTHING: Held = { milli: 0, untilMs: 0 };
const NOBODY: Holding = { heldOf: () => NOTHING };

/** What was decided about one cost against one plan. Arrays run in the order of the charges. */
export interface PlanDecision {
  readonly allowed: boolean;
  /** Each limit at the moment of the decision, nothing spent. */
  readonly before: readonly Meter[];
  /** Each limit after the decision: charged where allowed, `before` itself where denied. */
  readonly after: readonly Meter[];
  /** What is set aside of each limit, in millitokens: not part of `before` and `after`. */
  readonly heldMilli: readonly number[];
  /** The names of the limits that refused, in the order of the charges. */
  readonly violated: readonly string[];
  /**
   * When the same cost passes if nobody else spends: 0 if it passed, Infinity if it never will. If slots alone
   * reject it, when to ask again.
   */
  readonly retryAtMs: number;
}

/** The states of a user's counters by counter name. */
export type States = ReadonlyMap<string, LimitState>;

/** Decides `costMilli` (>= 0, whole) at `nowMs` against all charges at once. */
export function decide(
  charges: readonly Charge[],
  states: States,
  costMilli: number,
  nowMs: number,
  holding: Holding = NOBODY,
): PlanDecision {
  const before: Meter[] = [];
  const heldMilli: number[] = [];
  const violated: string[] = [];
  let retryAtMs = 0;
  let slotAtMs = 0;
  // Loops, not closures: an object does this for each request.
  for (const { counter, limit } of charges) {
    const meter = meterAt(limit, states.get(counter), nowMs);
    const held = holding.heldOf(counter, meter.kind === "quota" ? meter.state.startMs : 0);
    before.push(meter);
    heldMilli.push(held.milli);
    const untilMs = blockedUntilMs(withHeld(meter, held.milli), costMilli);
    if (untilMs === 0) continue;
    violated.push(limit.name);
    if (meter.kind === "concurrency") {
      slotAtMs = Math.max(slotAtMs, resetsAtMs(meter.limit, meter.state, nowMs));
      continue;
    }
    retryAtMs = Math.max(
      retryAtMs,
      held.milli === 0 ? untilMs : heldUntilMs(meter, held, untilMs, costMilli),
    );
  }
  const allowed = violated.length === 0;
  return {
    allowed,
    before,
    after: allowed ? spent(before, costMilli) : before,
    heldMilli,
    violated,
    // A slot may be free long before the other limits allow: only they say when.
    retryAtMs: retryAtMs || slotAtMs,
  };
}

/** Until when a limit with something set aside rejects a cost, given that it rejects until `untilMs` if all of that is spent. */
function heldUntilMs(meter: Meter, held: Held, untilMs: number, costMilli: number): number {
  // What is set aside does not refill before it is charged.
  if (meter.kind === "bucket") return untilMs + Math.max(0, held.untilMs - meter.nowMs);
  // A quota that would hold the cost otherwise holds it again once what is set aside is free.
  return blockedUntilMs(meter, costMilli) === 0 ? Math.min(untilMs, held.untilMs) : untilMs;
}

function spent(before: readonly Meter[], costMilli: number): Meter[] {
  const after: Meter[] = [];
  for (const meter of before) after.push(spend(meter, costMilli));
  return after;
}

/** Each limit after a decision, with what is set aside counted as spent: what is really left. */
export function effective({ after, heldMilli }: PlanDecision): Meter[] {
  return after.map((meter, i) => withHeld(meter, heldMilli[i] ?? 0));
}

function withHeld(meter: Meter, heldMilli: number): Meter {
  return heldMilli === 0 ? meter : spend(meter, heldMilli);
}

/** Reads every limit after a decision (or, with cost 0, as it stands). */
export function readings({ after, heldMilli }: PlanDecision, nowMs: number): Reading[] {
  const all: Reading[] = [];
  let i = 0;
  for (const meter of after) all.push(read(withHeld(meter, heldMilli[i++] ?? 0), nowMs));
  return all;
}

/** The slots that an allowed decision took, by counter and the moment each frees itself. */
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
