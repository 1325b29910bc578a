/**
 * The edge's side of the limiter. A request is decided by the first of these that can:
 * - a lease that this isolate holds for the user: no call (leases.ts);
 * - a denial that still holds: no call (deny-cache.ts);
 * - the user's object, asked together with whoever else asks it at the moment (combiner.ts);
 * - the tier's failure policy if the object fails (fallback.ts). An object that is alive and is not reached in time has not
 *   failed: the user sends more than it can take, and the request is rejected as `overloaded`.
 *
 * Never throws: a decision always comes back.
 */
import type { Counter, MetricDeltas } from "../analytics/metrics/metric-deltas.ts";
import type { Decision, DecisionRequest, Hold } from "../core/decision.ts";
import { LEASE_MS } from "../core/lease.ts";
import { MILLI } from "../core/units.ts";
import type { Log } from "../log.ts";
import type { Policy } from "../policy/compile.ts";
import { LOGIN_TIER } from "../policy/built-in-tiers.ts";
import type { Route } from "../policy/compiled.ts";
import { AccountQueries } from "./account-queries.ts";
import type { WaitUntil } from "../wait-until.ts";
import { Combiner } from "./combiner.ts";
import { DenyCache, LONGEST_MS } from "./deny-cache.ts";
import { LocalFallback, undecided } from "./fallback.ts";
import { LastHeard, UNHEARD } from "./last-heard.ts";
import { Leases } from "./leases.ts";
import { missedAnswer } from "./missed-answer.ts";
import type { UserLimiterNamespace, UserLimiterStub } from "../objects/user-limiter.ts";
import { ObjectClient } from "./object-client.ts";
import type { Answer, AnswerRun, Lease, Question, Settlement } from "../objects/object-call.ts";
import { answersOf, questionRuns } from "./wire.ts";
import type { SpendableLease } from "./spendable-lease.ts";

/** Decisions take a few milliseconds, some hundred across an ocean with a cold object. */
export const DEFAULT_DEADLINE_MS = 1_000;
/** A lease is settled so much after its end, to let the next one's call carry it. */
const SETTLE_AFTER_MS = 20;
export class Limiter {
  /** What else is asked of users' objects. */
  readonly accounts: AccountQueries;
  /** What was last heard of users: this isolate goes by it if their objects fail. */
  readonly heard: LastHeard;
  readonly #client: ObjectClient;
  /** What one request asks goes in one call: several questions of a batch, or none if there is only something to settle. */
  readonly #combiner: Combiner<readonly Question[], readonly Answer[]>;
  readonly #leases: Leases;
  readonly #denials = new DenyCache();
  readonly #fallback = new LocalFallback();
  readonly #hits: Readonly<Record<"lease" | "noLease" | "denial" | "noDenial", Counter>>;

  constructor(objects: UserLimiterNamespace, deadlineMs: number, log: Log, metrics: MetricDeltas) {
    this.heard = new LastHeard(deadlineMs);
    this.#client = new ObjectClient(objects, deadlineMs, log, metrics, this.heard);
    this.#combiner = new Combiner(deadlineMs, ({ length }) => length);
    this.accounts = new AccountQueries(this.#client, this.heard);
    this.#leases = new Leases(metrics);
    this.#hits = {
      lease: metrics.counter("cache", ["leases", "hit"]),
      noLease: metrics.counter("cache", ["leases", "miss"]),
      denial: metrics.counter("cache", ["denials", "hit"]),
      noDenial: metrics.counter("cache", ["denials", "miss"]),
    };
  }

  /** Whether calls to objects in general are being held back. */
  get isCircuitOpen(): boolean {
    return this.#client.isCircuitOpen;
  }

