/**
 * A user's counters: the live states that decisions spend from, and their floors in storage.
 *
 * Storage holds only floors (core/headroom.ts), so an object that restarts after a crash never over-admits.
 *
 * A quota's state always equals the usage of its period in the ledger: every admission in its scope is charged to it. The state of a
 * quota that is not in force is dropped, and rebuilt from the ledger when it is needed again. So a change of definition, name, tier or
 * policy hands out nothing. Buckets and slots cannot be rebuilt: if a limit changes its kind, the old state is parked under another name
 * until the limit has its old kind again or the state is at rest.
 *
 * A limit in shadow has a counter of its own, which is charged if no limit of the shadow plan denies. So the state of a quota in shadow is
 * the usage of its period in the ledger minus its *excess*: what was admitted although the shadow plan denied it.
 */
import * as quota from "../../src/core/calendar-quota.ts";
import type { Span } from "../../src/core/calendar.ts";
import { extend, release } from "../../src/core/concurrency.ts";
import type { Slot } from "../../src/core/decision.ts";
import { isAtRest, type Limit, type LimitState, meterAt, restsAtMs, spend } from "../../src/core/limit.ts";
import { type Charge, type PlanDecision, type States } from "../../src/core/plan.ts";
import type { LeaseBook } from "../../src/core/lease-book.ts";
import { FLOOR_HOLD_MS } from "../../src/core/headroom.ts";
import { ReservationBook } from "../../src/core/reservation-book.ts";
import {
  type BucketState,
  changedAt,
  chargedAt,
  heldAtMost,
  isSlower,
  refund as refundBucket,
} from "../../src/core/token-bucket.ts";
import { milliOf, type UnitCosts } from "../../src/core/unit-costs.ts";
import { MAX_EXACT } from "../../src/core/units.ts";
import { limitOf, scopeOf } from "../../src/policy/charges.ts";
import type { Policy } from "../../src/policy/compile.ts";
import type { Tier } from "../../src/policy/compiled.ts";
import { countsAs, excessOf, isExcess, mayCountIn, nameOf, parkedAs } from "./counter-names.ts";
import { Floors } from "./floors.ts";

/** Knows the usage that counts in a counter in a period, whatever limits were in force. */
export interface UsageSource {
  /** Millitokens. */
  usedMilli(counter: string, span: Span): number;
  /** Whether usage of this route and key counts in a counter. "" stands for no route and for no key. */
  counts(counter: string, route: string, keyId: string): boolean;
}

const NO_USAGE: UsageSource = { usedMilli: () => 0, counts: () => false };

export class Counters {
  readonly #live: Map<string, LimitState>;
  readonly #floors: Floors;
  /** The limit that last used each counter: a state at rest under it may be dropped. */
  readonly #limits = new Map<string, Limit>();
  readonly #usage: UsageSource;
  readonly #reservations: ReservationBook;
  /** The policy and tier that the quotas were last charged by. */
  #policy: Policy | null = null;
  #tier: Tier | null = null;
  /** Quota states made since then, which that tier may not charge. */
  #made: string[] = [];

  constructor(
    stored: Readonly<Record<string, LimitState>>,
    nowMs: number,
    usage: UsageSource = NO_USAGE,
    reservations = new ReservationBook(),
  ) {
    this.#usage = usage;
    this.#reservations = reservations;
    this.#live = new Map(Object.entries(stored));
    // Of a clock that was ahead: longer than that, no floor is held.
    for (const [counter, state] of this.#live) {
      if (state.kind === "bucket") this.#live.set(counter, heldAtMost(state, nowMs + FLOOR_HOLD_MS));
    }
    this.#floors = new Floors(this.#live);
  }

  get live(): States {
    return this.#live;
  }

  /**
   * Gives each counter a state of its limit's definition before a decision reads it: a decision must not convert states. Changes no
   * answer and needs no write.
   */
  prepare(charges: readonly Charge[], policy: Policy, leases: LeaseBook, nowMs: number): void {
    // A loop, not closures: an object runs this for each request, usually with nothing to do.
    for (const { counter, limit } of charges) {
      const state = this.#live.get(counter);
      if (limit.kind === "quota") {
        if (state?.kind === "quota" && quota.isOf(limit, state)) continue;
        this.#prepareQuota(counter, limit, state, policy, leases, nowMs);
      } else if (state?.kind !== limit.kind) {
        this.#park(counter, state, leases);
        this.#move(parkedAs(limit.kind, counter), counter, leases);
      }
    }
  }

