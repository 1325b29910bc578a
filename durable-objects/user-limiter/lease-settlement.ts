/**
 * Settles leases: charges what was spent of them, and meters it. core/lease-book.ts says when each settlement counts.
 *
 * Synchronous, in memory, and without a write of its own: until the next write, storage has the whole lease as set aside or spent. If the
 * object dies before, nobody settles the lease again, and it is charged in full: to the user's disadvantage, and on no bill.
 */
import { closesAtMs, type OpenLease } from "../../src/core/lease-book.ts";
import type { Charge } from "../../src/core/plan.ts";
import { modeOf } from "../../src/identity/key-mode.ts";
import type { Settlement, UsageCell } from "../../src/objects/object-call.ts";
import { limitOf, scopeOf } from "../../src/policy/charges.ts";
import { type Policy, tierOf } from "../../src/policy/compile.ts";
import { tierAsked } from "../../src/policy/unlimited.ts";
import { parkedAs } from "./counter-names.ts";
import type { Books } from "./lease-desk.ts";

const NONE: ReadonlySet<string> = new Set();

/** As of when counters are charged, and what is charged already. */
interface Charging {
  readonly atMs: number;
  readonly nowMs: number;
  /** Until when storage covers the charge, since it has the lease as open; 0: it has not. */
  readonly storedMs: number;
  /** Counters of buckets that are charged already. */
  readonly charged?: ReadonlySet<string>;
}

/** What a lease or a reservation took of its counters, and what is to be charged for it now. */
export interface Taken {
  /** The tier of the request. */
  readonly tier: string;
  readonly counters: readonly string[];
  /** What to charge to a counter, in its unit. Negative, of a reservation: to give back. */
  readonly milliOf: (counter: string) => number;
  /** Whether what was taken counts in the present period of a quota, and in any other limit. */
  readonly countsIn: (charge: Charge) => boolean;
  /** The reservation of which something may be given back; null: a lease. */
  readonly refunds: string | null;
}

/** Counts what an isolate did without asking, and charges what it spent of a lease. Does nothing if the lease was settled before. */
export function settle(memory: Books, policy: Policy, settlement: Settlement, nowMs: number): void {
  const { leases, ledger } = memory;
  const { leaseId, cells } = settlement;
  if (leaseId === null) {
    for (const { withdrawn = 0, ...cell } of cells) {
      ledger.add(Math.min(settlement.atMs, nowMs), cell);
      ledger.withdraw(nowMs, cell.route, cell.keyId, withdrawn);
    }
    memory.needsCheckpoint = true;
    return;
  }
  const settled = leases.settle(leaseId, nowMs);
  if (!settled) return;
  memory.needsCheckpoint = true;
  if (settled.kind === "past") {
    meter(memory, cells, settled.atMs);
    // A lease belongs to one key.
    memory.recover(spentMilli(cells, null), modeOf(cells[0]?.keyId ?? null));
    return;
  }
  const { lease } = settled;
  // Before the ledger counts it: a quota that is made from the ledger now is charged like the others.
  if (settled.kind === "open")
    charge(memory, policy, lease, cells, { atMs: nowMs, nowMs, storedMs: settled.storedMs, charged: NONE });
  else {
    const costMilli = Math.min(lease.milli, spentMilli(cells, null));
    ledger.lose(lease.grantedAtMs, lease.route, lease.keyId, -costMilli);
  }
  // A lease ends with its hour, so all of it was used in the hour it began in.
  meter(memory, cells, lease.grantedAtMs);
}

/** Adds cells to the ledger. If their hour is frozen, they count in a later one, perhaps of another period: in quotas too. */
function meter({ ledger, counters, leases }: Books, cells: readonly UsageCell[], atMs: number): void {
  let isLater = false;
  for (const cell of cells) isLater = ledger.add(atMs, cell) || isLater;
  if (isLater) counters.rebuildQuotas(leases);
}

/**
 * Charges the leases in full that were not settled in time, or all of them. The charge counts in later quotas and is not billed.
 *
 * Buckets first, as of when the leases expired and by the limits until now: a bucket that is refilled up to now, since limits change,
 * would not refill these charges for the time in between.
 * @param sinceMs from when on rates may have changed.
 * @returns whether there were any.
 */
