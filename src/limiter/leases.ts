/**
 * The leases of an isolate, and the settlements that it owes to users' objects.
 *
 * Bounded; plain data, shared by all requests; the clock is an argument. If a subject is evicted, its leases are never settled, as if the
 * isolate had died.
 */
import type { Counter, MetricDeltas } from "../analytics/metrics/metric-deltas.ts";
import { BoundedCache } from "../bounded-cache.ts";
import { periodAt } from "../core/calendar.ts";
import { LEASE_MS, MAX_LEASES_PER_SUBJECT } from "../core/lease.ts";
import { METER_GRACE_MS } from "../core/lease-book.ts";
import { toTokens } from "../core/units.ts";
import type { DecisionRequest } from "../core/decision.ts";
import type { Policy } from "../policy/compile.ts";
import type { Route } from "../policy/compiled.ts";
import type { DenialTally, Lease, Settlement, UsageCell } from "../objects/object-call.ts";
import { SpendableLease } from "./spendable-lease.ts";

/** Subjects with a lease or a settlement, about 2 KB each. */
const SUBJECTS = 10_000;
/**
 * Settlements owed to one subject's object; beyond that, the oldest are dropped. While the object answers, there are no more: those of the
 * current leases, of as many that one call brings in their place, and one for each concurrent call after an overdue one, fewer than 16
 * within a deadline (combiner.ts).
 */
const OWED_PER_SUBJECT = 3 * MAX_LEASES_PER_SUBJECT;
/** As long as an object remembers a lease, so that no settlement is dropped that would still count. */
const KEPT_MS = LEASE_MS + METER_GRACE_MS;
/** The first lease of a subject holds this many requests like the one that asked for it. */
const FIRST_REQUESTS = 16;

interface SubjectLeases {
  leases: SpendableLease[];
  owed: Settlement[];
  /** What calls in progress have taken along. The runtime may end such a call unnoticed, with the request that made it. */
  sent: readonly Sent[];
  /** Whether one of the settlements frees a part of its lease that was not spent. */
  owesRest: boolean;
  /** Denials repeated without asking or withdrawn, all in one hour, by route and key; reported with the next call. */
  denied: Map<string, UsageCell>;
  /** When the first of them was made. */
  deniedFromMs: number;
}

/** What one call has taken along, and when it has an answer or has failed, at the latest. */
interface Sent {
  readonly settlements: readonly Settlement[];
  readonly sentAtMs: number;
  readonly untilMs: number;
}

