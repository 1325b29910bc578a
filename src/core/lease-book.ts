/**
 * The open leases of a user's object: lent and not yet settled.
 *
 * Written whenever a lease is lent, so that a restarted object still knows what it set aside, and counts each settlement exactly
 * once: a lease that is not in the book was settled or has expired.
 *
 * Pure: no I/O and no clock.
 */
import { UNLIMITED_MILLI } from "./lease.ts";
import { NOTHING_SET_ASIDE, type SetAside, type SetAsideSource } from "./plan.ts";

/**
 * How long after its end a lease may still be settled, for an isolate that is slow or cannot reach the object at once. Until then its
 * amount stays set aside; then it is charged in full, and its metering is lost.
 */
export const SETTLE_GRACE_MS = 5_000;

/**
 * Open leases of one user. An isolate has one, and for a moment also the previous one. Beyond this number none is lent, and each request
 * asks the object. All are written with each new lease, about 150 bytes each. docs/hot-users.md covers users who need more.
 */
export const MAX_OPEN_LEASES = 512;

/** A lease as its object remembers it. */
export interface OpenLease {
  readonly id: string;
  readonly milli: number;
  /** When it was lent and when it ends, by the object's clock; never earlier than the latest moment of its counters. */
  readonly grantedAtMs: number;
  readonly endsAtMs: number;
  /** The counters from which its amount is set aside. */
  readonly counters: readonly string[];
  /** The requests it was lent for: enough to find its limits again. */
  readonly tier: string;
  readonly route: string | null;
  readonly keyId: string | null;
  /** The policy revision it was lent by; undefined in a lease of an older Worker. */
  readonly revision?: number | undefined;
}

export class LeaseBook implements SetAsideSource {
  readonly #open: Map<string, OpenLease>;

  constructor(stored: readonly OpenLease[]) {
    this.#open = new Map(stored.map((lease) => [lease.id, lease]));
  }

  /** Open leases, oldest first. */
  get open(): readonly OpenLease[] {
    return [...this.#open.values()];
  }

  get hasRoom(): boolean {
    return this.#open.size < MAX_OPEN_LEASES;
  }

  add(lease: OpenLease): void {
    this.#open.set(lease.id, lease);
  }

  /** Removes a lease that is being settled. Null if it is no longer open. */
  close(id: string): OpenLease | null {
    const lease = this.#open.get(id);
    if (!lease) return null;
    this.#open.delete(id);
    return lease;
  }

  /**
   * Sets open leases aside in one more counter: a quota that came into force after they were lent.
   * @param isIn whether spending from a lease may count in the quota.
   */
  adopt(counter: string, isIn: (lease: OpenLease) => boolean): void {
    for (const [id, lease] of this.#open) {
      if (lease.counters.includes(counter) || !isIn(lease)) continue;
      this.#open.set(id, { ...lease, counters: [...lease.counters, counter] });
    }
  }

  /** Renames a counter: what is set aside from it stays with its state. */
  rename(from: string, to: string): void {
    for (const [id, lease] of this.#open) {
      if (!lease.counters.includes(from)) continue;
      const counters = lease.counters.map((counter) => (counter === from ? to : counter));
      this.#open.set(id, { ...lease, counters });
    }
  }

  /** Removes the leases that were not settled in time, to be charged in full as of {@link closesAtMs}. */
  expire(nowMs: number): OpenLease[] {
    if (this.#open.size === 0) return [];
    const expired = this.open.filter((lease) => closesAtMs(lease) <= nowMs);
    for (const { id } of expired) this.#open.delete(id);
    return expired;
  }

  /** When the last open lease expires; null if none is open. */
  get closesAtMs(): number | null {
    return this.#open.size === 0 ? null : Math.max(...this.open.map(closesAtMs));
  }

  /** Whether an open lease holds part of a counter. */
  isSetAside(counter: string): boolean {
    for (const { counters } of this.#open.values()) if (counters.includes(counter)) return true;
    return false;
  }

  setAsideOf(counter: string, sinceMs: number): SetAside {
    if (this.#open.size === 0) return NOTHING_SET_ASIDE;
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
 * Whether a lease was lent without a limit: then its amount means nothing, and nothing is set aside for it. A lease holds whole
 * requests, so its amount may be slightly less than {@link UNLIMITED_MILLI}.
 */
export function isUnlimited({ milli }: Pick<OpenLease, "milli">): boolean {
  return milli > UNLIMITED_MILLI / 2;
}

/** When a lease expires: it is charged in full and can no longer be settled. */
export function closesAtMs({ endsAtMs }: OpenLease): number {
  return endsAtMs + SETTLE_GRACE_MS;
}
