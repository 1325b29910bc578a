/**
 * The leases of an isolate, and what it still owes its users' objects an account of.
 *
 * Bounded; plain data, shared by all requests; the clock is an argument. A subject that is forgotten for lack of room takes what
 * it held with it, as a dead isolate does.
 */
import type { Counter, MetricDeltas } from "../analytics/metrics/metric-deltas.ts";
import { BoundedCache } from "../bounded-cache.ts";
import { periodAt } from "../core/calendar.ts";
import { MAX_LEASES_PER_SUBJECT, UNLIMITED_MILLI } from "../core/lease.ts";
import { toTokens } from "../core/units.ts";
import type { DecisionRequest } from "../core/decision.ts";
import type { Policy } from "../policy/compile.ts";
import type { Route } from "../policy/compiled.ts";
import type { DenialTally, Lease, Settlement, UsageCell } from "../objects/object-call.ts";
import { SpendableLease } from "./spendable-lease.ts";

/** Subjects with a lease or something to settle, about 2 KB each. */
const SUBJECTS = 10_000;
/**
 * What one subject's object does not take in this number of settlements is dropped, oldest first. While the object
 * answers there are no more: of the leases held, of as many that one call brings in their place, and of one for each call of a single
 * question that is overdue beside it, fewer than 16 within a deadline (combiner.ts).
 */
const OWED_PER_SUBJECT = 3 * MAX_LEASES_PER_SUBJECT;
/** Longer than an object remembers a lease, so that nothing is dropped that would count. */
const KEPT_MS = 10_000;
/** The first lease of a subject holds so many requests like the one that asked for it. */
const FIRST_REQUESTS = 16;

interface SubjectLeases {
  leases: SpendableLease[];
  owed: Settlement[];
  /** Denied without asking, all in one hour, by cell; told with the next call. */
  denied: Map<string, UsageCell>;
  /** When the first of them was. */
  deniedFromMs: number;
}

export class Leases {
  readonly #held = new BoundedCache<SubjectLeases>(SUBJECTS);
  /** Subjects of which nothing is spent that was asked for by then. */
  readonly #changed = new BoundedCache<true>(SUBJECTS);
  readonly #metrics: MetricDeltas;
  readonly #spent: Counter;

  constructor(metrics: MetricDeltas) {
    this.#metrics = metrics;
    this.#spent = metrics.counter("leaseTokens", ["spent"]);
  }

  /** Subjects held at the moment. */
  get size(): number {
    return this.#held.size;
  }

  /** The lease that a request may be spent of, or null. Those that have ended are owed a settlement from now on. */
  find(subject: string, request: DecisionRequest, route: Route | null, nowMs: number): SpendableLease | null {
    const held = this.#held.getStale(subject);
    if (!held) return null;
    for (const lease of held.leases) {
      if (!lease.isFor(request, route)) continue;
      if (lease.isValid(request.revision, nowMs)) return lease;
      this.#end(held, lease);
      return null;
    }
    return null;
  }

