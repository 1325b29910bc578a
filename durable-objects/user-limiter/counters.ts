/**
 * A user's counters: the live states that decisions spend from, and the floors that storage holds of them.
 *
 * Storage holds only floors (core/reservation.ts), so what an object finds after a crash never lets in more than was allowed.
 */
import * as z from "zod/mini";
import { release } from "../../src/core/concurrency.ts";
import type { Hold } from "../../src/core/decision.ts";
import {
  covers,
  isAtRest,
  type Limit,
  type LimitState,
  meterAt,
  restsAtMs,
  spend,
} from "../../src/core/limit.ts";
import { type Charge, type PlanDecision, type States } from "../../src/core/plan.ts";
import { isReserved, nextFloors, Pace } from "../../src/core/reservation.ts";

const count = z.number().check(z.gte(0), z.lte(Number.MAX_SAFE_INTEGER));
const stateSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("bucket"), debtGrains: count, grain: count, atMs: count }),
  z.object({
    kind: z.literal("quota"),
    period: z.enum(["hour", "day", "month"]),
    startMs: count,
    endMs: count,
    usedMilli: count,
    atMs: count,
  }),
  z.object({ kind: z.literal("concurrency"), slotsUntilMs: z.array(count) }),
]);

/** The counters of the state row: states by counter name. */
export const countersSchema = z.record(z.string(), stateSchema);

export class Counters {
  readonly #live: Map<string, LimitState>;
  readonly #floors: Map<string, LimitState>;
  /** The limit that each counter was last used by; what is at rest under it may be forgotten. */
  readonly #limits = new Map<string, Limit>();
  /** Charged for leases since the last write. */
  readonly #lent = new Set<string>();
  readonly #pace = new Pace();

  constructor(stored: Readonly<Record<string, LimitState>>) {
    this.#live = new Map(Object.entries(stored));
    this.#floors = new Map(this.#live);
  }

  get live(): States {
    return this.#live;
  }

  /**
   * Takes an allowed decision over into the live states.
   * @param exact reserve nothing beyond the cost itself.
   * @returns whether floors moved, so that the row must be written before the answer leaves.
   */
  spend(
    charges: readonly Charge[],
    decision: PlanDecision,
    costMilli: number,
    exact: boolean,
    nowMs: number,
  ): boolean {
    const covered = isReserved(charges, this.#floors, decision, nowMs);
    this.#pace.spend(costMilli);
    if (!covered) {
      const floors = nextFloors(charges, decision, costMilli, exact, this.#pace.upTo(nowMs));
      for (const [counter, floor] of floors) this.#floors.set(counter, floor);
    }
    let i = 0;
    for (const { counter, limit } of charges) {
      const after = decision.after[i++];
      if (after) this.#live.set(counter, after.state);
      if (this.#limits.get(counter) !== limit) this.#limits.set(counter, limit);
    }
    return !covered;
  }

  /**
   * Charges what a lease turned out to have spent, as of `atMs`. Until the next write, what storage knows to be set aside
   * covers it; that write forgets the lease, so it has floors that cover it instead.
   */
  charge(charges: readonly Charge[], costMilli: number, atMs: number): void {
    for (const { counter, limit } of charges) {
      this.#live.set(counter, spend(meterAt(limit, this.#live.get(counter), atMs), costMilli).state);
      this.#limits.set(counter, limit);
      this.#lent.add(counter);
    }
  }

  /** Whether what was spent at `sinceMs` still counts at `nowMs`: a quota forgets it when its period is over. */
  startsBefore({ counter, limit }: Charge, sinceMs: number, nowMs: number): boolean {
    const meter = meterAt(limit, this.#live.get(counter), nowMs);
    return meter.kind !== "quota" || meter.state.startMs <= sinceMs;
  }

  /** Gives slots back. Written with the next write: until then storage believes them taken, which errs on the safe side. */
  release(holds: readonly Hold[]): void {
    for (const { counter, untilMs } of holds) {
      const state = this.#live.get(counter);
      if (state?.kind === "concurrency") this.#live.set(counter, release(state, untilMs));
    }
  }

  /** Forgets what was spent of the limits of these names, or of all. Takes effect with the next write of the state. */
  reset(names: readonly string[] | null): void {
    for (const counter of this.#live.keys()) {
      const [name = counter] = counter.split(/[#@]/, 1);
      if (names !== null && !names.includes(name)) continue;
      this.#live.delete(counter);
      this.#floors.delete(counter);
      this.#limits.delete(counter);
    }
  }

  /**
   * Makes the floors the exact states, and forgets counters that are at rest, and those of keys that nobody can use any more.
   * Call when the user has paused.
   */
  settle(nowMs: number, isKnownKey: (keyId: string) => boolean): void {
    for (const counter of this.#live.keys()) {
      const keyId = /#([^@]+)/.exec(counter)?.[1];
      if (keyId === undefined || isKnownKey(keyId)) continue;
      this.#live.delete(counter);
      this.#limits.delete(counter);
    }
    for (const [counter, limit] of this.#limits) {
      if (isAtRest(meterAt(limit, this.#live.get(counter), nowMs))) {
        this.#live.delete(counter);
        this.#limits.delete(counter);
      }
    }
    this.#floors.clear();
    for (const [counter, state] of this.#live) this.#floors.set(counter, state);
  }

  /**
   * When every counter will be at rest if nobody spends; null where one is not known well enough to say.
   * @param untouchedMs from when on the counters are at rest that were not used since they were read from storage.
   */
  restsAtMs(nowMs: number, untouchedMs: number | null): number | null {
    let latestMs = nowMs;
    for (const [counter, state] of this.#live) {
      const limit = this.#limits.get(counter);
      const atMs = limit ? restsAtMs(meterAt(limit, state, nowMs)) : untouchedMs;
      if (atMs === null) return null;
      latestMs = Math.max(latestMs, atMs);
    }
    return latestMs;
  }

  /** The floors as the state row is to hold them, now. */
  stored(): Record<string, LimitState> {
    for (const counter of this.#lent) {
      const state = this.#live.get(counter);
      const limit = this.#limits.get(counter);
      if (!state || !limit || state.kind === "concurrency") continue;
      const floor = meterAt(limit, this.#floors.get(counter), state.atMs);
      if (!covers(floor, meterAt(limit, state, state.atMs))) this.#floors.set(counter, state);
    }
    this.#lent.clear();
    return Object.fromEntries(this.#floors);
  }
}
