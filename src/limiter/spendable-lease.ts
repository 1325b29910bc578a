/**
 * A lease in the hands of an isolate: spent request by request without a call, then settled.
 *
 * Plain data and arithmetic; the clock is an argument. Its time runs from when the isolate asked for it, so it ends before the
 * object believes it does, whatever the two clocks say.
 */
import type { Decision, DecisionRequest, Hold, LimitView } from "../core/decision.ts";
import { LEASE_MS } from "../core/lease.ts";
import { toTokens } from "../core/units.ts";
import type { Route } from "../policy/compiled.ts";
import { nextDecisionId } from "./decision-id.ts";
import type { Lease, Settlement, UsageCell } from "../objects/object-call.ts";

/** Share of its time or amount after which the next one is asked for, so that it is there when this one ends. */
const REFRESH_AT = 0.6;
/** How many times the demand of a lease's time the next one is to hold. */
const HEADROOM = 2;
/** The next one is to hold at most so many times this one. */
const GROWTH = 4;

const NONE: readonly never[] = [];
const NO_HOLDS: readonly Hold[] = NONE;
const NO_NAMES: readonly string[] = NONE;
const NO_LIMITS: readonly LimitView[] = NONE;

type Cell = { -readonly [Field in keyof UsageCell]: UsageCell[Field] };

export class SpendableLease {
  readonly lease: Lease;
  /** That the request spoke for which it was granted for: another may have other limits. */
  readonly #askedTier: string;
  readonly askedAtMs: number;
  readonly untilMs: number;
  /** Set once the next one has been asked for: one refresh for each lease. */
  isRefreshed = false;
  #leftMilli: number;
  #cells: Cell[] = [];

  constructor(lease: Lease, askedTier: string, askedAtMs: number) {
    this.lease = lease;
    this.#askedTier = askedTier;
    this.askedAtMs = askedAtMs;
    this.untilMs = askedAtMs + lease.forMs;
    this.#leftMilli = lease.milli;
  }

  /** Whether requests of this tier, key and route count in what was leased. `route` null: the caller names a cost only. */
  isFor({ tier, keyId }: Pick<DecisionRequest, "tier" | "keyId">, route: Route | null): boolean {
    const { lease } = this;
    if (lease.keyId !== keyId || this.#askedTier !== tier) return false;
    return lease.route === null ? route === null || route.limits.length === 0 : lease.route === route?.id;
  }

  /** Whether it may still be spent, by a policy of this revision. */
  isValid(revision: number, nowMs: number): boolean {
    return nowMs < this.untilMs && nowMs >= this.askedAtMs && revision === this.lease.revision;
  }

  /** Spends, unless there is too little left. */
  spend(routeId: string | null, costMilli: number): boolean {
    if (costMilli > this.#leftMilli) return false;
    this.#leftMilli -= costMilli;
    const cell = this.#cell(routeId ?? "");
    cell.requests += 1;
    cell.costMilli += costMilli;
    return true;
  }

  /** Whether it is time to ask for the next one. */
  isLow(nowMs: number): boolean {
    const { lease } = this;
    return (
      lease.milli - this.#leftMilli >= REFRESH_AT * lease.milli ||
      nowMs - this.askedAtMs >= REFRESH_AT * lease.forMs
    );
  }

  /** How much the next lease should hold, by what was spent of this one until now. Millitokens. */
  nextMilli(nowMs: number): number {
    const { milli } = this.lease;
    const perMs = (milli - this.#leftMilli) / Math.max(1, nowMs - this.askedAtMs);
    return Math.ceil(Math.min(GROWTH * milli, Math.max(milli / GROWTH, HEADROOM * perMs * LEASE_MS)));
  }

  /** What was used under it. Nothing may be spent of it afterwards. */
  settlement(): Settlement {
    this.#leftMilli = -1;
    return { leaseId: this.lease.id, cells: this.#cells };
  }

  /** The decision about a request that was just spent. */
  decision(costMilli: number, nowMs: number): Decision {
    const { lease } = this;
    return {
      outcome: "allowed",
      allowed: true,
      cost: toTokens(costMilli),
      limits: lease.limits.length === 0 ? NO_LIMITS : lease.limits.map((view) => this.#view(view, nowMs)),
      retryAfterMs: 0,
      violated: NO_NAMES,
      source: "lease",
      tier: lease.tier,
      revision: lease.revision,
      decisionId: nextDecisionId(),
      holds: NO_HOLDS,
    };
  }

  /** What is left of the lease is this client's as much as what the object still has. */
  #view({ name, kind, limit, remaining, resetMs, windowMs }: LimitView, nowMs: number): LimitView {
    return {
      name,
      kind,
      limit,
      remaining: Math.min(limit, remaining + toTokens(this.#leftMilli)),
      resetMs: Math.max(0, resetMs - (nowMs - this.askedAtMs)),
      windowMs,
    };
  }

  #cell(route: string): Cell {
    for (const known of this.#cells) if (known.route === route) return known;
    const cell = { route, keyId: this.lease.keyId ?? "", requests: 0, costMilli: 0, denied: 0 };
    this.#cells.push(cell);
    return cell;
  }
}
