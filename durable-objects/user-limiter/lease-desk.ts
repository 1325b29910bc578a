/**
 * The object's counter at which leases are granted and settled (core/lease.ts says why that is exact).
 *
 * Synchronous, in memory; says in its results whether storage must be written before the answer may leave.
 */
import { limitView } from "../../src/core/decision.ts";
import { leasableMilli, leaseMs } from "../../src/core/lease.ts";
import { closesAtMs, type OpenLease } from "../../src/core/lease-book.ts";
import type { Meter } from "../../src/core/limit.ts";
import { decide as decidePlan, readings } from "../../src/core/plan.ts";
import { MILLI } from "../../src/core/units.ts";
import type { LeaseBook } from "../../src/core/lease-book.ts";
import type { Account } from "../../src/limiter/account.ts";
import type { Lease, Question, Settlement, UsageCell } from "../../src/limiter/object-call.ts";
import { chargesFor, type Policy, type Route, type Tier, tierOf } from "../../src/policy/compile.ts";
import type { Counters } from "./counters.ts";

/** What of a user's memory leases are granted from. */
export interface Books {
  readonly accounts: {
    readonly account: Pick<Account, "tier" | "status"> | null;
    adjust(tier: Tier, nowMs: number): Tier;
  };
  readonly counters: Counters;
  readonly keys: { isValid(keyId: string, nowMs: number): boolean };
  readonly leases: LeaseBook;
  readonly ledger: { add(atMs: number, cell: UsageCell): void };
  unsettled: boolean;
}

/**
 * Grants a lease for requests like this one, or null: the tier is strict, the user is near a limit, blocked, or slots are
 * counted. A grant must be written before the answer leaves.
 */
export function grant(
  memory: Books,
  policy: Policy,
  { request, wantMilli }: Question,
  nowMs: number,
): Lease | null {
  const { accounts, counters, keys, leases } = memory;
  const { account } = accounts;
  const { keyId } = request;
  const tier = accounts.adjust(tierOf(policy, account?.tier ?? request.tier), nowMs);
  if (wantMilli <= 0 || tier.mode !== "leased" || !leases.hasRoom) return null;
  if (account?.status === "blocked" || (keyId !== null && !keys.isValid(keyId, nowMs))) return null;
  const named = request.route === null ? null : policy.routes.byId(request.route);
  const route = named && countsByRoute(tier, named) ? named : null;
  const charges = chargesFor(tier, route, keyId);
  const plan = decidePlan(charges, counters.live, 0, nowMs, leases);
  const costMilli = request.costMilli ?? named?.costMilli ?? MILLI;
  const mostMilli = leasableMilli(plan, wantMilli, nowMs);
  // Whole requests: no rest is kept from others that holds none.
  const milli = mostMilli - (mostMilli % Math.max(1, costMilli));
  const forMs = leaseMs(nowMs);
  if (forMs === 0 || milli < Math.max(1, costMilli)) return null;
  // 52 random bits: unique among the few hundred that one user ever has open.
  const id = crypto.randomUUID().slice(0, 13);
  leases.add({
    id,
    milli,
    grantedAtMs: Math.max(nowMs, ...plan.before.map(seenMs)),
    endsAtMs: nowMs + forMs,
    counters: charges.map(({ counter }) => counter),
    tier: request.tier,
    route: route?.id ?? null,
    keyId,
  });
  memory.unsettled = true;
  const rest = decidePlan(charges, counters.live, 0, nowMs, leases);
  const limits = readings(rest, nowMs).map(limitView);
  return {
    id,
    milli,
    forMs,
    revision: policy.revision,
    tier: tier.name,
    keyId,
    route: route?.id ?? null,
    limits,
  };
}

/** Counts what an isolate did without asking, and charges what of a lease was spent. Nothing where that is known already. */
export function settle(memory: Books, policy: Policy, settlement: Settlement, nowMs: number): void {
  const { leaseId, cells } = settlement;
  if (leaseId === null) {
    for (const cell of cells) memory.ledger.add(Math.min(settlement.atMs, nowMs), cell);
    memory.unsettled = true;
    return;
  }
  const lease = memory.leases.close(leaseId);
  if (!lease) return;
  let spentMilli = 0;
  for (const cell of cells) {
    // A lease ends with its hour: all of it was used in the hour it began in.
    memory.ledger.add(lease.grantedAtMs, cell);
    spentMilli += cell.costMilli;
  }
  charge(memory, policy, lease, Math.min(spentMilli, lease.milli), nowMs);
  memory.unsettled = true;
}

/** Charges in full what was never settled in time. @returns whether there was any. */
export function giveUpLate(memory: Books, policy: Policy, nowMs: number): boolean {
  const late = memory.leases.expire(nowMs);
  for (const lease of late) charge(memory, policy, lease, lease.milli, closesAtMs(lease));
  return late.length > 0;
}

function charge(memory: Books, policy: Policy, lease: OpenLease, milli: number, atMs: number): void {
  const { accounts, counters } = memory;
  const tier = accounts.adjust(tierOf(policy, accounts.account?.tier ?? lease.tier), atMs);
  const route = lease.route === null ? null : policy.routes.byId(lease.route);
  const charges = chargesFor(tier, route, lease.keyId).filter(
    (charged) =>
      lease.counters.includes(charged.counter) && counters.startsBefore(charged, lease.grantedAtMs, atMs),
  );
  if (milli > 0) counters.charge(charges, milli, atMs);
}

/** Whether a request of this route counts in counters that other routes do not. */
function countsByRoute(tier: Tier, route: Route): boolean {
  return route.limits.length > 0 || tier.limits.some(({ scope }) => scope === "route");
}

/** The latest moment that a limit's state knows of: later than now where the clock has stepped back. */
function seenMs({ kind, state }: Meter): number {
  return kind === "concurrency" ? 0 : state.atMs;
}
