/**
 * The settlements that an isolate owes to one subject's object: the spending of leases that have ended, and the denials that the isolate
 * has repeated or withdrawn. A settlement of a lease is owed until a call that took it along has an answer, and is sent again if it has none.
 *
 * Bounded; plain data; the clock is an argument.
 */
import { periodAt } from "../core/calendar.ts";
import type { DecisionRequest } from "../core/decision.ts";
import { MAX_LEASES_PER_SUBJECT } from "../core/lease.ts";
import type { DenialTally, Settlement, UsageCell } from "../objects/object-call.ts";

/**
 * Beyond that, the oldest are dropped. While the object answers, there are never more: those of the current leases, of as many that one
 * call lends in their place, and one for each concurrent call after an overdue one, fewer than 16 within a deadline (combiner.ts).
 */
const MAX_OWED = 3 * MAX_LEASES_PER_SUBJECT;

/** What one call has taken along, and when it has an answer or has failed, at the latest. */
interface Sent {
  readonly settlements: readonly Settlement[];
  readonly sentAtMs: number;
  readonly untilMs: number;
}

export class OwedSettlements {
  readonly #lost: (settlement: Settlement) => void;
  #owed: readonly Settlement[] = [];
  /** What calls in progress have taken along. The runtime may end such a call unnoticed, with the request that made it. */
  #sent: readonly Sent[] = [];
  /** Settlements that came back from a call; null: none has. */
  #returned: WeakSet<Settlement> | null = null;
  #freesRest = false;
  /** Denials that the isolate repeated or withdrew itself, all in one hour, by route and key; reported with the next call. */
  #denied = new Map<string, UsageCell>();
  /** When the first of them was made. */
  #deniedFromMs = 0;

  /** @param lost called with each settlement that is dropped. */
  constructor(lost: (settlement: Settlement) => void) {
    this.#lost = lost;
  }

  /** Whether nothing is owed, and nothing may come back. */
  get isEmpty(): boolean {
    return !this.hasSome && this.#sent.length === 0;
  }

  /** Whether the next call has something to take along. */
  get hasSome(): boolean {
    return this.#owed.length > 0 || this.#denied.size > 0;
  }

  /** Whether a settlement may free an unspent part of its lease. Always true after settlements come back. */
  get freesRest(): boolean {
    return this.#freesRest;
  }

  /** Adds the settlement of a lease that has ended. @param freesRest whether something is left of the lease. */
  add(settlement: Settlement, freesRest: boolean): void {
    this.#freesRest ||= freesRest;
    this.#owe([...this.#owed, settlement]);
  }

  /** Adds denials. @returns whether they are the first ones that are not reported yet. */
  addDenials(
    { route, keyId }: DecisionRequest,
    { denied: more = 0, withdrawn = 0 }: Partial<Pick<UsageCell, "denied" | "withdrawn">>,
    nowMs: number,
  ): boolean {
    if (this.#denied.size > 0 && this.#deniedFromMs < periodAt("hour", nowMs).startMs) {
      this.#owe([...this.#owed, this.#tally()]);
      this.#denied = new Map();
    }
    const isFirst = this.#denied.size === 0;
    if (isFirst) this.#deniedFromMs = nowMs;
    const cell = { route: route ?? "", keyId: keyId ?? "", requests: 0, costMilli: 0 };
    const name = `${cell.route}\n${cell.keyId}`;
    const known = this.#denied.get(name);
    this.#denied.set(name, {
      ...cell,
      denied: (known?.denied ?? 0) + more,
      withdrawn: (known?.withdrawn ?? 0) + withdrawn,
    });
    return isFirst;
  }

  /** Whether denials have been unreported since then. */
  hasDenialsSince(atMs: number): boolean {
    return this.#denied.size > 0 && this.#deniedFromMs <= atMs;
  }

  /** Takes everything that is owed, for a call that ends within `withinMs`; after that, {@link reclaim} puts it back. */
  take(nowMs: number, withinMs: number): readonly Settlement[] {
    this.reclaim(nowMs);
    if (!this.hasSome) return [];
    const taken = this.#denied.size === 0 ? this.#owed : [...this.#owed, this.#tally()];
    // Denials are not sent again.
    if (this.#owed.some(({ leaseId }) => leaseId !== null))
      this.#sent = [...this.#sent, { settlements: taken, sentAtMs: nowMs, untilMs: nowMs + withinMs }];
    this.#owed = [];
    this.#freesRest = false;
    this.#denied = new Map();
    return taken;
  }

  /** What was taken has arrived at the object. */
  arrived(settlements: readonly Settlement[]): void {
    this.#sent = this.#sent.filter((other) => other.settlements !== settlements);
  }

  /** What was taken may not have arrived. @returns whether a settlement comes back for the first time. */
  giveBack(settlements: readonly Settlement[]): boolean {
    const isTaken = this.#sent.some((other) => other.settlements === settlements);
    this.arrived(settlements);
    // Otherwise they are owed again already.
    return isTaken && this.#putBack(settlements);
  }

  /** Puts back what calls took if they neither completed nor failed in time, or if the clock stepped back. */
  reclaim(nowMs: number): void {
    if (this.#sent.length === 0) return;
    const isOverdue = ({ sentAtMs, untilMs }: Sent): boolean => nowMs >= untilMs || nowMs < sentAtMs;
    const overdue = this.#sent.filter(isOverdue);
    if (overdue.length === 0) return;
    this.#sent = this.#sent.filter((one) => !isOverdue(one));
    for (const { settlements } of overdue) this.#putBack(settlements);
  }

  /** How long until everything that calls have taken along has arrived, has come back, or is sent again. Milliseconds; 0 if nothing is in transit. */
  inTransitMs(nowMs: number): number {
    return Math.max(0, ...this.#sent.map(({ sentAtMs, untilMs }) => untilMs - Math.max(sentAtMs, nowMs)));
  }

  /** Not those of denials: they may have been counted, and would count twice. */
  #putBack(settlements: readonly Settlement[]): boolean {
    const again = settlements.filter(({ leaseId }) => leaseId !== null);
    this.#freesRest = true;
    this.#owe([...again, ...this.#owed]);
    const returned = (this.#returned ??= new WeakSet());
    const isFirst = again.some((settlement) => !returned.has(settlement));
    for (const settlement of again) returned.add(settlement);
    return isFirst;
  }

  #owe(owed: readonly Settlement[]): void {
    for (const dropped of owed.slice(0, -MAX_OWED)) this.#lost(dropped);
    this.#owed = owed.slice(-MAX_OWED);
  }

  #tally(): DenialTally {
    return { leaseId: null, atMs: this.#deniedFromMs, cells: [...this.#denied.values()] };
  }
}
