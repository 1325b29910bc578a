/**
 * What an isolate decides without a call: it spends a lease that it holds for the user, or repeats a denial that still holds.
 *
 * Never decides differently than the user's object would have, within the bounds of core/lease.ts and deny-cache.ts. Reports to the
 * object what it did, through remote.ts.
 */
import type { Counter, MetricDeltas } from "../analytics/metrics/metric-deltas.ts";
import { type Decision, type DecisionRequest, isReserving, MAX_REPEAT_MS } from "../core/decision.ts";
import { LEASE_MS, MIN_EXPECTED_REQUESTS } from "../core/lease.ts";
import type { UnitCosts } from "../core/unit-costs.ts";
import type { Policy } from "../policy/compile.ts";
import type { WaitUntil } from "../wait-until.ts";
import type { Route } from "../policy/compiled.ts";
import { DenyCache } from "./deny-cache.ts";
import type { LastHeard } from "./last-heard.ts";
import type { Leases } from "./leases.ts";
import { type RemoteDecisions, SETTLE_AFTER_MS } from "./remote.ts";
import type { SpendableLease } from "./spendable-lease.ts";

/** A user whose last answer came within this time may send enough requests for a lease. */
const HOT_MS = LEASE_MS / MIN_EXPECTED_REQUESTS;

export class LocalDecisions {
  readonly #remote: RemoteDecisions;
  readonly #leases: Leases;
  readonly #heard: LastHeard;
  readonly #denials = new DenyCache();
  readonly #hits: Readonly<Record<"lease" | "noLease" | "denial" | "noDenial", Counter>>;

  constructor(remote: RemoteDecisions, leases: Leases, heard: LastHeard, metrics: MetricDeltas) {
    this.#remote = remote;
    this.#leases = leases;
    this.#heard = heard;
    this.#hits = {
      lease: metrics.counter("cache", ["leases", "hit"]),
      noLease: metrics.counter("cache", ["leases", "miss"]),
      denial: metrics.counter("cache", ["denials", "hit"]),
      noDenial: metrics.counter("cache", ["denials", "miss"]),
    };
  }

  /** The decision about a request, or null if the object must be asked. */
  decide(
    subject: string,
    request: DecisionRequest,
    route: Route | null,
    costMilli: number,
    units: UnitCosts | null,
    policy: Policy,
    nowMs: number,
    waitUntil: WaitUntil,
  ): Decision | null {
    // Only requests are lent, and reserved by the object alone.
    const mayLend = units === null && !isReserving(request);
    const lease = mayLend ? this.#leases.find(subject, request, route, nowMs) : null;
    if (lease) {
      if (lease.isLow(nowMs, costMilli))
        this.#refresh(subject, request, lease, costMilli, policy, nowMs, waitUntil);
      if (lease.spend(request.route, costMilli)) {
        this.#hits.lease.add();
        return lease.decision(costMilli, nowMs);
      }
    }
    this.#hits.noLease.add();
    const denial = this.#denials.find(subject, request, costMilli, nowMs, units);
    (denial ? this.#hits.denial : this.#hits.noDenial).add();
    if (denial && this.#leases.denied(subject, request, nowMs)) {
      waitUntil(this.#reportDenials(subject, policy, nowMs, waitUntil));
    }
    return denial;
  }

  /** How much to ask the object to lease with a request that {@link decide} could not decide; 0 for nothing. Millitokens. */
  wantMilli(
    subject: string,
    request: DecisionRequest,
    route: Route | null,
    costMilli: number,
    units: UnitCosts | null,
    policy: Policy,
    nowMs: number,
  ): number {
    if (units !== null || isReserving(request)) return 0;
    const heard = this.#heard.latest(subject);
    // Asking about an occasional lone request is cheaper than leasing for it.
    if (!heard?.tier || nowMs - heard.atMs > HOT_MS || heard.outcome !== "allowed") return 0;
    if (policy.tiers.get(heard.tier)?.mode === "strict") return 0;
    // A lease with too little left for this request is refreshed by others.
    return this.#leases.find(subject, request, route, nowMs) ? 0 : this.#leases.firstMilli(costMilli);
  }

  /** Remembers the object's decision if it is a denial. @param repeatMs how long the object wants it repeated. */
  note(
    subject: string,
    request: DecisionRequest,
    decision: Decision,
    nowMs: number,
    repeatMs: number | undefined,
  ): void {
    this.#denials.note(subject, request, decision, nowMs, repeatMs);
  }

  /** Forgets a subject's leases and denials: its account was changed here. */
  forget(subject: string, nowMs: number): void {
    this.#denials.forget(subject, nowMs);
    this.#leases.end(subject, nowMs);
  }

  /** Asks for the next lease while this one still lasts. */
  #refresh(
    subject: string,
    request: DecisionRequest,
    lease: SpendableLease,
    costMilli: number,
    policy: Policy,
    nowMs: number,
    waitUntil: WaitUntil,
  ): void {
    if (lease.isRefreshed) return;
    lease.isRefreshed = true;
    const wantMilli = lease.nextMilli(nowMs, costMilli);
    if (wantMilli === 0) return;
    const question = { request, decide: false, wantMilli };
    waitUntil(this.#remote.ask(subject, [question], policy, waitUntil));
  }

  /** Reports repeated denials even if the client stops sending. A client that continues causes a call within this time anyway. */
  async #reportDenials(subject: string, policy: Policy, fromMs: number, waitUntil: WaitUntil): Promise<void> {
    await scheduler.wait(MAX_REPEAT_MS + SETTLE_AFTER_MS);
    if (!this.#leases.owesDenialsSince(subject, fromMs)) return;
    await this.#remote.ask(subject, [], policy, waitUntil);
  }
}
