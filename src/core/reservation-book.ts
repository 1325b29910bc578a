/**
 * A user's open reservations: costs that are charged before they are known, and settled afterwards.
 *
 * A reservation charges its whole cost N at once, like any request. When it is settled at A, a quota gets back N - A in its own period. A
 * bucket does not: refill has paid for part of N meanwhile, and so would pay for it twice. What of N - A is still unpaid is at most `low`,
 * the least debt since the reservation was made: a bucket whose debt fell to `low` would have been empty of debt with N - A = `low` less, and
 * refills no further. So `refund = min(N - A, low)`, after which each other reservation's `low` falls by the refund, to the debt at most.
 * What is settled above N becomes debt.
 *
 * The debt falls continuously and jumps up at charges, so its least value since any moment is one just before a charge, or now: `dip` is
 * called before each charge.
 *
 * Pure: no I/O and no clock.
 */
import type { Slot } from "./decision.ts";
import { HOUR_MS } from "./time.ts";
import type { UnitCosts } from "./unit-costs.ts";

/** Open reservations of one user. Each has a row of about 500 bytes, which an object reads when it starts. */
export const MAX_OPEN_RESERVATIONS = 256;

/** How long a reservation may last without a heartbeat. */
export const MAX_RESERVATION_MS = HOUR_MS;

/** How long the answer to a settlement is repeated. */
export const SETTLED_MS = 600_000;

/** What a reservation charged to a bucket. */
export interface BucketShare {
  readonly kind: "bucket";
  readonly counter: string;
  /** What may still be refunded, in grains of a millitoken / `grain`. */
  readonly low: number;
  readonly grain: number;
}

/** What it charged to a quota, or what counts in a quota that was made since. */
export interface QuotaShare {
  readonly kind: "quota";
  readonly counter: string;
  /** The period in which it counts. */
  readonly startMs: number;
}

export type Share = BucketShare | QuotaShare;

/** A reservation as it is stored. */
export interface OpenReservation {
  readonly id: string;
  readonly madeAtMs: number;
  readonly expiresAtMs: number;
  readonly costMilli: number;
  readonly units: UnitCosts | null;
  /** The request: enough to find its limits again, and its cell of the ledger. */
  readonly tier: string;
  readonly route: string | null;
  readonly keyId: string | null;
  readonly slots: readonly Slot[];
  readonly shares: readonly Share[];
  /** Limits that were reset since it was made: their quotas have forgotten it. "" stands for all. */
  readonly reset: readonly string[];
}

/** Stands for all limits in {@link OpenReservation.reset}. */
const ALL = "";

/** Whether the quotas of a limit have forgotten a reservation since a reset: they give nothing back for it. */
export function isForgotten({ reset }: OpenReservation, limit: string): boolean {
  return reset.includes(limit) || reset.includes(ALL);
}

/** The latest moment to which a reservation may last: then its hour of the ledger is about to be final. */
export function lastMomentMs(madeAtMs: number): number {
  return madeAtMs - (madeAtMs % HOUR_MS) + 2 * HOUR_MS;
}

export class ReservationBook {
  /** In the order in which they were made. */
  readonly #open = new Map<string, OpenReservation>();
  /** By counter: the shares of buckets, in the same order. */
  readonly #buckets = new Map<string, BucketLows>();
  /** Reservations to be written with the next row, and those to be written with the next exact one. */
  readonly #changed = new Set<string>();
  #hasDipped = false;
  #firstEndMs = Infinity;

  /** @param open as stored. @param isExact whether the row that the object starts from was exact: else nothing of buckets is refunded. */
  constructor(open: readonly OpenReservation[] = [], isExact = true) {
    for (const reservation of open) this.#put(reservation, isExact);
  }

  get hasOpen(): boolean {
    return this.#open.size > 0;
  }

  get hasRoom(): boolean {
    return this.#open.size < MAX_OPEN_RESERVATIONS;
  }