export function chargeExpired(
  memory: Books,
  policy: Policy,
  nowMs: number,
  all = false,
  sinceMs = memory.unchangedUntilMs(policy, nowMs),
): boolean {
  const expired = memory.leases.expire(nowMs, all);
  if (expired.length === 0) return false;
  const late = expired
    .map((lease) => ({ lease, atMs: Math.min(nowMs, closesAtMs(lease)) }))
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ lease, atMs }) => ({
      lease,
      atMs,
      charged: chargeKnownBuckets(memory, policy, lease, atMs, sinceMs),
    }));
  for (const { lease, atMs, charged } of late) {
    charge(memory, policy, lease, null, { atMs, nowMs, storedMs: 0, charged });
    memory.ledger.lose(lease.grantedAtMs, lease.route, lease.keyId, lease.milli);
  }
  return true;
}

/** Charges a lease in full to the buckets whose rates are known. @returns their counters. */
function chargeKnownBuckets(
  { accounts, counters }: Books,
  policy: Policy,
  lease: OpenLease,
  atMs: number,
  sinceMs: number,
): ReadonlySet<string> {
  const tier = tierOf(policy, accounts.account?.tier ?? lease.tier);
  const own = sinceMs < atMs ? accounts.adjust(tier, atMs) : null;
  return new Set(
    lease.counters.filter((counter) => {
      const limit = own && limitOf(policy, own, counter);
      return counters.chargeBucket(counter, lease.milli, atMs, sinceMs, limit);
    }),
  );
}

/** Charges the counters from which the lease was set aside. @param cells what was spent; null: unknown, so all of it. */
function charge(
  memory: Books,
  policy: Policy,
  lease: OpenLease,
  cells: readonly UsageCell[] | null,
  charging: Charging,
): void {
  const { counters } = memory;
  const taken: Taken = {
    tier: lease.tier,
    counters: lease.counters,
    milliOf: (counter) =>
      Math.min(lease.milli, cells ? spentMilli(cells, scopeOf(counter).route) : lease.milli),
    countsIn: (one) => counters.startsBefore(one, lease.grantedAtMs, charging.atMs),
    refunds: null,
  };
  chargeTaken(memory, policy, taken, charging);
}

/**
 * Charges the counters from which a lease or a reservation was taken, whether or not the user's present tier has them: otherwise a user who
 * changes tier and back would be given what they spent. Quotas that are not in force count it by the ledger.
 */
export function chargeTaken(
  memory: Books,
  policy: Policy,
  taken: Taken,
  { atMs, nowMs, storedMs, charged = NONE }: Charging,
): void {
  // Perhaps known from a peek or another user's call: a bucket's time until now counts at the rate of the policy before.
  memory.adoptPolicy(policy, taken.tier, nowMs);
  const { accounts, counters, leases } = memory;
  const own = accounts.adjust(tierOf(policy, accounts.account?.tier ?? taken.tier), atMs);
  const tier = tierAsked(own, taken.tier);
  const { refunds } = taken;
  const kinds = taken.counters.map((counter) => counters.live.get(counter)?.kind);
  counters.follow(policy, tier, leases);
  taken.counters.forEach((counter, i) => {
    const milli = taken.milliOf(counter);
    if (milli === 0) return;
    const isRefund = refunds !== null && milli < 0;
    const limit = limitOf(policy, tier, counter);
    if (limit?.kind === "bucket" && (kinds[i] === "quota" || charged.has(counter))) return;
    if (limit) {
      const charges = [{ counter, limit }];
      counters.prepare(charges, policy, leases, atMs);
      if (taken.countsIn({ counter, limit })) {
        if (isRefund) counters.refund({ counter, limit }, refunds, -milli, atMs);
        else counters.charge(charges, milli, atMs, storedMs);
      }
    }
    if (limit?.kind !== kinds[i] && !charged.has(counter)) {
      const unused = limit ? parkedAs("bucket", counter) : counter;
      if (isRefund) counters.refundUnused(unused, refunds, -milli, atMs);
      else counters.chargeUnused(unused, milli, atMs);
    }
  });
}

/** What was spent on a route; null: on all routes. A lease belongs to one key. */
function spentMilli(cells: readonly UsageCell[], route: string | null): number {
  return cells.reduce(
    (sum, cell) => (route === null || cell.route === route ? sum + cell.costMilli : sum),
    0,
  );
}
