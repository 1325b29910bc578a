/**
 * Lends to isolates and settles with them. core/lease.ts argues why that is exact.
 *
 * Synchronous, in memory, and without a write of its own: the end of the turn finds out whether the floors cover it (floors.ts).
 */
import { type Decision, type DecisionRequest, limitViews } from "../../src/core/decision.ts";
import {
  lendableMilli,
  leaseMs,
  MAX_LEASES_PER_SUBJECT,
  MIN_EXPECTED_REQUESTS,
  NO_LENDING_MS,
  WANTED_PER_EXPECTED,
} from "../../src/core/lease.ts";
import type { LeaseBook } from "../../src/core/lease-book.ts";
import type { Meter } from "../../src/core/limit.ts";
import { type Charge, decidePlan } from "../../src/core/plan.ts";
import { MILLI } from "../../src/core/units.ts";
import type { KeyMode } from "../../src/identity/key-mode.ts";
import type { Account, AccountStatus } from "../../src/objects/account.ts";
import type { Lease, Question, UsageCell } from "../../src/objects/object-call.ts";
import { chargesFor, shadowChargesFor } from "../../src/policy/charges.ts";
import { type Policy, tierOf } from "../../src/policy/compile.ts";
import type { Route, Tier } from "../../src/policy/compiled.ts";
import { unitsOfRequest } from "../../src/policy/costs.ts";
import { tierAsked } from "../../src/policy/unlimited.ts";
import type { Counters } from "./counters.ts";

/** The questions of one call were asked within a round trip: their shared lease holds the sum of their wishes divided by this. */
const SHARED_BY = 4;

/** The part of a user's memory that lending reads and changes. */
export interface Books {
  readonly accounts: {
    readonly account: Pick<Account, "tier"> | null;
    readonly status: AccountStatus;
    adjust(tier: Tier, nowMs: number): Tier;
    /** When the next grant ends; Infinity if there is none. */
    changesAtMs(nowMs: number): number;
  };
  /** Whether requests are rejected because an invoice is past due. */
  isOverdue(policy: Policy): boolean;
  readonly counters: Counters;
  readonly keys: {
    isValid(keyId: string, nowMs: number): boolean;
    originOf(keyId: string): string;
    /** When a key stops by itself; Infinity if never. */
    stopsAtMs(keyId: string): number;
  };
  readonly leases: LeaseBook;
  readonly ledger: {
    /** Returns whether it counts in a later hour, since that of `atMs` is frozen. */
    add(atMs: number, cell: UsageCell): boolean;
    lose(atMs: number, route: string | null, keyId: string | null, milli: number): void;
    withdraw(nowMs: number, route: string, keyId: string, denials: number): void;
  };
  /** When a limit last denied a request, or one in shadow would have. */
  readonly deniedAtMs: number;
  needsCheckpoint: boolean;
  /** Takes a policy into use if it is newer: before anything is charged by it. */
  adoptPolicy(policy: Policy, asked: string, nowMs: number): void;
  unchangedUntilMs(policy: Policy, nowMs: number): number;
  /** Answers of this turn rest on these charges. */
  relyOn(charges: readonly Charge[], exact: boolean): void;
  /** A settlement of an earlier life was metered, whose amount was taken for lost. */
  recover(costMilli: number, keyMode: KeyMode): void;
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
  isRejected: boolean;
}

/**
 * Lends for the questions of one call: one lease for all that can share it, with the answer to the first of them. At most as many as the
 * isolate can hold, since each further one would end another before it was spent. None if the tier is strict, if the user is near a
 * limit, was denied in the last seconds or is blocked, or if slots are counted.
 * @param answers to the questions, in order. Leases are put into them.
 */
export function lend(
  memory: Books,
  policy: Policy,
  questions: readonly Question[],
  answers: readonly OpenAnswer[],
  nowMs: number,
): void {
  if (Math.abs(nowMs - memory.deniedAtMs) < NO_LENDING_MS) return;
  const scopes = new Map<string, LeaseScope>();
  questions.forEach(({ request, wantMilli }, i) => {
    if (wantMilli <= 0) return;
    const named = request.route === null ? null : policy.routes.byId(request.route);
    const route = named && countsByRoute(tierFor(memory, policy, request, nowMs), named) ? named : null;
    const name = `${request.tier}\n${request.keyId ?? ""}\n${route?.id ?? ""}`;
    const scope = scopes.get(name) ?? { route, first: i, maxMilli: 0, sumMilli: 0, isRejected: false };
    scope.maxMilli = Math.max(scope.maxMilli, wantMilli);
    scope.sumMilli += wantMilli;
    scope.isRejected ||= answers[i]?.decision?.allowed === false;
    scopes.set(name, scope);
  });
  let lent = 0;
  for (const { route, first, maxMilli, sumMilli, isRejected } of scopes.values()) {
    const [request, answer] = [questions[first]?.request, answers[first]];
    if (!request || !answer || isRejected) continue;
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
  if (tier.mode === "strict" || !leases.hasRoom) return null;
  // An isolate spends by the policy that it knows. A lease for one that lags behind could not be spent.
  if (request.revision !== policy.revision) return null;
  if (memory.isOverdue(policy)) return null;
  if (accounts.status === "blocked" || (keyId !== null && !keys.isValid(keyId, nowMs))) return null;
  const named = request.route === null ? null : policy.routes.byId(request.route);
  // A lease is an amount of requests.
  if (unitsOfRequest(request, named) !== null) return null;
  // Limits scoped to routes do not apply to a request without a route, so no lease is for both kinds of request.
  if (!named && hasRouteScopedLimit(tier)) return null;
  const origin = keyId && keys.originOf(keyId);
  const own = chargesFor(tier, route, origin);
  const shadow = shadowChargesFor(tier, route, origin);
  // What is spent of the lease passes limits in shadow too, and is charged to them.
  const charges = shadow ? [...own, ...shadow] : own;
  counters.prepare(charges, policy, leases, nowMs);
  counters.follow(policy, tier, leases);
  const plan = decidePlan(charges, counters.live, 0, nowMs, leases);
  const costMilli = request.costMilli ?? named?.costMilli ?? MILLI;
  if (wantMilli < WANTED_PER_EXPECTED * MIN_EXPECTED_REQUESTS * costMilli) return null;
  const milli = lendableMilli(plan, wantMilli, costMilli, nowMs);
  const changesAtMs = Math.min(
    accounts.changesAtMs(nowMs),
    keyId === null ? Infinity : keys.stopsAtMs(keyId),
  );
  const forMs = leaseMs(nowMs, changesAtMs);
  if (forMs === 0 || milli === 0) return null;
  const exact = tier.durability === "exact";
  counters.lend(charges, plan, exact);
  memory.relyOn(charges, exact);
  const { id } = leases.lend({
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
  const limits = tier.isUnlimited ? [] : limitViews(decidePlan(own, counters.live, 0, nowMs, leases), nowMs);
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

function tierFor({ accounts }: Books, policy: Policy, request: DecisionRequest, nowMs: number): Tier {
  const own = accounts.adjust(tierOf(policy, accounts.account?.tier ?? request.tier), nowMs);
  return tierAsked(own, request.tier);
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
