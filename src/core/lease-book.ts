/**
 * The leases of a user's object: lent and not yet settled, ended and charged in full, and those of its earlier lives.
 *
 * Most leases are lent without a write. An object that restarts does not know them, but its floors count them as spent (headroom.ts). So
 * each settlement counts exactly once: an open lease is charged and metered; one that was charged in full at its end, or that an earlier
 * life lent after its last write, is only metered; any other was settled before, and is ignored.
 *
 * Pure: no I/O and no clock.
 */
import { FLOOR_HOLD_MS, type Unwritten } from "./headroom.ts";
import { CLOCK_ERROR_MS, LEASE_MS } from "./lease.ts";
import { NOTHING_SET_ASIDE, type SetAside, type SetAsideSource } from "./plan.ts";
import { HOUR_MS } from "./time.ts";

/**
 * How long after its end a lease may still be settled, for an isolate that is slow or cannot reach the object at once. Until then its
 * amount stays set aside; then it is charged in full.
 */
export const SETTLE_GRACE_MS = 5_000;

/** How long after its end a lease that was charged in full may still be metered. */
export const METER_GRACE_MS = 12_000;

/** How long an object remembers an earlier life: from its start until a lease of that life can no longer be metered. */
export const PAST_LIFE_MS = 15_000;

/**
 * Open leases of one user. An isolate has one, and for a moment also the previous one. Beyond this number none is lent, and each request
 * asks the object. All are written with the state, about 150 bytes each. docs/hot-users.md covers users who need more.
 */
export const MAX_OPEN_LEASES = 512;

/** Earlier lives that are remembered: more within {@link PAST_LIFE_MS} lose what their last leases metered. */
const MAX_PAST_LIVES = 8;

/** A lease as its object remembers it. */
export interface OpenLease {
  /** `epoch.n.hour`: the life of the object that lent it, its number in that life, and the Unix hour in which it was lent. */
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

/** An earlier life of the object: of the leases after its last write, only the numbers of those that were metered are known. */
export interface PastLife {
  readonly epoch: string;
  /** The number of the last lease that it wrote. */
  readonly last: number;
  readonly metered: readonly number[];
  readonly untilMs: number;
}

/** The leases in storage. */
export interface StoredLeases {
  readonly open: readonly OpenLease[];
  readonly ended: readonly OpenLease[];
  /** The life that wrote this, and the number of its last lease. */
  readonly epoch: string;
  readonly last: number;
  readonly past: readonly PastLife[];
}

export const NO_LEASES: StoredLeases = { open: [], ended: [], epoch: "", last: 0, past: [] };

/**
 * What a settlement is for. `ended`: charged in full already. `past`: lent by an earlier life, whose floors count it as spent. `storedMs`:
 * until when an object that starts from storage would have the lease set aside, if nothing is written before; 0: it would not.
 */
export type Settled =
  | { readonly kind: "open"; readonly lease: OpenLease; readonly storedMs: number }
  | { readonly kind: "ended"; readonly lease: OpenLease }
  | { readonly kind: "past"; readonly atMs: number }
  | null;

const NOTHING_UNWRITTEN: Unwritten = { milli: 0, untilMs: 0 };

export class LeaseBook implements SetAsideSource {
  readonly #epoch: string;
  #last = 0;
  readonly #open: Map<string, OpenLease>;
  readonly #ended: Map<string, OpenLease>;
  readonly #unwritten = new Set<string>();
  /** Open leases of the last write of this life, and until when its floors are held. */
  #stored: ReadonlySet<string> = new Set();
  #heldUntilMs = 0;
  /** When {@link expire} was last called. */
  #expiredAtMs = -Infinity;
  readonly #past = new Map<string, { last: number; metered: Set<number>; untilMs: number }>();
  readonly #waiting = new Set<{ readonly ids: Set<string>; readonly done: () => void }>();

  /** @param epoch differs from those of all other lives. */
  constructor(stored: StoredLeases, epoch: string, nowMs: number) {
    this.#epoch = epoch;
    this.#open = new Map(stored.open.map((lease) => [lease.id, lease]));
    this.#ended = new Map(stored.ended.map((lease) => [lease.id, lease]));
    const before = { epoch: stored.epoch, last: stored.last, metered: [], untilMs: nowMs + PAST_LIFE_MS };
    for (const life of [...stored.past, before].slice(-MAX_PAST_LIVES)) {
      if (life.epoch === "" || life.untilMs <= nowMs) continue;
      this.#past.set(life.epoch, { ...life, metered: new Set(life.metered) });
    }
  }