  /** One decision. `nowMs` is the edge's clock; the object has its own. */
  decide(
    subject: string,
    request: DecisionRequest,
    policy: Policy,
    nowMs: number,
    waitUntil: WaitUntil,
  ): Decision | Promise<Decision> {
    // What must be remembered or must not be counted is the object's to decide, as are attempts to log in.
    const isPlain = !request.peek && request.idempotencyKey === null && request.tier !== LOGIN_TIER.name;
    if (!isPlain) return this.#ask(subject, request, 0, policy, nowMs, waitUntil);
    const route = request.route === null ? null : policy.routes.byId(request.route);
    const costMilli = request.costMilli ?? route?.costMilli ?? MILLI;
    const lease = this.#leases.find(subject, request, route, nowMs);
    if (lease) {
      if (lease.isLow(nowMs)) this.#refresh(subject, request, lease, policy, nowMs, waitUntil);
      if (lease.spend(request.route, costMilli)) {
        this.#hits.lease.add();
        return lease.decision(costMilli, nowMs);
      }
    }
    this.#hits.noLease.add();
    const denial = this.#denials.find(subject, request, costMilli, nowMs);
    (denial ? this.#hits.denial : this.#hits.noDenial).add();
    if (denial) {
      if (this.#leases.denied(subject, request, nowMs))
        waitUntil(this.#tellDenials(subject, policy, nowMs, waitUntil));
      return denial;
    }
    const wantMilli = lease ? 0 : this.#firstMilli(subject, request, policy, route, nowMs);
    return this.#ask(subject, request, wantMilli, policy, nowMs, waitUntil);
  }

  /** Decisions of one subject, in order and in one call. */
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
    const answers = await this.#combined(subject, questions, policy, waitUntil);
    return requests.map((request, i) => {
      const decision = answers?.[i]?.decision;
      if (!decision) return this.#withoutObject(subject, request, policy, nowMs);
      this.heard.note(subject, request.keyId, decision, nowMs);
      return decision;
    });
  }

  /** Gives slots back when their request has ended. Where the object does not answer they free themselves. */
  async release(subject: string, holds: readonly Hold[], nowMs: number): Promise<void> {
    await this.#client.call(subject, nowMs, async (stub) => {
      await stub.release(holds);
    });
  }

  /** Forgets what this isolate knows of a subject, since its account was changed here: its next request asks the object. */
  forget(subject: string, nowMs: number): void {
    this.#denials.forget(subject, nowMs);
    this.#leases.end(subject, nowMs);
  }

  /** Whether an object answers. */
  ping(): Promise<boolean> {
    return this.#client.ping();
  }

  /** A fresh stub: one that has thrown may be broken for good. */
  stub(subject: string): UserLimiterStub {
    return this.#client.stub(subject);
  }

