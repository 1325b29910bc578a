/**
 * The object's counter at which leases are granted and settled (core/lease.ts says why that is exact).
 *
 * Synchronous, in memory; says in its results whether storage must be written before the answer may leave.
 */
import { type DecisionRequest, limitView } from "../../src/core/decision.ts";
import { leasableMilli, leaseMs, MOST_HELD } from "../../src/core/lease.ts";
import { closesAtMs, isUnlimited, type OpenLease } from "../../src/core/lease-book.ts";
import type { Meter } from "../../src/core/limit.ts";
import { decide as decidePlan, readings } from "../../src/core/plan.ts";
import { MILLI } from "../../src/core/units.ts";
import type { LeaseBook } from "../../src/core/lease-book.ts";
import type { Account, AccountStatus } from "../../src/objects/account.ts";
import type { Lease, Question, Settlement, UsageCell } from "../../src/objects/object-call.ts";
import { chargesFor, limitOf, scopeOf } from "../../src/policy/charges.ts";
import { type Policy, tierOf } from "../../src/policy/compile.ts";
import type { Route, Tier } from "../../src/policy/compiled.ts";
import type { Counters } from "./counters.ts";

/** Questions of one call were all asked within a round trip: so many of them want one lease of what they want together. */
const SHARED_BY = 4;

/** A lease of fewer requests is not worth being written down: they are asked about. */
const FEWEST_REQUESTS = 4;

/** What of a user's memory leases are granted from. */
export interface Books {
  readonly accounts: {
    readonly account: Pick<Account, "tier"> | null;
    readonly status: AccountStatus;
    adjust(tier: Tier, nowMs: number): Tier;
  };
  readonly counters: Counters;
  readonly keys: { isValid(keyId: string, nowMs: number): boolean; originOf(keyId: string): string };
  readonly leases: LeaseBook;
  readonly ledger: {
    add(atMs: number, cell: UsageCell): void;
    lose(atMs: number, route: string | null, keyId: string | null, milli: number): void;
  };
  unsettled: boolean;
}

/** A question that has been answered but for its lease. */
export interface Asked {
  readonly question: Question;
  /** False: it was refused just now. */
  readonly allowed: boolean;
}

/** Requests that one lease would be for. */
interface Scope {
  readonly route: Route | null;
  readonly first: number;
  mostMilli: number;
  sumMilli: number;
  refused: boolean;
}

/**
 * Grants leases for the questions of one call, one for all that can share it, at the place of the first of them; at most as many as
 * the isolate can hold, since each beyond would end another before it was spent. None where the
 * tier is strict, the user is near a limit, was just refused or is blocked, or slots are counted. A grant must be written before
 * the answer leaves.
 */
export function grant(
  memory: Books,
  policy: Policy,
  asked: readonly Asked[],
  nowMs: number,
): readonly (Lease | null)[] {
  const scopes = new Map<string, Scope>();
  asked.forEach(({ question: { request, wantMilli }, allowed }, i) => {
    if (wantMilli <= 0) return;
    const named = request.route === null ? null : policy.routes.byId(request.route);
    const route = named && countsByRoute(tierFor(memory, policy, request, nowMs), named) ? named : null;
    const name = `${request.tier}\n${request.keyId ?? ""}\n${route?.id ?? ""}`;
    const scope = scopes.get(name) ?? { route, first: i, mostMilli: 0, sumMilli: 0, refused: false };
    scope.mostMilli = Math.max(scope.mostMilli, wantMilli);
    scope.sumMilli += wantMilli;
    scope.refused ||= !allowed;
    scopes.set(name, scope);
  });
  const leases: (Lease | null)[] = asked.map(() => null);
  let granted = 0;
  for (const { route, first, mostMilli, sumMilli, refused } of scopes.values()) {
    const question = asked[first]?.question;
    const wantMilli = Math.max(mostMilli, Math.ceil(sumMilli / SHARED_BY));
    if (!question || refused) continue;
    const lease = grantOne(memory, policy, question, route, wantMilli, nowMs);
    leases[first] = lease;
    if (lease && ++granted >= MOST_HELD) break;
  }
  return leases;
}