export class Leases {
  readonly #subjects = new BoundedCache<SubjectLeases>(SUBJECTS);
  /** Subjects whose account changed here: leases asked for before are not spent. */
  readonly #changed = new BoundedCache<true>(SUBJECTS);
  /** Settlements that came back from a call. */
  readonly #returned = new WeakSet<Settlement>();
  readonly #metrics: MetricDeltas;
  readonly #spent: Counter;
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
    return entry?.owesRest ?? false;
  }

  /** Whether something is left of a lease of the subject. */
  holdsRest(subject: string): boolean {
    return this.#subjects.getStale(subject)?.leases.some(({ hasRest }) => hasRest) ?? false;
  }

  /** Counts a denial that was repeated without asking. @returns whether it is the first one that is not reported yet. */
  denied(subject: string, request: DecisionRequest, nowMs: number): boolean {
    return this.#count(subject, request, { denied: 1 }, nowMs);
  }

  /** Takes back a denial that the object has counted: the request is asked about again. */
  withdraw(subject: string, request: DecisionRequest, nowMs: number): void {
    this.#count(subject, request, { withdrawn: 1 }, nowMs);
  }

  #count(
    subject: string,
    { route, keyId }: DecisionRequest,
    { denied: more = 0, withdrawn = 0 }: Partial<Pick<UsageCell, "denied" | "withdrawn">>,
    nowMs: number,
  ): boolean {
    const entry = this.#of(subject, nowMs);
    if (entry.denied.size > 0 && entry.deniedFromMs < periodAt("hour", nowMs).startMs) {
      this.#owe(entry, [...entry.owed, tally(entry)]);
      entry.denied = new Map();
    }
    const { denied } = entry;
    const isFirst = denied.size === 0;
    if (isFirst) entry.deniedFromMs = nowMs;
    const cell = { route: route ?? "", keyId: keyId ?? "", requests: 0, costMilli: 0 };
    const name = `${cell.route}\n${cell.keyId}`;
    const known = denied.get(name);
    denied.set(name, {
      ...cell,
      denied: (known?.denied ?? 0) + more,
      withdrawn: (known?.withdrawn ?? 0) + withdrawn,
    });
    return isFirst;
  }

  /** Whether denials of a subject have been unreported since then. */
  owesDenialsSince(subject: string, atMs: number): boolean {
    const entry = this.#subjects.getStale(subject);
    return entry !== undefined && entry.denied.size > 0 && entry.deniedFromMs <= atMs;
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
    this.#reclaim(entry, nowMs);
    return entry.leases.length === 0 && (entry.owed.length > 0 || entry.denied.size > 0);
  }

  /** How long until everything that calls have taken along has arrived, has come back, or is sent again. Milliseconds; 0: it has. */
  inTransitMs(subject: string, nowMs: number): number {
    const sent = this.#subjects.getStale(subject)?.sent ?? [];
    return Math.max(0, ...sent.map(({ sentAtMs, untilMs }) => untilMs - Math.max(sentAtMs, nowMs)));
  }

  /** Whether the next call frees something that was not spent. */
  owesRest(subject: string): boolean {
    return this.#subjects.getStale(subject)?.owesRest ?? false;
  }

  /**
   * Takes everything that is owed to the subject's object. The caller sends it, and then calls {@link arrived} or {@link giveBack}. If it
   * does neither within `withinMs`, since the runtime has ended the request that it worked for, what it took is owed again.
   */
  takeOwed(subject: string, nowMs: number, withinMs: number): readonly Settlement[] {
    const entry = this.#subjects.getStale(subject);
    if (!entry) return [];
    this.#reclaim(entry, nowMs);
    if (entry.owed.length === 0 && entry.denied.size === 0) return [];
    const owed = entry.denied.size === 0 ? entry.owed : [...entry.owed, tally(entry)];
    if (entry.owed.length > 0)
      entry.sent = [...entry.sent, { settlements: owed, sentAtMs: nowMs, untilMs: nowMs + withinMs }];
    entry.owed = [];
    entry.owesRest = false;
    entry.denied = new Map();
    this.#drop(subject, entry);
    return owed;
  }

  /** What was taken has arrived at the object. */
  arrived(subject: string, settlements: readonly Settlement[]): void {
    const entry = this.#subjects.getStale(subject);
    if (!entry) return;
    entry.sent = entry.sent.filter((other) => other.settlements !== settlements);
    this.#drop(subject, entry);
  }

  /**
   * Puts back settlements that may not have arrived. Not those of denials: they may have been counted, and would count twice.
   * @returns whether one of them comes back for the first time.
   */
  giveBack(subject: string, settlements: readonly Settlement[], nowMs: number): boolean {
    if (settlements.every(({ leaseId }) => leaseId === null)) return false;
    const entry = this.#of(subject, nowMs);
    const isTaken = entry.sent.some((other) => other.settlements === settlements);
    entry.sent = entry.sent.filter((other) => other.settlements !== settlements);
    // Otherwise they are owed again already.
    return isTaken && this.#putBack(entry, settlements);
  }

  /** Puts back what calls took along that have neither an answer nor failed in their time, or whose time is unknown. */
  #reclaim(entry: SubjectLeases, nowMs: number): void {
    if (entry.sent.length === 0) return;
    const isLost = ({ sentAtMs, untilMs }: Sent): boolean => nowMs >= untilMs || nowMs < sentAtMs;
    const lost = entry.sent.filter(isLost);
    if (lost.length === 0) return;
    entry.sent = entry.sent.filter((one) => !isLost(one));
    for (const { settlements } of lost) this.#putBack(entry, settlements);
  }

  #putBack(entry: SubjectLeases, settlements: readonly Settlement[]): boolean {
    const again = settlements.filter(({ leaseId }) => leaseId !== null);
    entry.owesRest = true;
    this.#owe(entry, [...again, ...entry.owed]);
    const isFirst = again.some((settlement) => !this.#returned.has(settlement));
    for (const settlement of again) this.#returned.add(settlement);
    return isFirst;
  }

  /** Drops a subject without a lease or a settlement. */
  #drop(subject: string, { leases, owed, sent, denied }: SubjectLeases): void {
    if (leases.length + owed.length + sent.length + denied.size === 0) this.#subjects.delete(subject);
  }

  #see(nowMs: number): void {
    if (nowMs < this.#seenMs) this.#steps += 1;
    this.#seenMs = nowMs;
  }

  #of(subject: string, nowMs: number): SubjectLeases {
    // Even if it has expired: the clock may have stepped forward, and what is owed would be lost.
    const known = this.#subjects.getStale(subject);
    const entry = known ?? {
      leases: [],
      owed: [],
      sent: [],
      owesRest: false,
      denied: new Map<string, UsageCell>(),
      deniedFromMs: 0,
    };
    this.#subjects.set(subject, entry, nowMs + KEPT_MS);
    return entry;
  }

  #end(entry: SubjectLeases, lease: SpendableLease): void {
    entry.leases = entry.leases.filter((other) => other !== lease);
    entry.owesRest ||= lease.hasRest;
    const settlement = lease.settlement();
    const spentMilli = spentOf(settlement);
    this.#spent.add(toTokens(spentMilli));
    this.#metrics.add("leaseTokens", ["returned"], toTokens(lease.lease.milli - spentMilli));
    this.#owe(entry, [...entry.owed, settlement]);
  }

  #owe(entry: SubjectLeases, owed: readonly Settlement[]): void {
    for (const dropped of owed.slice(0, -OWED_PER_SUBJECT)) {
      this.#metrics.add("leaseTokens", ["lost"], toTokens(spentOf(dropped)));
    }
    entry.owed = owed.slice(-OWED_PER_SUBJECT);
  }
}

function tally({ denied, deniedFromMs }: SubjectLeases): DenialTally {
  return { leaseId: null, atMs: deniedFromMs, cells: [...denied.values()] };
}

function spentOf({ cells }: Settlement): number {
  return cells.reduce((sum, { costMilli }) => sum + costMilli, 0);
}
