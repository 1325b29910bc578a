/**
 * A lease that an isolate holds: spent request by request without a call, then settled.
 *
 * Plain data and arithmetic; the clock is an argument. Its time runs from when the isolate asked for it, so it ends before the object
 * assumes, even if their clocks differ.
 */
import { type Decision, decisionOf, type DecisionRequest, laterView } from "../core/decision.ts";
import { LEASE_MS, MIN_EXPECTED_REQUESTS, WANTED_PER_EXPECTED } from "../core/lease.ts";
import { toTokens } from "../core/units.ts";
import type { Route } from "../policy/compiled.ts";
import { nextDecisionId } from "./decision-id.ts";
import type { Lease, Settlement, UsageCell } from "../objects/object-call.ts";

/** The next lease is not asked for before this share of the time or the amount is gone. */
const REFRESH_AT = 0.6;
/** Calls by which the next lease is asked for earlier, as long as the last one took; and some time more. */
const CALLS_AHEAD = 2;
const AHEAD_MS = 20;
/** Requests by which it is asked for earlier, as far apart as those so far: only a request can ask. */
const REQUESTS_AHEAD = 1.5;
/** The next lease holds at most this many times the amount of this one, and at least the same part of it. */
const MAX_GROWTH = 4;

type Cell = { -readonly [Field in keyof UsageCell]: UsageCell[Field] };

export class SpendableLease {
  readonly lease: Lease;
  /** The tier of the request that asked for it: requests of another tier may have other limits. */
  readonly #askedTier: string;
  readonly askedAtMs: number;
  readonly untilMs: number;
  /** How often the isolate's clock had stepped back when it came. */
  readonly steps: number;
  /** Set when the next lease was asked for: once per lease. */
  isRefreshed = false;
  readonly #aheadMs: number;
  #requests = 0;
  #leftMilli: number;
  #cells: Cell[] = [];

  /** @param tookMs how long its call took. */
  constructor(lease: Lease, askedTier: string, askedAtMs: number, steps = 0, tookMs = 0) {
    this.steps = steps;
    this.lease = lease;
    this.#askedTier = askedTier;
    this.askedAtMs = askedAtMs;
    this.untilMs = askedAtMs + lease.forMs;
    this.#leftMilli = lease.milli;
    this.#aheadMs = CALLS_AHEAD * tookMs + AHEAD_MS;
  }

  /** Whether requests of this tier, key and route may be spent from it. `route` null: the caller named only a cost. */
  isFor({ tier, keyId }: Pick<DecisionRequest, "tier" | "keyId">, route: Route | null): boolean {
    const { lease } = this;
    if (lease.keyId !== keyId || this.#askedTier !== tier) return false;
    return lease.route === null ? route === null || route.limits.length === 0 : lease.route === route?.id;
  }

  /** Whether it may still be spent under this policy revision. */
  isValid(revision: number, nowMs: number): boolean {
    return nowMs < this.untilMs && nowMs >= this.askedAtMs && revision === this.lease.revision;
  }

  /** Whether something is left to spend. */
  get hasRest(): boolean {
    return this.#leftMilli > 0;
  }

  /** Spends, unless too little is left. @param wasDenied by the object, which has counted that. @returns whether it did. */
  spend(routeId: string | null, costMilli: number, wasDenied = false): boolean {
    if (costMilli > this.#leftMilli) return false;
    this.#leftMilli -= costMilli;
    this.#requests += 1;
    const cell = this.#cell(routeId ?? "");
    cell.requests += 1;
    cell.costMilli += costMilli;
    if (wasDenied) cell.withdrawn = (cell.withdrawn ?? 0) + 1;
    return true;
  }

  /** Whether this request, which costs so much, should ask for the next lease: as late as it may and still come before this one ends. */
  isLow(nowMs: number, costMilli: number): boolean {
    const { milli, forMs } = this.lease;
    const elapsedMs = Math.max(1, nowMs - this.askedAtMs);
    const requestsMs = (REQUESTS_AHEAD * elapsedMs) / (this.#requests + 1);
    if (elapsedMs >= Math.max(REFRESH_AT * forMs, forMs - this.#aheadMs - requestsMs)) return true;
    const spentMilli = milli - this.#leftMilli + costMilli;
    return spentMilli >= Math.max(REFRESH_AT * milli, milli - (spentMilli / elapsedMs) * this.#aheadMs);
  }

  /** How much the next lease should hold, by the spending until this request; 0 if too few requests are expected. Millitokens. */
  nextMilli(nowMs: number, costMilli: number): number {
    const { milli } = this.lease;
    const perMs = (milli - this.#leftMilli + costMilli) / Math.max(1, nowMs - this.askedAtMs);
    if (perMs * LEASE_MS < MIN_EXPECTED_REQUESTS * costMilli) return 0;
    return Math.ceil(
      Math.min(MAX_GROWTH * milli, Math.max(milli / MAX_GROWTH, WANTED_PER_EXPECTED * perMs * LEASE_MS)),
    );
  }

  /** The spending to settle. Ends the lease: nothing can be spent afterwards. */
  settlement(): Settlement {
    this.#leftMilli = -1;
    return { leaseId: this.lease.id, cells: this.#cells };
  }

  /** The decision about the request that was just spent. */
  decision(costMilli: number, nowMs: number): Decision {
    const { lease } = this;
    if (lease.limits.length === 0) return decisionOf(lease, "lease", nextDecisionId(), costMilli, "allowed");
    const elapsedMs = nowMs - this.askedAtMs;
    // The client may spend the rest of the lease as well as what the object still has.
    const leftTokens = toTokens(this.#leftMilli);
    const limits = lease.limits.map((view) => {
      // The object's times are for a lease that is spent: what is left of it does not need to refill.
      const earlyMs = view.kind === "bucket" ? Math.floor((leftTokens * view.windowMs) / view.limit) : 0;
      return laterView(view, elapsedMs + earlyMs, Math.min(view.limit, view.remaining + leftTokens));
    });
    return decisionOf(lease, "lease", nextDecisionId(), costMilli, "allowed", limits);
  }

  #cell(route: string): Cell {
    for (const known of this.#cells) if (known.route === route) return known;
    const cell = { route, keyId: this.lease.keyId ?? "", requests: 0, costMilli: 0, denied: 0 };
    this.#cells.push(cell);
    return cell;
  }
}