  /** Open leases, oldest first. */
  get open(): readonly OpenLease[] {
    return [...this.#open.values()];
  }

  get hasOpen(): boolean {
    return this.#open.size > 0;
  }

  get hasRoom(): boolean {
    return this.#open.size < MAX_OPEN_LEASES;
  }

  /** The amount of these open leases. */
  openMilli(isMeant: (lease: OpenLease) => boolean): number {
    let milli = 0;
    for (const lease of this.#open.values()) if (isMeant(lease)) milli += lease.milli;
    return milli;
  }

  lend(lease: Omit<OpenLease, "id">): OpenLease {
    this.#last += 1;
    const hour = Math.floor(lease.grantedAtMs / HOUR_MS);
    const lent = { id: `${this.#epoch}.${this.#last}.${hour}`, ...lease };
    this.#open.set(lent.id, lent);
    this.#unwritten.add(lent.id);
    return lent;
  }

  /** Accepts a settlement, once. Null: it counts nowhere. */
  settle(id: string, nowMs: number): Settled {
    const lease = this.#open.get(id);
    if (lease) {
      this.#close(id);
      return { kind: "open", lease, storedMs: this.#stored.has(id) ? this.#storedMs(lease) : 0 };
    }
    const ended = this.#ended.get(id);
    if (ended) {
      this.#ended.delete(id);
      return { kind: "ended", lease: ended };
    }
    const [epoch = "", number = "", hour = ""] = id.split(".");
    const life = this.#past.get(epoch);
    const n = Number(number);
    if (!life || !(n > life.last) || life.metered.has(n) || life.untilMs <= nowMs) return null;
    life.metered.add(n);
    // An isolate sends this: no settlement counts in a far hour.
    const atMs = Math.max(nowMs - HOUR_MS, Math.min(nowMs, (Number(hour) || Infinity) * HOUR_MS));
    return { kind: "past", atMs };
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

  /** Ends the leases that were not settled in time, to be charged in full as of {@link closesAtMs}; or all of them. */
  expire(nowMs: number, all = false): OpenLease[] {
    // Once in a turn: the turn in which a lease expires can still settle it.
    if (nowMs !== this.#expiredAtMs) {
      for (const { id, endsAtMs } of this.#ended.values()) {
        if (endsAtMs + METER_GRACE_MS <= nowMs) this.#ended.delete(id);
      }
    }
    this.#expiredAtMs = nowMs;
    if (this.#open.size === 0) return [];
    const expired = all ? this.open : this.open.filter((lease) => closesAtMs(lease) <= nowMs);
    for (const lease of expired) {
      this.#close(lease.id);
      this.#ended.set(lease.id, lease);
    }
    return [...expired];
  }

  /** Calls `done` when the leases that are open now, of this key if one is given, are settled or have expired. */
  whenClosed(keyId: string | null, done: () => void): void {
    const ids = new Set<string>();
    for (const lease of this.#open.values()) if (keyId === null || lease.keyId === keyId) ids.add(lease.id);
    if (ids.size === 0) done();
    else this.#waiting.add({ ids, done });
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
      if (lease.grantedAtMs < sinceMs || !lease.counters.includes(counter)) continue;
      milli += lease.milli;
      untilMs = Math.max(untilMs, closesAtMs(lease));
    }
    return { milli, untilMs };
  }

  /** The part of a counter that was lent since the last write. */
  unwrittenOf(counter: string): Unwritten {
    if (this.#unwritten.size === 0) return NOTHING_UNWRITTEN;
    let milli = 0;
    let untilMs = 0;
    for (const lease of this.#unwrittenLeases()) {
      if (!lease.counters.includes(counter)) continue;
      milli += lease.milli;
      untilMs = Math.max(untilMs, overAtMs(lease));
    }
    return { milli, untilMs };
  }

  /** When no isolate can spend any of the unwritten leases any more; 0 if there are none. */
  get unwrittenUntilMs(): number {
    let untilMs = 0;
    for (const lease of this.#unwrittenLeases()) untilMs = Math.max(untilMs, overAtMs(lease));
    return untilMs;
  }

  /** The leases to write. The caller writes them now. */
  write(nowMs: number): StoredLeases {
    this.#unwritten.clear();
    this.#stored = new Set(this.#open.keys());
    this.#heldUntilMs = nowMs + FLOOR_HOLD_MS;
    const past: PastLife[] = [];
    for (const [epoch, { last, metered, untilMs }] of this.#past) {
      if (untilMs > nowMs) past.push({ epoch, last, metered: [...metered], untilMs });
    }
    return { open: this.open, ended: [...this.#ended.values()], epoch: this.#epoch, last: this.#last, past };
  }

  /** Not longer than the floors are held, so that a stale copy admits no more for it. In the next hour, a quota does not count the lease. */
  #storedMs(lease: OpenLease): number {
    const hourEndMs = lease.grantedAtMs - (lease.grantedAtMs % HOUR_MS) + HOUR_MS;
    return Math.min(closesAtMs(lease), this.#heldUntilMs, hourEndMs);
  }

  *#unwrittenLeases(): Generator<OpenLease> {
    for (const id of this.#unwritten) {
      const lease = this.#open.get(id);
      if (lease) yield lease;
    }
  }

  #close(id: string): void {
    this.#open.delete(id);
    this.#unwritten.delete(id);
    for (const waiting of this.#waiting) {
      if (!waiting.ids.delete(id) || waiting.ids.size > 0) continue;
      this.#waiting.delete(waiting);
      waiting.done();
    }
  }
}

/** The open leases of an object that starts: a clock that has stepped must not end one that an isolate may still spend. */
export function atStart(
  open: readonly OpenLease[],
  writtenAtMs: number,
  nowMs: number,
): readonly OpenLease[] {
  if (writtenAtMs + LEASE_MS < nowMs) return open;
  return open.map((lease) => ({ ...lease, endsAtMs: Math.max(lease.endsAtMs, nowMs + LEASE_MS) }));
}

/** When a lease expires: it is charged in full and can no longer be settled. */
export function closesAtMs({ endsAtMs }: OpenLease): number {
  return endsAtMs + SETTLE_GRACE_MS;
}

/** When no isolate can spend a lease any more, however much its clock lags. */
function overAtMs({ endsAtMs }: OpenLease): number {
  return endsAtMs + CLOCK_ERROR_MS;
}
