/**
 * The edge's side of the limiter. README.md says why it is right. A request is decided by the first of these that can:
 * - this isolate, from a lease or a remembered denial: no call (local.ts);
 * - the user's object, in one call with other requests of the user (remote.ts);
 * - the tier's failure policy if the object has failed (fallback.ts). An object that is alive but not reached in time has not failed:
 *   its user sends more than it can take, and the request is rejected as `overloaded`.
 *
 * Never throws: there is always a decision.
 */
import type { MetricDeltas } from "../analytics/metrics/metric-deltas.ts";
import type { Decision, DecisionRequest, Slot } from "../core/decision.ts";
import { MILLI } from "../core/units.ts";
import type { Log } from "../log.ts";
import type { Home } from "../objects/home.ts";
import type { ObjectAnswer } from "../objects/object-call.ts";
import type { ReservationAnswer, ReservationCall } from "../objects/reservation.ts";
import type { UserLimiterNamespace, UserLimiterStub } from "../objects/user-limiter.ts";
import { LOGIN_TIER } from "../policy/built-in-tiers.ts";
import type { Policy } from "../policy/compile.ts";
import { unitsOfRequest } from "../policy/costs.ts";
import { askedFor } from "../policy/unlimited.ts";
import type { WaitUntil } from "../wait-until.ts";
import { AccountQueries } from "./account-queries.ts";
import { AfterDenial } from "./after-denial.ts";
import { LocalFallback, undecided } from "./fallback.ts";
import { LastHeard, UNHEARD } from "./last-heard.ts";
import { Leases } from "./leases.ts";
import { LocalDecisions } from "./local.ts";
import { ObjectClient } from "./object-client.ts";
import { RemoteDecisions } from "./remote.ts";

/** How often a settlement is sent at most, and how long after it did not arrive. The runtime grants work after a response 30 seconds. */
const SETTLE_TRIES = 12;
const SETTLE_AGAIN_MS = 1_000;

/** A decision takes a few milliseconds, or a few hundred across an ocean with a cold object. */
export const DEFAULT_DEADLINE_MS = 1_000;

export class Limiter {
  /** Questions to users' objects other than decisions. */
  readonly accounts: AccountQueries;
  /** What this isolate last heard of users, for when their objects fail. */
  readonly heard: LastHeard;
  readonly #client: ObjectClient;
  readonly #local: LocalDecisions;
  readonly #remote: RemoteDecisions;
  readonly #afterDenial: AfterDenial;
  readonly #fallback = new LocalFallback();

  constructor(objects: UserLimiterNamespace, deadlineMs: number, log: Log, metrics: MetricDeltas) {
    this.heard = new LastHeard(deadlineMs);
    this.#client = new ObjectClient(objects, deadlineMs, log, metrics, this.heard);
    this.accounts = new AccountQueries(this.#client, this.heard);
    const leases = new Leases(metrics);
    this.#remote = new RemoteDecisions(this.#client, this.heard, leases, metrics);
    this.#local = new LocalDecisions(this.#remote, leases, this.heard, metrics);
    this.#afterDenial = new AfterDenial(this.#remote, leases);
  }

  /** Whether the circuit of all objects is open. */
  get isCircuitOpen(): boolean {
    return this.#client.isCircuitOpen;
  }

  /** Decides one request. `nowMs` is the edge's clock; the object has its own. */
  decide(
    subject: string,
    request: DecisionRequest,
    policy: Policy,
    nowMs: number,
    waitUntil: WaitUntil,
  ): Decision | Promise<Decision> {
    // Only the object can remember a decision, decide without charging, or decide login attempts.
    const isPlain = !request.peek && request.idempotencyKey === null && request.tier !== LOGIN_TIER.name;
    if (!isPlain) return this.#ask(subject, request, 0, policy, nowMs, waitUntil);
    const route = request.route === null ? null : policy.routes.byId(request.route);
    const costMilli = request.costMilli ?? route?.costMilli ?? MILLI;
    const units = unitsOfRequest(request, route);
    const decision = this.#local.decide(subject, request, route, costMilli, units, policy, nowMs, waitUntil);
    if (decision) return decision;
    const wantMilli = this.#local.wantMilli(subject, request, route, costMilli, units, policy, nowMs);
    return this.#ask(subject, request, wantMilli, policy, nowMs, waitUntil);
  }

  /** Decides requests of one subject, in order and in one call. */
  async decideAll(
    subject: string,
    requests: readonly DecisionRequest[],
    policy: Policy,
    nowMs: number,
    waitUntil: WaitUntil,
  ): Promise<readonly Decision[]> {
    const [only, ...others] = requests;
    if (only && others.length === 0) return [await this.decide(subject, only, policy, nowMs, waitUntil)];
    const questions = requests.map((request) => ({ request, decide: true, wantMilli: 0 }));
    const answered = await this.#remote.ask(subject, questions, policy, waitUntil);
    const answers =
      answered && (await this.#afterDenial.answers(subject, requests, answered, policy, waitUntil));
    return requests.map((request, i) => {
      const decision = answers?.[i]?.decision;
      if (!decision) return this.#withoutObject(subject, request, policy, nowMs);
      this.heard.note(subject, request.keyId, decision, nowMs);
      return decision;
    });
  }

  /**
   * Settles or extends reservations of one subject, in one call. May be sent again: a settlement counts once. Never rejects.
   * @returns the answers in order; null if the object does not answer in time.
   */
  async settle(
    subject: string,
    calls: readonly ReservationCall[],
    policy: Policy,
    waitUntil: WaitUntil,
  ): Promise<readonly ReservationAnswer[] | null> {
    const called = await this.#client.call(subject, Date.now(), (stub) => answersTo(stub, calls, policy));
    if (called.kind === "none") return null;
    this.#remote.checkpointLater(subject, waitUntil);
    return called.value;
  }

  /**
   * Settles a reservation, and tries again while the object does not answer, for {@link SETTLE_TRIES} seconds and as many deadlines at most.
   * For `waitUntil`. Never rejects. @returns whether it has arrived; if not, the reservation expires and stays charged.
   */
  async settleSurely(
    subject: string,
    call: ReservationCall,
    policy: Policy,
    waitUntil: WaitUntil,
  ): Promise<boolean> {
    for (let tries = 1; ; tries++) {
      if (await this.settle(subject, [call], policy, waitUntil)) return true;
      if (tries === SETTLE_TRIES) return false;
      await scheduler.wait(SETTLE_AGAIN_MS);
    }
  }

  /**
   * Releases the slots of a request that has ended. If the object does not answer, they expire.
   * @param waitUntil keeps the isolate running until the user pauses.
   */
  async release(
    subject: string,
    holds: readonly Slot[],
    nowMs: number,
    waitUntil: WaitUntil = () => undefined,
  ): Promise<void> {
    await this.#client.call(subject, nowMs, async (stub) => {
      await stub.release(holds);
    });
    this.#remote.checkpointLater(subject, waitUntil);
  }

