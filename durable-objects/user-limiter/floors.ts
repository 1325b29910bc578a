/**
 * The floors of a user's counters: what storage has (core/headroom.ts). They are compared with the live states at the end of each turn,
 * and raised before its answers leave if they no longer cover what was spent and lent.
 */
import { type ChargedOpen, headroomMilli, isCovered, nextFloor } from "../../src/core/headroom.ts";
import type { LeaseBook } from "../../src/core/lease-book.ts";
import { covers, type Limit, type LimitState, meterAt } from "../../src/core/limit.ts";
import type { Charge, States } from "../../src/core/plan.ts";
import { staysAbove } from "../../src/core/token-bucket.ts";
import { addUnits, milliOf, type UnitCosts } from "../../src/core/unit-costs.ts";

const NOTHING_CHARGED: ChargedOpen = { milli: 0, untilMs: 0 };

/** What answers of this turn rest on. */
interface Touched {
  spentMilli: number;
  /** Spent in other units. */
  units: UnitCosts | null;
  readonly exact: boolean;
}

export class Floors {
  #stored: Map<string, LimitState>;
  /** By the charges of the answers, which are the same array for all requests that are alike. */
  readonly #touched = new Map<readonly Charge[], Touched>();
  /** Counters charged for leases since the last write, and how much of that storage has in open leases. */
  readonly #charged = new Map<string, ChargedOpen>();

  /** Counters of which something was given back since the last write. */
  readonly #lowered = new Set<string>();

  constructor(stored: States) {
    this.#stored = new Map(stored);
  }

  has(counter: string): boolean {
    return this.#stored.has(counter);
  }

  set(counter: string, floor: LimitState): void {
    this.#stored.set(counter, floor);
  }

  /** An answer rests on these charges. @param exact floors without headroom. */
  touch(charges: readonly Charge[], spentMilli: number, units: UnitCosts | null, exact: boolean): void {
    const touched = this.#touched.get(charges);
    if (!touched) this.#touched.set(charges, { spentMilli, units, exact });
    else {
      touched.spentMilli += spentMilli;
      if (units) touched.units = addUnits(touched.units, units);
    }
  }

  /**
   * A counter was charged for a lease. If storage has the lease as open, that covers the charge until the next write, which drops it.
   * @param untilMs until when it does at most; 0: it does not.
   */
  charged(counter: string, milli: number, untilMs: number): void {
    const before = this.#charged.get(counter) ?? NOTHING_CHARGED;
    if (untilMs === 0) this.#charged.set(counter, before);
    else {
      const earlierMs = before.milli === 0 ? untilMs : Math.min(before.untilMs, untilMs);
      this.#charged.set(counter, { milli: before.milli + milli, untilMs: earlierMs });
    }
  }

  /** Something was given back: the next write has the counter's state, unless it has a floor above that anyway. */
  lowered(counter: string): void {
    this.#lowered.add(counter);
  }

  /**
   * Raises the floors of what was touched, if one of them does not cover it or the row is written anyway.
   * @returns whether the row must be written before the answers leave.
   */
  raise(live: States, leases: LeaseBook, isWriting: boolean, nowMs: number): boolean {
    if (this.#touched.size === 0) return isWriting;
    const mustWrite = isWriting || !this.#areCovered(live, leases, nowMs);
    if (mustWrite) {
      for (const [charges, { spentMilli, units, exact }] of this.#touched) {
        for (const { counter, limit } of charges) {
          const [headroom, spent] = [
            headroomMilli(charges, limit.unit),
            milliOf(limit.unit, spentMilli, units),
          ];
          this.#stored.set(counter, nextFloor(limit, live.get(counter), headroom, spent, exact, nowMs));
          this.#lowered.delete(counter);
        }
      }
    }
    this.#touched.clear();
    return mustWrite;
  }

  #areCovered(live: States, leases: LeaseBook, nowMs: number): boolean {
    for (const charges of this.#touched.keys()) {
      for (const { counter, limit } of charges) {
        const unwritten = leases.unwrittenOf(counter);
        const [floor, charged] = [this.#stored.get(counter), this.#charged.get(counter)];
        // It would seem to refill more slowly than its state, and cover too much for too long.
        if (floor?.kind === "bucket" && floor.rate <= 0) return false;
        if (!isCovered(limit, floor, live.get(counter), unwritten, nowMs, floor && charged)) return false;
      }
    }
    return true;
  }

  /** The floors to write now. They cover what was charged for leases. */
  write(live: States, limits: ReadonlyMap<string, Limit>): Record<string, LimitState> {
    for (const counter of this.#lowered) {
      const state = live.get(counter);
      if (state) this.#stored.set(counter, state);
    }
    this.#lowered.clear();
    for (const counter of this.#charged.keys()) {
      const state = live.get(counter);
      if (!state || state.kind === "concurrency") continue;
      const limit = limits.get(counter);
      const floor = limit && meterAt(limit, this.#stored.get(counter), state.atMs);
      if (!limit || !floor || !covers(floor, meterAt(limit, state, state.atMs)))
        this.#stored.set(counter, state);
    }
    this.#charged.clear();
    return Object.fromEntries(this.#stored);
  }

  /** Makes the floors equal to the states. */
  makeExact(live: States): void {
    this.#stored = new Map(live);
    this.#touched.clear();
    this.#charged.clear();
    this.#lowered.clear();
  }

  /**
   * The limits have changed, and the states with them. A floor of another tier may have refilled faster than its state: then the state is
   * the floor.
   */
  change(live: States, changed: (counter: string, floor: LimitState) => LimitState): void {
    for (const [counter, stored] of this.#stored) {
      const [floor, state] = [changed(counter, stored), live.get(counter)];
      const isBucket = floor.kind === "bucket" && state?.kind === "bucket";
      this.#stored.set(counter, isBucket && !staysAbove(floor, state) ? state : floor);
    }
  }

  move(from: string, to: string): void {
    const floor = this.#stored.get(from);
    const charged = this.#charged.get(from);
    this.drop(from);
    if (floor) this.#stored.set(to, floor);
    if (charged) this.#charged.set(to, charged);
  }

  drop(counter: string): void {
    this.#stored.delete(counter);
    this.#charged.delete(counter);
    this.#lowered.delete(counter);
  }
}