  /** Oldest first. */
  get open(): readonly OpenReservation[] {
    return [...this.#open.values()];
  }

  get(id: string): OpenReservation | null {
    return this.#open.get(id) ?? null;
  }

  add(reservation: OpenReservation): void {
    this.#put(reservation, true);
    this.#changed.add(reservation.id);
  }

  /** Lets it last until then. */
  extend(id: string, expiresAtMs: number, slots: readonly Slot[]): void {
    const reservation = this.#open.get(id);
    if (!reservation) return;
    this.#open.set(id, { ...reservation, expiresAtMs, slots });
    this.#changed.add(id);
  }

  /** It is settled, or has expired. */
  close(id: string): void {
    this.#open.delete(id);
    this.#changed.delete(id);
    for (const [counter, lows] of this.#buckets) {
      lows.delete(id);
      if (lows.isEmpty) this.#buckets.delete(counter);
    }
  }

  /** Closes those whose time is over: they stay charged. */
  expire(nowMs: number): OpenReservation[] {
    if (nowMs < this.#firstEndMs) return [];
    const expired = this.open.filter(({ expiresAtMs }) => expiresAtMs <= nowMs);
    for (const { id } of expired) this.close(id);
    this.#firstEndMs = Math.min(Infinity, ...this.open.map(({ expiresAtMs }) => expiresAtMs));
    return expired;
  }

  /** Whether a reservation has a share of a counter. */
  has(counter: string): boolean {
    if (this.#buckets.has(counter)) return true;
    for (const { shares } of this.#open.values()) {
      if (shares.some((share) => share.counter === counter)) return true;
    }
    return false;
  }

  /** A bucket's debt has fallen to this much, in its own grains, before it is charged or refunded. */
  dip(counter: string, debtGrains: number, grain: number): void {
    if (this.#buckets.get(counter)?.dip(debtGrains, grain)) this.#hasDipped = true;
  }

  /** Takes a refund of a bucket, at most `grains`. Call {@link dip} first. @returns what is refunded. */
  refund(id: string, counter: string, grains: number): number {
    const refunded = this.#buckets.get(counter)?.refund(id, grains) ?? 0;
    if (refunded > 0) this.#hasDipped = true;
    return refunded;
  }

  /** When the period of a quota began in which a reservation counts; null: it counts in none. */
  periodOf(id: string, counter: string): number | null {
    const shares = this.#open.get(id)?.shares ?? [];
    for (const share of shares) if (share.kind === "quota" && share.counter === counter) return share.startMs;
    return null;
  }

  /** A quota was made from the ledger: which reservations count in it, and in the period from when on. */
  adopt(counter: string, startMs: number, countsIn: (reservation: OpenReservation) => boolean): void {
    for (const [id, reservation] of this.#open) {
      const shares = reservation.shares.filter((share) => share.counter !== counter);
      if (countsIn(reservation)) shares.push({ kind: "quota", counter, startMs });
      else if (shares.length === reservation.shares.length) continue;
      this.#open.set(id, { ...reservation, shares });
      this.#changed.add(id);
    }
  }

  /** A counter's state goes by another name. */
  rename(from: string, to: string): void {
    for (const [id, reservation] of this.#open) {
      if (!reservation.shares.some(({ counter }) => counter === from)) continue;
      const shares = reservation.shares.map((share) =>
        share.counter === from ? { ...share, counter: to } : share,
      );
      this.#open.set(id, { ...reservation, shares });
      this.#changed.add(id);
    }
    const lows = this.#buckets.get(from);
    if (!lows) return;
    this.#buckets.delete(from);
    this.#buckets.set(to, lows);
  }

  /**
   * Limits of these names, or all (null), were reset: their quotas have forgotten what is reserved now, and their slots are free. To free
   * them again would free one that another request has taken since and that expires at the same moment.
   */
  reset(names: readonly string[] | null, isOf: (counter: string) => boolean): void {
    for (const [id, reservation] of this.#open) {
      const reset = [...new Set([...reservation.reset, ...(names ?? [ALL])])];
      const slots = reservation.slots.filter(({ counter }) => !isOf(counter));
      this.#open.set(id, { ...reservation, reset, slots });
      this.#changed.add(id);
    }
  }

  /** Whether some must be written. @param isExact with a row of the exact state, which makes every `low` count. */
  mustWrite(isExact: boolean): boolean {
    return this.#changed.size > 0 || (isExact && this.#hasDipped);
  }

  /** Those to write. The caller writes them now. */
  write(isExact: boolean): OpenReservation[] {
    const ids = isExact && this.#hasDipped ? this.#open.keys() : this.#changed;
    const written: OpenReservation[] = [];
    for (const id of ids) {
      const reservation = this.#open.get(id);
      if (reservation) written.push(this.#withLows(reservation));
    }
    this.#changed.clear();
    if (isExact) this.#hasDipped = false;
    return written;
  }

  #put(reservation: OpenReservation, isExact: boolean): void {
    this.#open.set(reservation.id, reservation);
    this.#firstEndMs = Math.min(this.#firstEndMs, reservation.expiresAtMs);
    for (const share of reservation.shares) {
      if (share.kind !== "bucket") continue;
      const lows = this.#buckets.get(share.counter) ?? new BucketLows(share.grain);
      this.#buckets.set(share.counter, lows);
      lows.add(reservation.id, isExact ? share.low : 0, share.grain);
    }
    if (!isExact) this.#hasDipped = true;
  }

  #withLows(reservation: OpenReservation): OpenReservation {
    const shares = reservation.shares.map((share): Share => {
      if (share.kind !== "bucket") return share;
      const lows = this.#buckets.get(share.counter);
      return lows ? { ...share, low: lows.of(reservation.id), grain: lows.grain } : share;
    });
    return { ...reservation, shares };
  }
}

/** The `low` of each reservation that a bucket was charged for. */
class BucketLows {
  grain: number;
  readonly #lows: { readonly id: string; low: number }[] = [];

  constructor(grain: number) {
    this.grain = grain;
  }

  get isEmpty(): boolean {
    return this.#lows.length === 0;
  }

  of(id: string): number {
    return this.#lows.find((one) => one.id === id)?.low ?? 0;
  }

  add(id: string, low: number, grain: number): void {
    // Of an older row, perhaps, since which the rate has changed.
    this.#lows.push({ id, low: grain === this.grain ? low : recount(low, grain, this.grain) });
  }

  delete(id: string): void {
    const at = this.#lows.findIndex((one) => one.id === id);
    if (at >= 0) this.#lows.splice(at, 1);
  }

  /** @returns whether one of them has fallen. */
  dip(debtGrains: number, grain: number): boolean {
    let hasFallen = grain !== this.grain;
    if (hasFallen) this.#recount(grain);
    for (const one of this.#lows) {
      if (one.low <= debtGrains) continue;
      one.low = debtGrains;
      hasFallen = true;
    }
    return hasFallen;
  }

  refund(id: string, grains: number): number {
    const own = this.#lows.find((one) => one.id === id);
    if (!own) return 0;
    const refunded = Math.min(grains, own.low);
    // At most the debt, since `dip` has brought each to it: the debt falls by as much.
    for (const one of this.#lows) one.low = Math.max(0, one.low - refunded);
    return refunded;
  }

  #recount(grain: number): void {
    for (const one of this.#lows) one.low = recount(one.low, this.grain, grain);
    this.grain = grain;
  }
}

/** A debt in another unit, rounded down: never refunds more. BigInt, since the product may exceed 2^53. */
function recount(grains: number, from: number, to: number): number {
  return Number((BigInt(grains) * BigInt(to)) / BigInt(from));
}