  /**
   * Drops the quotas that this tier does not charge. Call before a request is admitted or a lease charged: the remaining quotas are
   * charged with every admission in their scope.
   */
  follow(policy: Policy, tier: Tier, leases: LeaseBook): void {
    const isSame = this.#policy === policy && this.#tier === tier;
    if (isSame && this.#made.length === 0) return;
    // A user may have thousands of counters: with the same tier, only new ones can belong to another.
    const suspects = isSame ? this.#made : [...this.#live.keys()];
    this.#policy = policy;
    this.#tier = tier;
    this.#made = [];
    for (const counter of suspects) {
      const state = this.#live.get(counter);
      if (state?.kind !== "quota" || isExcess(counter)) continue;
      const limit = limitOf(policy, tier, counter);
      if (limit?.kind !== "quota" || !countsAs(limit, state)) this.#dropQuota(counter, leases);
    }
  }

  /** Applies an allowed decision to the live states. @param exact floors without headroom. @param units its cost in other units. */
  spend(
    charges: readonly Charge[],
    decision: PlanDecision,
    costMilli: number,
    exact: boolean,
    units: UnitCosts | null = null,
  ): void {
    this.#floors.touch(charges, costMilli, units, exact);
    if (this.#reservations.hasOpen) this.#dip(charges, decision);
    let i = 0;
    for (const { counter, limit } of charges) {
      const after = decision.after[i++];
      if (after) this.#live.set(counter, after.state);
      if (this.#limits.get(counter) !== limit) this.#limits.set(counter, limit);
    }
  }

  /** A request was admitted that the shadow plan of these charges denies: its cost is in the ledger, but not in their quotas. */
  exceed(charges: readonly Charge[], costMilli: number, units: UnitCosts | null, nowMs: number): void {
    for (const { counter, limit } of charges) {
      if (limit.kind !== "quota") continue;
      const name = excessOf(counter);
      const ownMilli = milliOf(limit.unit, costMilli, units);
      const { state } = spend(meterAt(limit, this.#live.get(name), nowMs), ownMilli);
      this.#live.set(name, state);
      this.#limits.set(name, limit);
      // Stored with the next write. A forecast is not worth one of its own.
      this.#floors.set(name, state);
    }
  }

  /** Raises the floors if they do not cover this turn's answers. @returns whether the row must be written before they leave. */
  secure(leases: LeaseBook, isWriting: boolean, nowMs: number): boolean {
    return this.#floors.raise(this.#live, leases, isWriting, nowMs);
  }

  /**
   * The limits have changed, at some moment from `sinceMs` to `untilMs`. Refills every bucket up to the latter: until the former at the old
   * rate, in between at the slower one. Leaves quotas alone, which do not refill: the state may still be of an earlier definition, and is
   * then rebuilt from the ledger when it is read.
   * @param limitOfCounter the new limit of a counter; null: it is not in force.
   */
  changeLimits(sinceMs: number, untilMs: number, limitOfCounter: (counter: string) => Limit | null): void {
    const changed = (counter: string, state: LimitState): LimitState => {
      if (state.kind !== "bucket") return state;
      const limit = limitOfCounter(counter);
      return changedAt(limit?.kind === "bucket" ? limit : null, state, untilMs, sinceMs);
    };
    for (const [counter, state] of this.#live) {
      const limit = limitOfCounter(counter);
      if (limit?.kind === state.kind) this.#limits.set(counter, limit);
      this.#live.set(counter, changed(counter, state));
    }
    this.#floors.change(this.#live, changed);
  }

  /** The states of these counters as {@link changeLimits} would leave them, for answers that change nothing. */
  forecast(charges: readonly Charge[], sinceMs: number, nowMs: number): States {
    const states = new Map<string, LimitState>();
    for (const { counter, limit } of charges) {
      const state = this.#live.get(counter);
      if (!state) continue;
      const isBucket = state.kind === "bucket" && limit.kind === "bucket";
      states.set(counter, isBucket ? changedAt(limit, state, nowMs, sinceMs) : state);
    }
    return states;
  }

  /** A request was denied. If the rate of a bucket was not known, or may have changed, it is from now on that of this limit. */
  deny(charges: readonly Charge[], { before }: PlanDecision): void {
    let i = 0;
    for (const { counter, limit } of charges) {
      const meter = before[i++];
      const state = this.#live.get(counter);
      if (!meter || state?.kind !== "bucket" || state.rate > 0) continue;
      this.#live.set(counter, meter.state);
      this.#limits.set(counter, limit);
    }
  }

  /** Part of these counters is lent. Gives each a state by which it can be charged even if its limit is no longer known. */
  lend(charges: readonly Charge[], { before }: PlanDecision, exact: boolean): void {
    this.#floors.touch(charges, 0, null, exact);
    charges.forEach(({ counter, limit }, i) => {
      const meter = before[i];
      if (!meter) return;
      if (!this.#live.has(counter)) this.#live.set(counter, meter.state);
      if (!this.#floors.has(counter)) this.#floors.set(counter, meter.state);
      this.#limits.set(counter, limit);
    });
  }

  /**
   * Charges what was spent of a lease, as of `atMs`. Until the next write, the amount that storage has set aside covers it; that write
   * drops the lease, and writes floors that cover it instead.
   * @param storedMs until when storage has the lease as open; 0: it has not.
   */
  charge(charges: readonly Charge[], costMilli: number, atMs: number, storedMs: number): void {
    for (const { counter, limit } of charges) {
      this.#dipOne(counter, limit, atMs);
      this.#live.set(counter, spend(meterAt(limit, this.#live.get(counter), atMs), costMilli).state);
      this.#limits.set(counter, limit);
      this.#floors.charged(counter, costMilli, storedMs);
    }
  }

  /**
   * As {@link charge}, for a counter that the present tier does not use: by its last limit, or in its own unit if that is unknown. Then
   * nothing is refilled for the time before. Ignores a quota's counter: the ledger has what counts in it.
   */
  chargeUnused(counter: string, costMilli: number, atMs: number): void {
    const state = this.#live.get(counter);
    if (state?.kind !== "bucket" || this.chargeBucket(counter, costMilli, atMs)) return;
    this.#reservations.dip(counter, state.debtGrains, state.grain);
    const debtGrains = Math.min(Number.MAX_SAFE_INTEGER, state.debtGrains + costMilli * state.grain);
    this.#live.set(counter, { ...state, debtGrains, atMs: Math.max(state.atMs, atMs) });
    this.#floors.charged(counter, costMilli, 0);
  }

  /**
   * As {@link charge}, at the bucket's own rate, whose last limit may not be known.
   * @param sinceMs from when on that rate may have changed: to that of `limit`. Null: not known, so nothing is refilled from then on.
   * @returns false: it is no bucket, or has no rate.
   */
  chargeBucket(
    counter: string,
    costMilli: number,
    atMs: number,
    sinceMs = atMs,
    limit: Limit | null = null,
  ): boolean {
    const state = this.#live.get(counter);
    if (state?.kind !== "bucket") return false;
    const next = limit?.kind === "bucket" ? limit : null;
    if (sinceMs < atMs && state.rate > 0 && next !== null && isSlower(next, state)) {
      this.#live.set(counter, changedAt(next, state, atMs, sinceMs));
      this.charge([{ counter, limit: next }], costMilli, atMs, 0);
      return true;
    }
    const charged = chargedAt(state, costMilli, atMs, next === null ? sinceMs : atMs);
    if (charged === null) return false;
    const { before, after } = charged;
    if (this.#reservations.hasOpen) this.#reservations.dip(counter, before.debtGrains, before.grain);
    this.#live.set(counter, after);
    this.#floors.charged(counter, costMilli, 0);
    return true;
  }

  /**
   * As {@link charge}, for a reservation that has cost less than it charged: gives back what the bucket's refill has not paid for, or, in
   * its own period, all of a quota.
   */
  refund({ counter, limit }: Charge, id: string, milli: number, atMs: number): void {
    this.#dipOne(counter, limit, atMs);
    const meter = meterAt(limit, this.#live.get(counter), atMs);
    this.#limits.set(counter, limit);
    if (meter.kind === "quota") this.#refunded(counter, quota.refund(meter.limit, meter.state, milli));
    if (meter.kind !== "bucket") return;
    const grains = this.#reservations.refund(id, counter, milli * meter.limit.grainsPerMilli);
    this.#refunded(counter, refundBucket(meter.state, grains));
  }

  /** As {@link refund}, for a bucket that the present tier does not use: by its last limit, or in its own unit if that is unknown. */
  refundUnused(counter: string, id: string, milli: number, atMs: number): void {
    const [state, limit] = [this.#live.get(counter), this.#limits.get(counter)];
    if (state?.kind !== "bucket") return;
    if (limit?.kind === "bucket") {
      this.refund({ counter, limit }, id, milli, atMs);
      return;
    }
    this.#reservations.dip(counter, state.debtGrains, state.grain);
    this.#refunded(counter, refundBucket(state, this.#reservations.refund(id, counter, milli * state.grain)));
  }

  /** A request that a quota in shadow would have denied has cost so much more, or less. */
  correctExcess(counter: string, startMs: number, milli: number): void {
    const state = this.#live.get(counter);
    if (state?.kind !== "quota" || state.startMs !== startMs) return;
    this.#refunded(counter, { ...state, usedMilli: Math.max(0, state.usedMilli + milli) });
  }

  /** The floor follows with the next write, or what was given back would be lost in a crash. */
  #refunded(counter: string, state: LimitState): void {
    this.#live.set(counter, state);
    this.#floors.lowered(counter);
  }

  /** When the period of a quota began that is in force; null for other limits. */
  periodStartMs({ counter, limit }: Charge, nowMs: number): number | null {
    const meter = meterAt(limit, this.#live.get(counter), nowMs);
    return meter.kind === "quota" ? meter.state.startMs : null;
  }

  /** An answer rests on these counters, though it has spent nothing of them. */
  rely(charges: readonly Charge[], exact: boolean): void {
    this.#floors.touch(charges, 0, null, exact);
  }

  /** Lets slots expire at another time. @returns the slots that have not expired yet. */
  holdUntil(slots: readonly Slot[], untilMs: number): Slot[] {
    return slots.flatMap(({ counter, untilMs: fromMs }): Slot[] => {
      // The limit may have changed its kind since.
      for (const name of [counter, parkedAs("concurrency", counter)]) {
        const state = this.#live.get(name);
        const held = state?.kind === "concurrency" ? extend(state, fromMs, untilMs) : state;
        if (!held || held === state) continue;
        this.#live.set(name, held);
        this.#floors.lowered(name);
        return [{ counter, untilMs }];
      }
      return [];
    });
  }

  /** Notes the debt of each bucket before it is charged. */
  #dip(charges: readonly Charge[], { before }: PlanDecision): void {
    charges.forEach(({ counter }, i) => {
      const meter = before[i];
      if (meter?.kind === "bucket")
        this.#reservations.dip(counter, meter.state.debtGrains, meter.state.grain);
    });
  }

  #dipOne(counter: string, limit: Limit, atMs: number): void {
    if (!this.#reservations.hasOpen || limit.kind !== "bucket") return;
    const { state } = meterAt(limit, this.#live.get(counter), atMs);
    if (state.kind === "bucket") this.#reservations.dip(counter, state.debtGrains, state.grain);
  }

  /** Whether spending at `sinceMs` still counts at `nowMs`: a quota drops it when its period is over. */
  startsBefore({ counter, limit }: Charge, sinceMs: number, nowMs: number): boolean {
    const meter = meterAt(limit, this.#live.get(counter), nowMs);
    return meter.kind !== "quota" || meter.state.startMs <= sinceMs;
  }

  /** Releases slots. Stored with the next write: until then storage has them as taken, which errs on the safe side. */
  release(holds: readonly Slot[]): void {
    for (const { counter, untilMs } of holds) {
      // The limit may have changed its kind since.
      for (const name of [counter, parkedAs("concurrency", counter)]) {
        const state = this.#live.get(name);
        if (state?.kind === "concurrency") this.#live.set(name, release(state, untilMs));
      }
    }
  }

  /** Names of the limits that have counters. */
  get names(): readonly string[] {
    return [...new Set([...this.#live.keys()].map((counter) => scopeOf(nameOf(counter)).name))];
  }

  /** Refills the limits of these names, or all (null). Durable with the next write of the state. */
  reset(names: readonly string[] | null): void {
    const isOf = (counter: string): boolean =>
      names === null || names.includes(scopeOf(nameOf(counter)).name);
    for (const [counter, state] of this.#live) {
      if (!isOf(counter)) continue;
      if (state.kind === "bucket" && this.#reservations.has(counter)) this.#empty(counter, state);
      else this.#drop(counter);
    }
    this.#reservations.reset(names, isOf);
  }

  /** A bucket without debt stays: what a reservation costs above its amount is charged to it in any tier. */
  #empty(counter: string, state: BucketState): void {
    const empty = { ...state, debtGrains: 0 };
    this.#reservations.dip(counter, 0, state.grain);
    this.#live.set(counter, empty);
    this.#floors.set(counter, empty);
  }

  /**
   * Makes the floors equal to the exact states. Drops counters that are at rest, unless something is set aside from them, and those of
   * keys that can no longer be used. Call when the user has paused.
   */
  checkpoint(nowMs: number, isKnownKey: (keyId: string) => boolean, leases: LeaseBook): void {
    for (const counter of this.#live.keys()) {
      const { keyId } = scopeOf(nameOf(counter));
      if (keyId === null || isKnownKey(keyId)) continue;
      this.#live.delete(counter);
      this.#limits.delete(counter);
    }
    for (const [counter, state] of this.#live) {
      if (isExcess(counter) && state.kind === "quota" && state.endMs <= nowMs) this.#drop(counter);
    }
    for (const [counter, limit] of this.#limits) {
      if (
        isAtRest(meterAt(limit, this.#live.get(counter), nowMs)) &&
        !leases.isSetAside(counter) &&
        !this.#reservations.has(counter)
      ) {
        this.#live.delete(counter);
        this.#limits.delete(counter);
      }
    }
    this.#floors.makeExact(this.#live);
  }

  /**
   * When every counter will be at rest if nothing is spent; null if that is unknown for one of them.
   * @param untouchedMs when the counters come to rest that were not used since they were read from storage.
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

  /** @param known the counter's state, if it has one, perhaps of another kind. */
  #prepareQuota(
    counter: string,
    limit: quota.CalendarQuota,
    known: LimitState | undefined,
    policy: Policy,
    leases: LeaseBook,
    nowMs: number,
  ): void {
    const old = known?.kind === "quota" ? known : null;
    if (old && countsAs(limit, old)) {
      this.#live.set(counter, { ...old, anchorDay: limit.anchorDay });
      return;
    }
    if (known && !old) this.#park(counter, known, leases);
    const span = quota.fresh(limit, Math.max(nowMs, old?.atMs ?? 0));
    // The ledger is exact, but an older Worker's state may include usage that a crash took from the ledger.
    const carried = old?.anchorDay === undefined && old ? quota.at(limit, old, nowMs).usedMilli : 0;
    const usedMilli = Math.min(MAX_EXACT, Math.max(carried, this.#usedMilli(counter, span)));
    // Without a floor, the next decision writes one, together with the open ledger cells from which the state was made.
    this.#floors.drop(counter);
    this.#live.set(counter, quota.inPeriod(limit, span.atMs, usedMilli));
    this.#limits.set(counter, limit);
    // The tier of the next admitted request may not charge it.
    this.#made.push(counter);
    leases.rename(parkedAs("quota", counter), counter);
    leases.adopt(counter, (lease) => mayCountIn(counter, lease, policy));
    this.#reservations.rename(parkedAs("quota", counter), counter);
    this.#reservations.adopt(
      counter,
      span.startMs,
      ({ madeAtMs, route, keyId }) =>
        madeAtMs >= span.startMs &&
        madeAtMs < span.endMs &&
        this.#usage.counts(counter, route ?? "", keyId ?? ""),
    );
  }

  /** The usage of a period that counts in a quota. */
  #usedMilli(counter: string, span: Span): number {
    const usedMilli = this.#usage.usedMilli(counter, span);
    const excess = this.#live.get(excessOf(counter));
    const isOfPeriod =
      excess?.kind === "quota" && excess.startMs === span.startMs && excess.endMs === span.endMs;
    return isOfPeriod ? Math.max(0, usedMilli - excess.usedMilli) : usedMilli;
  }

  /** Usage has moved in the ledger: makes every quota from it anew. */
  rebuildQuotas(leases: LeaseBook): void {
    for (const [counter, { kind }] of this.#live) {
      if (kind === "quota" && !isExcess(counter)) this.#dropQuota(counter, leases);
    }
  }

  /** Keeps the state of a counter whose limit has changed its kind, unless it is a quota's. */
  #park(counter: string, state: LimitState | undefined, leases: LeaseBook): void {
    if (state?.kind === "quota") this.#dropQuota(counter, leases);
    else if (state) this.#move(counter, parkedAs(state.kind, counter), leases);
  }

  /** Drops a quota's state. What is set aside from it must not count in a bucket of the same name. */
  #dropQuota(counter: string, leases: LeaseBook): void {
    leases.rename(counter, parkedAs("quota", counter));
    this.#reservations.rename(counter, parkedAs("quota", counter));
    this.#drop(counter);
  }

  /** Moves a state with what is set aside from it. */
  #move(from: string, to: string, leases: LeaseBook): void {
    const state = this.#live.get(from);
    if (!state) return;
    leases.rename(from, to);
    this.#reservations.rename(from, to);
    const limit = this.#limits.get(from);
    this.#live.delete(from);
    this.#limits.delete(from);
    this.#live.set(to, state);
    if (limit) this.#limits.set(to, limit);
    this.#floors.move(from, to);
  }

  #drop(counter: string): void {
    this.#live.delete(counter);
    this.#limits.delete(counter);
    this.#floors.drop(counter);
  }

  /** The floors to write into the state row now. */
  stored(): Record<string, LimitState> {
    return this.#floors.write(this.#live, this.#limits);
  }
}
