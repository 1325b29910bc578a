/**
 * Lends to isolates and settles with them. core/lease.ts argues why that is exact.
 *
 * Synchronous, in memory. Sets `mustWrite` if the answer may not leave before storage is written.
 */
import { type Decision, type DecisionRequest, limitViews } from "../../src/core/decision.ts";
import { lendableMilli, leaseMs, MAX_LEASES_PER_SUBJECT } from "../../src/core/lease.ts";
import { closesAtMs, isUnlimited, type LeaseBook, type OpenLease } from "../../src/core/lease-book.ts";
import type { Meter } from "../../src/core/limit.ts";
import { decidePlan } from "../../src/core/plan.ts";
import { MILLI } from "../../src/core/units.ts";
import type { Account, AccountStatus } from "../../src/objects/account.ts";
import type { Lease, Question, Settlement, UsageCell } from "../../src/objects/object-call.ts";
import { chargesFor, limitOf, scopeOf } from "../../src/policy/charges.ts";
import { type Policy, tierOf } from "../../src/policy/compile.ts";
import type { Route, Tier } from "../../src/policy/compiled.ts";
import { parkedAs } from "./counter-names.ts";
import type { Counters } from "./counters.ts";

/** The questions of one call were asked within a round trip: their shared lease holds the sum of their wishes divided by this. */
const SHARED_BY = 4;

/** A lease of fewer requests is not worth its write: they ask the object. */
const MIN_REQUESTS = 4;

/** The part of a user's memory that lending reads and changes. */
export interface Books {
  readonly accounts: {
    readonly account: Pick<Account, "tier"> | null;
    readonly status: AccountStatus;
    adjust(tier: Tier, nowMs: number): Tier;
    /** When the next grant ends; Infinity if there is none. */
    changesAtMs(nowMs: number): number;
  };
  readonly counters: Counters;
  readonly keys: {
    isValid(keyId: string, nowMs: number): boolean;
    originOf(keyId: string): string;
    /** When a key stops by itself; Infinity if never. */
    stopsAtMs(keyId: string): number;
  };
  readonly leases: LeaseBook;
  readonly ledger: {
    add(atMs: number, cell: UsageCell): void;
    lose(atMs: number, route: string | null, keyId: string | null, milli: number): void;
  };
  needsCheckpoint: boolean;
  mustWrite: boolean;
}

/** The answer to a question before leases are lent. */
export interface OpenAnswer {
  readonly decision: Pick<Decision, "allowed"> | null;
  lease: Lease | null;
}

/** The requests that one lease would be for. */
interface LeaseScope {
  readonly route: Route | null;
  /** Of the first question. */
  readonly first: number;
  maxMilli: number;
  sumMilli: number;
  isDenied: boolean;
}

/**
 * Lends for the questions of one call: one lease for all that can share it, with the answer to the first of them. At most as many as the
 * isolate can hold, since each further one would end another before it was spent. None if the tier is strict, if the user is near a
 * limit, was just rejected or is blocked, or if slots are counted.
 * @param answers to the questions, in order. Leases are put into them.
 */
export function lend(
  memory: Books,
  policy: Policy,
  questions: readonly Question[],
  answers: readonly OpenAnswer[],
  nowMs: number,
): void {
  const scopes = new Map<string, LeaseScope>();
  questions.forEach(({ request, wantMilli }, i) => {
    if (wantMilli <= 0) return;
    const named = request.route === null ? null : policy.routes.byId(request.route);
    const route = named && countsByRoute(tierFor(memory, policy, request, nowMs), named) ? named : null;
    const name = `${request.tier}\n${request.keyId ?? ""}\n${route?.id ?? ""}`;
    const scope = scopes.get(name) ?? { route, first: i, maxMilli: 0, sumMilli: 0, isDenied: false };
    scope.maxMilli = Math.max(scope.maxMilli, wantMilli);
    scope.sumMilli += wantMilli;
    // A user that was just rejected is near a limit.
    scope.isDenied ||= answers[i]?.decision?.allowed === false;
    scopes.set(name, scope);
  });
  let lent = 0;
  for (const { route, first, maxMilli, sumMilli, isDenied } of scopes.values()) {
    const [request, answer] = [questions[first]?.request, answers[first]];
    if (!request || !answer || isDenied) continue;
    const wantMilli = Math.max(maxMilli, Math.ceil(sumMilli / SHARED_BY));
    answer.lease = lendOne(memory, policy, request, route, wantMilli, nowMs);
    if (answer.lease && ++lent >= MAX_LEASES_PER_SUBJECT) break;
  }
}