  /** Asks the object, with others' questions or alone. */
  #ask(
    subject: string,
    request: DecisionRequest,
    wantMilli: number,
    policy: Policy,
    nowMs: number,
    waitUntil: WaitUntil,
  ): Promise<Decision> {
    const question = { request, decide: true, wantMilli };
    return this.#combined(subject, [question], policy, waitUntil).then((answers) => {
      const answer = answers?.[0];
      if (!answer?.decision) return this.#withoutObject(subject, request, policy, nowMs);
      const { decision } = answer;
      this.heard.note(subject, request.keyId, decision, nowMs);
      this.#denials.note(subject, request, decision, nowMs);
      return decision;
    });
  }

  /** Asks for the lease after this one, while this one still lasts. */
  #refresh(
    subject: string,
    request: DecisionRequest,
    lease: SpendableLease,
    policy: Policy,
    nowMs: number,
    waitUntil: WaitUntil,
  ): void {
    if (lease.isRefreshed) return;
    lease.isRefreshed = true;
    const question = { request, decide: false, wantMilli: lease.nextMilli(nowMs) };
    waitUntil(this.#combined(subject, [question], policy, waitUntil));
  }

  /** Takes a lease into use, and sees to it that it is settled should no other follow. */
  #use(
    subject: string,
    lease: Lease,
    tier: string,
    policy: Policy,
    askedAtMs: number,
    waitUntil: WaitUntil,
  ): void {
    this.#leases.put(subject, lease, tier, policy, askedAtMs, Date.now());
    // Nothing else is heard of a user who goes from lease to lease.
    this.heard.note(subject, lease.keyId, { tier: lease.tier, outcome: "allowed" }, askedAtMs);
    const settle = async (): Promise<void> => {
      await scheduler.wait(lease.forMs + SETTLE_AFTER_MS);
      const nowMs = Date.now();
      if (this.#leases.sweep(subject, nowMs)) await this.#combined(subject, [], policy, waitUntil);
    };
    waitUntil(settle());
  }

  /** Sees to it that repeated denials reach the ledger though the client goes away. One that goes on calls within that time. */
  async #tellDenials(subject: string, policy: Policy, fromMs: number, waitUntil: WaitUntil): Promise<void> {
    await scheduler.wait(LONGEST_MS + SETTLE_AFTER_MS);
    if (!this.#leases.owesDenialsSince(subject, fromMs)) return;
    await this.#combined(subject, [], policy, waitUntil);
  }

  /** Null where the object does not answer in time. */
  #combined(
    subject: string,
    questions: readonly Question[],
    policy: Policy,
    waitUntil: WaitUntil,
  ): Promise<readonly Answer[] | null> {
    const send = (all: readonly (readonly Question[])[]) => this.#send(subject, all, policy, waitUntil);
    return this.#combiner
      .ask(subject, questions, send, waitUntil)
      .catch((fault) => missedAnswer(this.heard, subject, fault, this.#client.deadlineMs));
  }

  /** One call with the questions of several requests. @returns the answers of each. */
  #send(
    subject: string,
    asked: readonly (readonly Question[])[],
    policy: Policy,
    waitUntil: WaitUntil,
  ): Promise<readonly (readonly Answer[])[]> {
    const settlements = this.#leases.takeOwed(subject);
    const questions = asked.flat();
    const sent = this.#call(subject, settlements, questions, policy, waitUntil);
    // What is settled or leased is to be accounted for though the request that asks has been cancelled.
    const isMoney = settlements.length > 0 || questions.some(({ wantMilli }) => wantMilli > 0);
    if (isMoney) waitUntil(sent.catch(() => undefined));
    return sent.then((answers) => {
      let from = 0;
      return asked.map(({ length }) => answers.slice(from, (from += length)));
    });
  }

  /** Leases are taken into use here: whoever asked may be gone, and what nobody takes is charged in full. */
  async #call(
    subject: string,
    settlements: readonly Settlement[],
    questions: readonly Question[],
    policy: Policy,
    waitUntil: WaitUntil,
  ): Promise<readonly Answer[]> {
    // Not the request's: it may send for others long after it came.
    const nowMs = Date.now();
    const standingId = (this.heard.latest(subject)?.standing ?? UNHEARD).id;
    const call = { settlements, questions: questionRuns(questions), standingId };
    const called = await this.#client.call(subject, nowMs, (stub) =>
      answersTo(stub.serve(call), questions.length),
    );
    if (called.kind === "none") {
      this.#leases.giveBack(subject, settlements, Date.now());
      throw new Error("the object does not answer");
    }
    const standing = called.value[0]?.standing;
    if (standing) this.heard.noteStanding(subject, standing, nowMs);
    called.value.forEach(({ lease }, i) => {
      const tier = questions[i]?.request.tier;
      if (lease && tier !== undefined) this.#use(subject, lease, tier, policy, nowMs, waitUntil);
    });
    return called.value;
  }

  #firstMilli(
    subject: string,
    request: DecisionRequest,
    policy: Policy,
    route: Route | null,
    nowMs: number,
  ): number {
    const heard = this.heard.latest(subject);
    // A lone request now and then is cheaper to ask about than to lease for.
    if (!heard?.tier || nowMs - heard.atMs > LEASE_MS || heard.outcome !== "allowed") return 0;
    return policy.tiers.get(heard.tier)?.mode === "leased" ? this.#leases.firstMilli(request, route) : 0;
  }

  /** What this isolate decides by itself: what it last heard of the user applies, whatever the tier's failure policy. */
  #withoutObject(subject: string, request: DecisionRequest, policy: Policy, nowMs: number): Decision {
    const heard = this.heard.remembered(subject, nowMs);
    const standing = heard?.standing ?? UNHEARD;
    // An object of an older version does not say what the account is: its last decision shows the tier.
    const tier = standing === UNHEARD ? heard?.tier : standing.account?.tier;
    const known = { ...request, tier: tier ?? request.tier };
    const rejection = this.heard.rejection(subject, request.keyId, nowMs);
    if (rejection) return undecided(policy, known, rejection, "fallback");
    if (this.heard.isAlive(subject, Date.now())) return undecided(policy, known, "overloaded", "none");
    return this.#fallback.decide(policy, subject, known, standing, nowMs);
  }
}

async function answersTo(serving: Promise<readonly AnswerRun[]>, count: number): Promise<readonly Answer[]> {
  const answers = answersOf(await serving);
  if (answers.length !== count) throw new Error("the object answered another question");
  return answers;
}
