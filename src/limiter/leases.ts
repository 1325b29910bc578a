/**
 * The leases of an isolate, by subject, with the settlements that it owes to the subject's object.
 *
 * Bounded; plain data, shared by all requests; the clock is an argument. If a subject is evicted, its leases are never settled, as if the
 * isolate had died.
 */
import type { Counter, MetricDeltas } from "../analytics/metrics/metric-deltas.ts";
import { BoundedCache } from "../bounded-cache.ts";
import { LEASE_MS, MAX_LEASES_PER_SUBJECT } from "../core/lease.ts";
import { METER_GRACE_MS } from "../core/lease-book.ts";
import { toTokens } from "../core/units.ts";
import type { DecisionRequest } from "../core/decision.ts";
import type { Policy } from "../policy/compile.ts";
import type { Route } from "../policy/compiled.ts";
import type { Lease, Settlement } from "../objects/object-call.ts";
import { OwedSettlements } from "./owed-settlements.ts";
import { SpendableLease } from "./spendable-lease.ts";

/** Subjects with a lease or a settlement, about 2 KB each. */
const SUBJECTS = 10_000;
/** As long as an object remembers a lease, so that no settlement is dropped that would still count. */
const KEPT_MS = LEASE_MS + METER_GRACE_MS;
/** The first lease of a subject holds this many requests like the one that asked for it. */
const FIRST_REQUESTS = 16;

interface SubjectLeases {
  leases: SpendableLease[];
  readonly owed: OwedSettlements;
}

export class Leases {
  readonly #subjects = new BoundedCache<SubjectLeases>(SUBJECTS);
  /** Subjects whose account changed here: leases asked for before are not spent. */
  readonly #changed = new BoundedCache<true>(SUBJECTS);
  readonly #metrics: MetricDeltas;
  readonly #spent: Counter;
  readonly #lost = (settlement: Settlement): void =>
    this.#metrics.add("leaseTokens", ["lost"], toTokens(spentOf(settlement)));
  /** The latest time of this isolate's clock, and the number of times that it has stepped back. Each ends all leases. */
  #seenMs = 0;
  #steps = 0;

  constructor(metrics: MetricDeltas) {
    this.#metrics = metrics;
    this.#spent = metrics.counter("leaseTokens", ["spent"]);
  }

  /** Subjects with a lease or a settlement. */
  get size(): number {
    return this.#subjects.size;
  }

