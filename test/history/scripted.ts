/** Histories written by hand: short names for their events, and what a run of one shows. */
import type { Asked, History } from "./history.ts";
import type { Ask, OperatorChange, Schedule, Step, Travel, WorldEvent } from "./schedule.ts";
import { World } from "./world.ts";

export const ANSWERED: Travel = { upMs: 1, downMs: 1, fate: "answered" };

/** One request. */
export const ONE: Ask = {
  kind: "ask",
  isolate: 0,
  route: "/one",
  costMilli: null,
  key: null,
  count: 1,
  asBatch: false,
  peek: false,
  idempotencyKey: null,
  holdsMs: null,
  leavesAfterMs: null,
  againAfterMs: null,
  computesMs: 0,
};

export function after(afterMs: number, what: WorldEvent): Step {
  return { afterMs, what };
}

/** A number of concurrent requests. */
export function ask(afterMs: number, count: number, others: Partial<Ask> = {}): Step {
  return after(afterMs, { ...ONE, count, ...others });
}

/** Requests one after the other: enough of them for a lease. */
export function stream(count: number, everyMs: number, others: Partial<Ask> = {}): Step[] {
  return Array.from({ length: count }, () => ask(everyMs, 1, others));
}

/** One request that costs this many tokens. */
export function spend(afterMs: number, tokens: number): Step {
  return ask(afterMs, 1, { costMilli: tokens * 1_000 });
}

/** A change that an operator makes through the second isolate, so that the first one's leases go on. */
export function change(afterMs: number, what: OperatorChange): Step {
  return after(afterMs, { kind: "change", isolate: 1, change: what });
}

export const DIES: WorldEvent = { kind: "object-dies", skewMs: 0 };

/** These steps without faults in a tier that lends, unless said otherwise. */
export function scheduleOf(steps: readonly Step[], others: Partial<Schedule> = {}): Schedule {
  return {
    tier: "leased",
    skewsMs: [0, 0],
    slowPpm: [0],
    startMs: 1_000,
    flushMs: 1,
    travels: [ANSWERED],
    steps,
    ...others,
  };
}

/** Runs the schedule of {@link scheduleOf}. */
export function played(steps: readonly Step[], others: Partial<Schedule> = {}): Promise<History> {
  return new World(scheduleOf(steps, others)).run();
}

/** The admitted requests, in order of time. */
export function admitted({ asked }: History): Asked[] {
  return asked.filter(({ decision }) => decision?.allowed).toSorted((a, b) => a.decidedMs - b.decidedMs);
}

/** The requests that were admitted from a lease. */
export function leased(history: History): Asked[] {
  return admitted(history).filter(({ decision }) => decision?.source === "lease");
}
