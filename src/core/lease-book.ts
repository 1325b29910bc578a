/**
 * The leases that a user's object has granted and not yet heard back from.
 *
 * Written with every grant, so that a restarted object still knows what it set aside, and counts what an isolate settles exactly
 * once: a lease that is not in the book has been settled, or was given up.
 *
 * Pure: no I/O and no clock.
 */
import { UNLIMITED_MILLI } from "./lease.ts";
import { type Held, type Holding, NOTHING } from "./plan.ts";

/**
 * How long after its end a lease may still be settled: for an isolate that is slow, or cannot reach the object at once. Until
 * then its amount stays set aside; afterwards it is charged in full, and what it metered is lost.
 */
export const SETTLE_GRACE_MS = 5_000;

/**
 * Leases of one user open at once: an isolate has one, and for a moment the one before it. More are refused, and their requests
 * asked about. All are written with each grant, about 150 bytes each. docs/hot-users.md says what lies beyond.
 */
export const MOST_OPEN = 512;

/** A lease as its object remembers it. */
export interface OpenLease {
  readonly id: string;
  readonly milli: number;
  /** Moments of the object's clock; never earlier than what its counters have seen. */
  readonly grantedAtMs: number;
  readonly endsAtMs: number;
  /** The counters it was set aside of. */
  readonly counters: readonly string[];
  /** What it was granted for: enough to find its limits again. */
  readonly tier: string;
  readonly route: string | null;
  readonly keyId: string | null;
  /** Of the policy it was granted by; undefined in a lease that an older Worker granted. */
  readonly revision?: number | undefined;
}

export class LeaseBook implements Holding {
  readonly #open: Map<string, OpenLease>;

  constructor(stored: readonly OpenLease[]) {
    this.#open = new Map(stored.map((lease) => [lease.id, lease]));
  }

  /** Leases that are open, oldest first. */
  get open(): readonly OpenLease[] {
    return [...this.#open.values()];
  }

  get hasRoom(): boolean {
    return this.#open.size < MOST_OPEN;
  }

  add(lease: OpenLease): void {
    this.#open.set(lease.id, lease);
  }

  /** Takes a lease out: it has been settled. Null where it is not open any more. */
  close(id: string): OpenLease | null {
    const lease = this.#open.get(id);
    if (!lease) return null;
    this.#open.delete(id);
    return lease;
  }

  /**
   * Sets open leases aside in one more counter: a quota that has just come into force and that they were not granted from.
   * @param isIn whether what is spent under a lease may count in it.
   */
  adopt(counter: string, isIn: (lease: OpenLease) => boolean): void {
    for (const [id, lease] of this.#open) {
      if (lease.counters.includes(counter) || !isIn(lease)) continue;
      this.#open.set(id, { ...lease, counters: [...lease.counters, counter] });
    }
  }

  /** Takes out what was never settled in time, to be charged in full as of its closing, {@link closesAtMs}. */
  expire(nowMs: number): OpenLease[] {
    if (this.#open.size === 0) return [];
    const expired = this.open.filter((lease) => closesAtMs(lease) <= nowMs);
    for (const { id } of expired) this.#open.delete(id);
    return expired;
  }

  /** When the last one is closed at the latest; null where none is open. */
  get closesAtMs(): number | null {
    return this.#open.size === 0 ? null : Math.max(...this.open.map(closesAtMs));
  }

  heldOf(counter: string, sinceMs: number): Held {
    if (this.#open.size === 0) return NOTHING;
    let milli = 0;
    let untilMs = 0;
    for (const lease of this.#open.values()) {
      if (lease.grantedAtMs < sinceMs || !lease.counters.includes(counter) || isUnlimited(lease)) continue;
      milli += lease.milli;
      untilMs = Math.max(untilMs, closesAtMs(lease));
    }
    return { milli, untilMs };
  }
}

/**
 * Whether a lease was granted without a limit: it is no amount, so nothing is set aside for it. A lease is whole requests, so it may hold
 * a little less than {@link UNLIMITED_MILLI}.
 */
export function isUnlimited({ milli }: Pick<OpenLease, "milli">): boolean {
  return milli > UNLIMITED_MILLI / 2;
}

/** When a lease is given up. */
export function closesAtMs({ endsAtMs }: OpenLease): number {
  return endsAtMs + SETTLE_GRACE_MS;
}