/** Lends for requests like this one; null if nothing may be lent. */
function lendOne(
  memory: Books,
  policy: Policy,
  request: DecisionRequest,
  route: Route | null,
  wantMilli: number,
  nowMs: number,
): Lease | null {
  const { accounts, counters, keys, leases } = memory;
  const { keyId } = request;
  const tier = tierFor(memory, policy, request, nowMs);
  if (tier.mode !== "leased" || !leases.hasRoom) return null;
  // An isolate spends by the policy that it knows. Lending to one that lags behind would cost a write per call for nothing.
  if (request.revision !== policy.revision) return null;
  if (accounts.status === "blocked" || (keyId !== null && !keys.isValid(keyId, nowMs))) return null;
  const named = request.route === null ? null : policy.routes.byId(request.route);
  // Limits scoped to routes do not apply to a request without a route, so no lease is for both kinds of request.
  if (!named && hasRouteScopedLimit(tier)) return null;
  const charges = chargesFor(tier, route, keyId && keys.originOf(keyId));
  counters.prepare(charges, policy, leases, nowMs);
  counters.follow(policy, tier, leases);
  const plan = decidePlan(charges, counters.live, 0, nowMs, leases);
  const costMilli = request.costMilli ?? named?.costMilli ?? MILLI;
  const maxMilli = lendableMilli(plan, wantMilli, nowMs);
  // Whole requests: a remainder that holds none would be withheld from others.
  const milli = maxMilli - (maxMilli % Math.max(1, costMilli));
  const changesAtMs = Math.min(
    accounts.changesAtMs(nowMs),
    keyId === null ? Infinity : keys.stopsAtMs(keyId),
  );
  const forMs = leaseMs(nowMs, changesAtMs);
  if (forMs === 0 || milli < MIN_REQUESTS * Math.max(1, costMilli)) return null;
  counters.open(charges, plan);
  // 48 random bits: unique among the few hundred open leases of a user.
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
  memory.needsCheckpoint = true;
  // A restarted object must know what it has lent.
  memory.mustWrite = true;
  const limits = limitViews(decidePlan(charges, counters.live, 0, nowMs, leases), nowMs);
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

/** Counts what an isolate did without asking, and charges what it spent of a lease. Does nothing if the lease was settled before. */
export function settle(memory: Books, policy: Policy, settlement: Settlement, nowMs: number): void {
  const { leaseId, cells } = settlement;
  if (leaseId === null) {
    for (const cell of cells) memory.ledger.add(Math.min(settlement.atMs, nowMs), cell);
    memory.needsCheckpoint = true;
    return;
  }
  const lease = memory.leases.close(leaseId);
  if (!lease) return;
  // Before the ledger counts it: a quota that is made from the ledger now is charged like the others.
  charge(memory, policy, lease, cells, nowMs);
  // A lease ends with its hour, so all of it was used in the hour it began in.
  for (const cell of cells) memory.ledger.add(lease.grantedAtMs, cell);
  memory.needsCheckpoint = true;
  // An isolate settles a lease only once.
  memory.mustWrite = true;
}

/**
 * Charges the leases in full that were not settled in time. The charge counts in later quotas and is not billed.
 * @returns whether there were any.
 */
export function chargeExpired(memory: Books, policy: Policy, nowMs: number): boolean {
  const late = memory.leases.expire(nowMs);
  for (const lease of late) {
    if (isUnlimited(lease)) continue;
    charge(memory, policy, lease, null, closesAtMs(lease));
    memory.ledger.lose(lease.grantedAtMs, lease.route, lease.keyId, lease.milli);
  }
  return late.length > 0;
}

/**
 * Charges the counters from which the lease was set aside, whether or not the user's present tier has them: otherwise a user who changes
 * tier and back would be given what they spent. Quotas that are not in force count it by the ledger.
 * @param cells what was spent; null: unknown, so all of it.
 */
function charge(
  memory: Books,
  policy: Policy,
  lease: OpenLease,
  cells: readonly UsageCell[] | null,
  atMs: number,
): void {
  const { accounts, counters, leases } = memory;
  const tier = accounts.adjust(tierOf(policy, accounts.account?.tier ?? lease.tier), atMs);
  const kinds = lease.counters.map((counter) => counters.live.get(counter)?.kind);
  counters.follow(policy, tier, leases);
  lease.counters.forEach((counter, i) => {
    const milli = Math.min(lease.milli, cells ? spentMilli(cells, scopeOf(counter).route) : lease.milli);
    if (milli === 0) return;
    const limit = limitOf(policy, tier, counter);
    if (limit?.kind === "bucket" && kinds[i] === "quota") return;
    if (limit) {
      const charges = [{ counter, limit }];
      counters.prepare(charges, policy, leases, atMs);
      if (counters.startsBefore({ counter, limit }, lease.grantedAtMs, atMs))
        counters.charge(charges, milli, atMs);
    }
    if (limit?.kind !== kinds[i])
      counters.chargeUnused(limit ? parkedAs("bucket", counter) : counter, milli, atMs);
  });
}

/** What was spent on a route; null: on all routes. A lease belongs to one key. */
function spentMilli(cells: readonly UsageCell[], route: string | null): number {
  return cells.reduce(
    (sum, cell) => (route === null || cell.route === route ? sum + cell.costMilli : sum),
    0,
  );
}

function tierFor({ accounts }: Books, policy: Policy, request: DecisionRequest, nowMs: number): Tier {
  return accounts.adjust(tierOf(policy, accounts.account?.tier ?? request.tier), nowMs);
}

/** Whether requests of this route have counters that other routes do not share. */
function countsByRoute(tier: Tier, route: Route): boolean {
  return route.limits.length > 0 || hasRouteScopedLimit(tier);
}

function hasRouteScopedLimit(tier: Tier): boolean {
  return tier.limits.some(({ scope }) => scope === "route");
}

/** The latest moment of a quota's state. If the clock has stepped back, it is later than now and perhaps in another period. */
function seenMs({ kind, state }: Meter): number {
  return kind === "quota" ? state.atMs : 0;
}
