/**
 * A plan: all the limits that one request has to pass, decided at once.
 *
 * All or none: either every limit holds the cost and each is charged, or none is. A denial changes nothing, so a client that
 * retries in a loop is let in exactly as early as one that waits.
 *
 * Pure: no I/O and no clock. The caller owns the states and stores what `decide` returns.
 */
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

/** What was decided about one cost against one plan. Arrays run in the order of the charges. */
export interface PlanDecision {
  readonly allowed: boolean;
  /** Each limit at the moment of the decision, nothing spent. */
  readonly before: readonly Meter[];
  /** Each limit after the decision: charged where allowed, `before` itself where denied. */
  readonly after: readonly Meter[];
  /** The names of the limits that refused, in the order of the charges. */
  readonly violated: readonly string[];
  /** From when on the same cost passes if nobody else spends: 0 where it passed, Infinity where it never will. */
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
): PlanDecision {
  const before = charges.map(({ counter, limit }) => meterAt(limit, states.get(counter), nowMs));
  const violated: string[] = [];
  let retryAtMs = 0;
  for (const meter of before) {
    const untilMs = blockedUntilMs(meter, costMilli);
    if (untilMs === 0) continue;
    violated.push(meter.limit.name);
    retryAtMs = Math.max(retryAtMs, untilMs);
  }
  const allowed = violated.length === 0;
  const after = allowed ? before.map((meter) => spend(meter, costMilli)) : before;
  return { allowed, before, after, violated, retryAtMs };
}

/** Reads every limit after a decision (or, with cost 0, as it stands). */
export function readings(decision: PlanDecision, nowMs: number): Reading[] {
  return decision.after.map((meter) => read(meter, nowMs));
}

/** The slots that an allowed decision took, by counter and the moment each frees itself. */
export function slotsTaken(
  charges: readonly Charge[],
  { allowed, after }: PlanDecision,
): { counter: string; untilMs: number }[] {
  if (!allowed) return [];
  return after.flatMap((meter, i) => {
    const charge = charges[i];
    if (!charge || meter.kind !== "concurrency") return [];
    return [{ counter: charge.counter, untilMs: meter.nowMs + meter.limit.ttlMs }];
  });
}