function grantOne(
  memory: Books,
  policy: Policy,
  { request }: Question,
  route: Route | null,
  wantMilli: number,
  nowMs: number,
): Lease | null {
  const { accounts, counters, keys, leases } = memory;
  const { keyId } = request;
  const tier = tierFor(memory, policy, request, nowMs);
  if (tier.mode !== "leased" || !leases.hasRoom) return null;
  // An isolate spends by the policy that it knows: one that lags behind would have each of its calls written down for nothing.
  if (request.revision !== policy.revision) return null;
  if (accounts.status === "blocked" || (keyId !== null && !keys.isValid(keyId, nowMs))) return null;
  const named = request.route === null ? null : policy.routes.byId(request.route);
  // Without a route no limit of each route counts, and with one they do: no lease is for both.
  if (!named && hasLimitOfEachRoute(tier)) return null;
  const charges = chargesFor(tier, route, keyId && keys.originOf(keyId));
  counters.prepare(charges, policy, leases, nowMs);
  counters.follow(policy, tier);
  const plan = decidePlan(charges, counters.live, 0, nowMs, leases);
  const costMilli = request.costMilli ?? named?.costMilli ?? MILLI;
  const mostMilli = leasableMilli(plan, wantMilli, nowMs);
  // Whole requests: no rest is kept from others that holds none.
  const milli = mostMilli - (mostMilli % Math.max(1, costMilli));
  const forMs = leaseMs(nowMs);
  if (forMs === 0 || milli < FEWEST_REQUESTS * Math.max(1, costMilli)) return null;
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
    revision: policy.revision,
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

/**
 * Counts what an isolate did without asking, and charges what of a lease was spent. Nothing where that is known already.
 * @returns whether a lease was settled: to be written before the answer leaves, since nobody will say it again.
 */
export function settle(memory: Books, policy: Policy, settlement: Settlement, nowMs: number): boolean {
  const { leaseId, cells } = settlement;
  if (leaseId === null) {
    for (const cell of cells) memory.ledger.add(Math.min(settlement.atMs, nowMs), cell);
    memory.unsettled = true;
    return false;
  }
  const lease = memory.leases.close(leaseId);
  if (!lease) return false;
  // Before the ledger has it: a quota that is made from the ledger now is charged like the others.
  charge(memory, policy, lease, cells, nowMs);
  // A lease ends with its hour: all of it was used in the hour it began in.
  for (const cell of cells) memory.ledger.add(lease.grantedAtMs, cell);
  memory.unsettled = true;
  return true;
}

/**
 * Charges leases in full that were not settled in time. The charge counts in later quotas and is not billed.
 * @returns whether there was any.
 */
export function giveUpLate(memory: Books, policy: Policy, nowMs: number): boolean {
  const late = memory.leases.expire(nowMs);
  for (const lease of late) {
    if (isUnlimited(lease)) continue;
    charge(memory, policy, lease, null, closesAtMs(lease));
    memory.ledger.lose(lease.grantedAtMs, lease.route, lease.keyId, lease.milli);
  }
  return late.length > 0;
}

/** Charges the limits in force that the lease was set aside from. @param cells what was spent; null: unknown, so all of it. */
function charge(
  memory: Books,
  policy: Policy,
  lease: OpenLease,
  cells: readonly UsageCell[] | null,
  atMs: number,
): void {
  const { accounts, counters, leases } = memory;
  const tier = accounts.adjust(tierOf(policy, accounts.account?.tier ?? lease.tier), atMs);
  counters.follow(policy, tier);
  for (const counter of lease.counters) {
    const milli = Math.min(lease.milli, cells ? spentMilli(cells, scopeOf(counter).route) : lease.milli);
    const limit = milli > 0 ? limitOf(policy, tier, counter) : null;
    if (!limit) continue;
    const charges = [{ counter, limit }];
    counters.prepare(charges, policy, leases, atMs);
    if (counters.startsBefore({ counter, limit }, lease.grantedAtMs, atMs))
      counters.charge(charges, milli, atMs);
  }
}

/** What was spent on a route; null: on all. A lease is of one key. */
function spentMilli(cells: readonly UsageCell[], route: string | null): number {
  return cells.reduce(
    (sum, cell) => (route === null || cell.route === route ? sum + cell.costMilli : sum),
    0,
  );
}

function tierFor({ accounts }: Books, policy: Policy, request: DecisionRequest, nowMs: number): Tier {
  return accounts.adjust(tierOf(policy, accounts.account?.tier ?? request.tier), nowMs);
}

/** Whether a request of this route counts in counters that other routes do not. */
function countsByRoute(tier: Tier, route: Route): boolean {
  return route.limits.length > 0 || hasLimitOfEachRoute(tier);
}

function hasLimitOfEachRoute(tier: Tier): boolean {
  return tier.limits.some(({ scope }) => scope === "route");
}

/** The latest moment that a quota knows of: later than now where the clock has stepped back, and then in another period perhaps. */
function seenMs({ kind, state }: Meter): number {
  return kind === "quota" ? state.atMs : 0;
}