  /** Forgets a subject's leases and denials, since its account was changed here: its next request asks the object. */
  forget(subject: string, nowMs: number): void {
    this.#local.forget(subject, nowMs);
  }

  /** Whether objects answer. */
  ping(): Promise<boolean> {
    return this.#client.ping();
  }

  /**
   * A fresh stub for the control plane: one that has thrown may be broken for good.
   * @param home where the object is created if this is the first call to it; null: near this isolate, so near the operator. Decisions
   * have no home: they create an object near its user.
   */
  stub(subject: string, home: Home | null): UserLimiterStub {
    return this.#client.stub(subject, home);
  }

  #ask(
    subject: string,
    request: DecisionRequest,
    wantMilli: number,
    policy: Policy,
    nowMs: number,
    waitUntil: WaitUntil,
  ): Promise<Decision> {
    const question = { request, decide: true, wantMilli };
    const decided = (answer: ObjectAnswer | undefined): Decision => {
      const decision = answer?.decision;
      if (!decision) return this.#withoutObject(subject, request, policy, nowMs);
      this.heard.note(subject, request.keyId, decision, nowMs);
      this.#local.note(subject, request, decision, nowMs, answer.repeatMs);
      return decision;
    };
    return this.#remote.ask(subject, [question], policy, waitUntil).then((answered) => {
      const answer = answered?.answers[0];
      if (!answered || answer?.decision?.outcome !== "denied") return decided(answer);
      return this.#afterDenial
        .answers(subject, [request], answered, policy, waitUntil)
        .then(([final]) => decided(final));
    });
  }

  /** Decides by what this isolate last heard of the user, whatever the tier's failure policy; then by that policy. */
  #withoutObject(subject: string, request: DecisionRequest, policy: Policy, nowMs: number): Decision {
    const heard = this.heard.remembered(subject, nowMs);
    const standing = heard?.standing ?? UNHEARD;
    // An object of an older version does not report the account, but its last decision names the tier.
    const tier = standing === UNHEARD ? heard?.tier : standing.account?.tier;
    const known = { ...request, tier: tier ? askedFor(tier, request.tier) : request.tier };
    const rejection = this.heard.rejection(subject, request.keyId, nowMs);
    if (rejection) return undecided(policy, known, rejection, "fallback");
    if (this.heard.isAlive(subject, Date.now())) return undecided(policy, known, "overloaded", "none");
    return this.#fallback.decide(policy, subject, known, standing, nowMs);
  }
}

async function answersTo(
  stub: UserLimiterStub,
  calls: readonly ReservationCall[],
  { revision }: Policy,
): Promise<readonly ReservationAnswer[]> {
  const answers = await stub.settle(calls, revision);
  if (answers.length !== calls.length)
    throw new Error(`the object sent ${answers.length} answers to ${calls.length} settlements`);
  return answers;
}