  /** The lease from which a request may be spent, or null. Ends the lease if it is no longer valid. */
  find(subject: string, request: DecisionRequest, route: Route | null, nowMs: number): SpendableLease | null {
    this.#see(nowMs);
    const entry = this.#subjects.getStale(subject);
    if (!entry) return null;
    for (const lease of entry.leases) {
      if (!lease.isFor(request, route)) continue;
      if (lease.steps === this.#steps && lease.isValid(request.revision, nowMs)) return lease;
      this.#end(entry, lease);
      return null;
    }
    return null;
  }

  /** Takes a lease into use, in place of the previous one. @param tier that of the request that asked for it. */
  put(
    subject: string,
    lease: Lease,
    tier: string,
    policy: Policy,
    askedAtMs: number,
    nowMs: number,
  ): SpendableLease {
    const entry = this.#of(subject, nowMs);
    const route = lease.route === null ? null : policy.routes.byId(lease.route);
    const before = entry.leases.find((other) => other.isFor({ tier, keyId: lease.keyId }, route));
    if (before) this.#end(entry, before);
    const [oldest] = entry.leases;
    if (oldest && entry.leases.length >= MAX_LEASES_PER_SUBJECT) this.#end(entry, oldest);
    this.#see(nowMs);
    // If the clock has stepped back since it was asked for, nobody knows how old it is.
    const steps = nowMs < askedAtMs ? -1 : this.#steps;
    const spendable = new SpendableLease(lease, tier, askedAtMs, steps, Math.max(0, nowMs - askedAtMs));
    entry.leases.push(spendable);
    this.#metrics.add("leaseTokens", ["granted"], toTokens(lease.milli));
    if (this.#changed.get(subject, askedAtMs)) this.#end(entry, spendable);
    return spendable;
  }

  /** How much to ask for with a request of this cost if there is no lease yet. Millitokens. */
  firstMilli(costMilli: number): number {
    return FIRST_REQUESTS * costMilli;
  }

  /**
   * Ends the subject's leases of which something is left, so that the next call frees it.
   * @returns whether the next call frees something.
   */
  giveUp(subject: string): boolean {
    const entry = this.#subjects.getStale(subject);
    for (const lease of entry?.leases ?? []) if (entry && lease.hasRest) this.#end(entry, lease);
    return entry?.owed.freesRest ?? false;
  }

  /** Whether something is left of a lease of the subject. */
  holdsRest(subject: string): boolean {
    return this.#subjects.getStale(subject)?.leases.some(({ hasRest }) => hasRest) ?? false;
  }

  /** Counts a denial that was repeated without asking. @returns whether it is the first one that is not reported yet. */
  denied(subject: string, request: DecisionRequest, nowMs: number): boolean {
    return this.#of(subject, nowMs).owed.addDenials(request, { denied: 1 }, nowMs);
  }

  /** Takes back a denial that the object has counted: the request is asked about again. */
  withdraw(subject: string, request: DecisionRequest, nowMs: number): void {
    this.#of(subject, nowMs).owed.addDenials(request, { withdrawn: 1 }, nowMs);
  }

  /** Whether denials of a subject have been unreported since then. */
  owesDenialsSince(subject: string, atMs: number): boolean {
    return this.#subjects.getStale(subject)?.owed.hasDenialsSince(atMs) ?? false;
  }

  /** Ends all leases of a subject, including those in transit: its account was changed here. */
  end(subject: string, nowMs: number): void {
    this.#changed.set(subject, true, nowMs + 1);
    const entry = this.#subjects.getStale(subject);
    for (const lease of entry?.leases ?? []) if (entry) this.#end(entry, lease);
  }

  /** Ends a lease, if it has not ended, since a timer says that its time is over: the clock may have stepped back unnoticed. */
  endOne(subject: string, lease: SpendableLease): void {
    const entry = this.#subjects.getStale(subject);
    if (entry?.leases.includes(lease)) this.#end(entry, lease);
  }

  /** Ends the leases whose time is over. @returns whether there is something to report and no lease left to wait for. */
  sweep(subject: string, nowMs: number): boolean {
    this.#see(nowMs);
    const entry = this.#subjects.getStale(subject);
    if (!entry) return false;
    for (const lease of entry.leases) {
      if (nowMs >= lease.untilMs || lease.steps !== this.#steps) this.#end(entry, lease);
    }
    entry.owed.reclaim(nowMs);
    return entry.leases.length === 0 && entry.owed.hasSome;
  }

  /** How long until everything that calls have taken along has arrived, has come back, or is sent again. Milliseconds; 0: it has. */
  inTransitMs(subject: string, nowMs: number): number {
    return this.#subjects.getStale(subject)?.owed.inTransitMs(nowMs) ?? 0;
  }

  /** Whether the next call frees something that was not spent. */
  owesRest(subject: string): boolean {
    return this.#subjects.getStale(subject)?.owed.freesRest ?? false;
  }

  /**
   * Takes everything that is owed to the subject's object. The caller sends it, and then calls {@link arrived} or {@link giveBack}. If it
   * does neither within `withinMs`, since the runtime has ended the request that it worked for, what it took is owed again.
   */
  takeOwed(subject: string, nowMs: number, withinMs: number): readonly Settlement[] {
    const entry = this.#subjects.getStale(subject);
    if (!entry) return [];
    const taken = entry.owed.take(nowMs, withinMs);
    if (taken.length > 0) this.#drop(subject, entry);
    return taken;
  }

  /** What was taken has arrived at the object. */
  arrived(subject: string, settlements: readonly Settlement[]): void {
    const entry = this.#subjects.getStale(subject);
    if (!entry) return;
    entry.owed.arrived(settlements);
    this.#drop(subject, entry);
  }

  /**
   * Puts back settlements that may not have arrived. Not those of denials: they may have been counted, and would count twice.
   * @returns whether one of them comes back for the first time.
   */
  giveBack(subject: string, settlements: readonly Settlement[], nowMs: number): boolean {
    if (settlements.every(({ leaseId }) => leaseId === null)) return false;
    return this.#of(subject, nowMs).owed.giveBack(settlements);
  }

  /** Drops a subject without a lease or a settlement. */
  #drop(subject: string, { leases, owed }: SubjectLeases): void {
    if (leases.length === 0 && owed.isEmpty) this.#subjects.delete(subject);
  }

  #see(nowMs: number): void {
    if (nowMs < this.#seenMs) this.#steps += 1;
    this.#seenMs = nowMs;
  }

  #of(subject: string, nowMs: number): SubjectLeases {
    // Even if it has expired: the clock may have stepped forward, and what is owed would be lost.
    const known = this.#subjects.getStale(subject);
    const entry = known ?? { leases: [], owed: new OwedSettlements(this.#lost) };
    this.#subjects.set(subject, entry, nowMs + KEPT_MS);
    return entry;
  }

  #end(entry: SubjectLeases, lease: SpendableLease): void {
    entry.leases = entry.leases.filter((other) => other !== lease);
    const { hasRest } = lease;
    const settlement = lease.settlement();
    const spentMilli = spentOf(settlement);
    this.#spent.add(toTokens(spentMilli));
    this.#metrics.add("leaseTokens", ["returned"], toTokens(lease.lease.milli - spentMilli));
    entry.owed.add(settlement, hasRest);
  }
}

function spentOf({ cells }: Settlement): number {
  return cells.reduce((sum, { costMilli }) => sum + costMilli, 0);
}