  /** Takes a lease into use that was granted to a request of the tier `tier`, in place of the one before it. */
  put(
    subject: string,
    lease: Lease,
    tier: string,
    policy: Policy,
    askedAtMs: number,
    nowMs: number,
  ): SpendableLease {
    const held = this.#of(subject, nowMs);
    const route = lease.route === null ? null : policy.routes.byId(lease.route);
    const before = held.leases.find((other) => other.isFor({ tier, keyId: lease.keyId }, route));
    if (before) this.#end(held, before);
    const [oldest] = held.leases;
    if (oldest && held.leases.length >= MAX_LEASES_PER_SUBJECT) this.#end(held, oldest);
    const spendable = new SpendableLease(lease, tier, askedAtMs);
    held.leases.push(spendable);
    if (isFinite(lease)) this.#metrics.add("leaseTokens", ["granted"], toTokens(lease.milli));
    if (this.#changed.get(subject, askedAtMs)) this.#end(held, spendable);
    return spendable;
  }

  /** How much to ask for with a request of this cost if there is no lease yet. Millitokens. */
  firstMilli(costMilli: number): number {
    return FIRST_REQUESTS * costMilli;
  }

  /** Counts a denial that was not asked about. @returns whether it is the first that the object has not been told. */
  denied(subject: string, { route, keyId }: DecisionRequest, nowMs: number): boolean {
    const held = this.#of(subject, nowMs);
    if (held.denied.size > 0 && held.deniedFromMs < periodAt("hour", nowMs).startMs) {
      this.#owe(held, [...held.owed, tally(held)]);
      held.denied = new Map();
    }
    const { denied } = held;
    const isFirst = denied.size === 0;
    if (isFirst) held.deniedFromMs = nowMs;
    const cell = { route: route ?? "", keyId: keyId ?? "", requests: 0, costMilli: 0 };
    const name = `${cell.route}\n${cell.keyId}`;
    denied.set(name, { ...cell, denied: (denied.get(name)?.denied ?? 0) + 1 });
    return isFirst;
  }

  /** Whether a subject's object has not been told of denials since then. */
  owesDenialsSince(subject: string, atMs: number): boolean {
    const held = this.#held.getStale(subject);
    return held !== undefined && held.denied.size > 0 && held.deniedFromMs <= atMs;
  }

  /** Ends all leases of a subject, and those that are on their way: its account was changed here. */
  end(subject: string, nowMs: number): void {
    this.#changed.set(subject, true, nowMs + 1);
    const held = this.#held.getStale(subject);
    for (const lease of held?.leases ?? []) if (held) this.#end(held, lease);
  }

  /** Ends those whose time is over. @returns whether there is anything to settle and no lease to wait for. */
  sweep(subject: string, nowMs: number): boolean {
    const held = this.#held.getStale(subject);
    if (!held) return false;
    for (const lease of held.leases) if (nowMs >= lease.untilMs) this.#end(held, lease);
    return held.leases.length === 0 && (held.owed.length > 0 || held.denied.size > 0);
  }

  /** Everything that is to be told the subject's object, once. */
  takeOwed(subject: string): readonly Settlement[] {
    const held = this.#held.getStale(subject);
    if (!held || (held.owed.length === 0 && held.denied.size === 0)) return [];
    const owed = held.denied.size === 0 ? held.owed : [...held.owed, tally(held)];
    held.owed = [];
    held.denied = new Map();
    if (held.leases.length === 0) this.#held.delete(subject);
    return owed;
  }

  /** Puts back what an object may not have heard. Denials may have been counted already, and are not counted twice. */
  giveBack(subject: string, settlements: readonly Settlement[], nowMs: number): void {
    const again = settlements.filter(({ leaseId }) => leaseId !== null);
    if (again.length === 0) return;
    const held = this.#of(subject, nowMs);
    this.#owe(held, [...again, ...held.owed]);
  }

  #of(subject: string, nowMs: number): SubjectLeases {
    const known = this.#held.get(subject, nowMs);
    const held = known ?? { leases: [], owed: [], denied: new Map<string, UsageCell>(), deniedFromMs: 0 };
    this.#held.set(subject, held, nowMs + KEPT_MS);
    return held;
  }

  #end(held: SubjectLeases, lease: SpendableLease): void {
    held.leases = held.leases.filter((other) => other !== lease);
    const settlement = lease.settlement();
    const spentMilli = spentOf(settlement);
    // Of a lease without an amount nothing was granted: what is granted is spent or returned, or has died with its isolate.
    if (isFinite(lease.lease)) {
      this.#spent.add(toTokens(spentMilli));
      this.#metrics.add("leaseTokens", ["returned"], toTokens(lease.lease.milli - spentMilli));
    }
    this.#owe(held, [...held.owed, settlement]);
  }

  #owe(held: SubjectLeases, owed: readonly Settlement[]): void {
    for (const dropped of owed.slice(0, -OWED_PER_SUBJECT)) {
      this.#metrics.add("leaseTokens", ["lost"], toTokens(spentOf(dropped)));
    }
    held.owed = owed.slice(-OWED_PER_SUBJECT);
  }
}

function tally({ denied, deniedFromMs }: SubjectLeases): DenialTally {
  return { leaseId: null, atMs: deniedFromMs, cells: [...denied.values()] };
}

/** Whether the lease has an amount that means something. */
function isFinite({ milli }: Lease): boolean {
  return milli < UNLIMITED_MILLI / 2;
}

function spentOf({ cells }: Settlement): number {
  return cells.reduce((sum, { costMilli }) => sum + costMilli, 0);
}
