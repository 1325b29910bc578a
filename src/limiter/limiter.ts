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
import type { UserLimiter } from "../../durable-objects/user-limiter.ts";
import type { Counter, MetricDeltas } from "../analytics/metrics/metric-deltas.ts";
import { DeadlineExceeded, Stretch } from "../deadline.ts";
import type { Decision, DecisionRequest, Hold } from "../core/decision.ts";
import { LEASE_MS } from "../core/lease.ts";
import { MILLI } from "../core/units.ts";
import type { Log } from "../log.ts";
import { LOGIN_TIER, type Policy, type Route } from "../policy/compile.ts";
import type { Account, KeyStanding } from "./account.ts";
import { Combiner, type Keep, QueueFull } from "./combiner.ts";
import { DenyCache, LONGEST_MS } from "./deny-cache.ts";
import { LocalFallback, undecided } from "./fallback.ts";
import { LastHeard, UNHEARD } from "./last-heard.ts";
import { Leases } from "./leases.ts";
import { type ObjectStub, ObjectClient } from "./object-client.ts";
import type { Answer, AnswerRun, Lease, Question, Settlement } from "./object-call.ts";
import { answersOf, questionRuns } from "./runs.ts";
import type { SpendableLease } from "./spendable-lease.ts";
import type { StatusRequest, UserStatus } from "./status.ts";

/** Decisions take a few milliseconds, some hundred across an ocean with a cold object. */
export const DEFAULT_DEADLINE_MS = 1_000;
/** A lease is settled so much after its end, to let the next one's call carry it. */
const SETTLE_AFTER_MS = 20;
/** After this long, a request without a place in the queue first checks whether the object is alive; then after twice as long each time. */
const FIRST_LOOK_MS = 50;

export class Limiter {
  readonly #client: ObjectClient;
  /** What one request asks goes in one call: several questions of a batch, or none if there is only something to settle. */
  readonly #combiner: Combiner<readonly Question[], readonly Answer[]>;
  /** Requests that ask the same share one answer. */
  readonly #statuses: Combiner<null, UserStatus>;
  readonly #standings: Combiner<null, KeyStanding>;
  readonly #leases: Leases;
  readonly #denials = new DenyCache();
  readonly #fallback = new LocalFallback();
  readonly #heard: LastHeard;
  readonly #hits: Readonly<Record<"lease" | "noLease" | "denial" | "noDenial", Counter>>;

  constructor(
    objects: DurableObjectNamespace<UserLimiter>,
    deadlineMs: number,
    log: Log,
    metrics: MetricDeltas,
  ) {
    this.#heard = new LastHeard(deadlineMs);
    this.#client = new ObjectClient(objects, deadlineMs, log, metrics, this.#heard);
    this.#combiner = new Combiner(deadlineMs, ({ length }) => length);
    this.#statuses = new Combiner(deadlineMs, () => 0);
    this.#standings = new Combiner(deadlineMs, () => 0);
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

  /** One decision. `nowMs` is the edge's clock; the object has its own. `keep` is the request's `waitUntil`. */
  decide(
    subject: string,
    request: DecisionRequest,
    policy: Policy,
    nowMs: number,
    keep: Keep,
  ): Decision | Promise<Decision> {
    // What must be remembered or must not be counted is the object's to decide, as are attempts to log in.
    const isPlain = !request.peek && request.idempotencyKey === null && request.tier !== LOGIN_TIER.name;
    if (!isPlain) return this.#ask(subject, request, 0, policy, nowMs, keep);
    const route = request.route === null ? null : policy.routes.byId(request.route);
    const costMilli = request.costMilli ?? route?.costMilli ?? MILLI;
    const lease = this.#leases.find(subject, request, route, nowMs);
    if (lease) {
      if (lease.isLow(nowMs)) this.#refresh(subject, request, lease, policy, nowMs, keep);
      if (lease.spend(request.route, costMilli)) {
        this.#hits.lease.add();
        return lease.decision(costMilli, nowMs);
      }
    }
    this.#hits.noLease.add();
    const denial = this.#denials.find(subject, request, costMilli, nowMs);
    (denial ? this.#hits.denial : this.#hits.noDenial).add();
    if (denial) {
      if (this.#leases.denied(subject, request, nowMs)) keep(this.#tellDenials(subject, policy, nowMs, keep));
      return denial;
    }
    const wantMilli = lease ? 0 : this.#firstMilli(subject, request, policy, route, nowMs);
    return this.#ask(subject, request, wantMilli, policy, nowMs, keep);
  }

  /** Decisions of one subject, in order and in one call. */
  async decideAll(
    subject: string,
    requests: readonly DecisionRequest[],
    policy: Policy,
    nowMs: number,
    keep: Keep,
  ): Promise<readonly Decision[]> {
    const [only, ...others] = requests;
    if (only && others.length === 0) return [await this.decide(subject, only, policy, nowMs, keep)];
    const questions = requests.map((request) => ({ request, decide: true, wantMilli: 0 }));
    const answers = await this.#combined(subject, questions, policy, keep);
    return requests.map((request, i) => {
      const decision = answers?.[i]?.decision;
      if (!decision) return this.#withoutObject(subject, request, policy, nowMs);
      this.#heard.note(subject, request.keyId, decision, nowMs);
      return decision;
    });
  }

  /** Gives slots back when their request has ended. Where the object does not answer they free themselves. */
  async release(subject: string, holds: readonly Hold[], nowMs: number): Promise<void> {
    await this.#client.call(subject, nowMs, async (stub) => {
      await stub.release(holds);
    });
  }

  /** A user's status; `overloaded` or null if the object does not answer, as {@link decide} would tell them apart. */
  async status(
    subject: string,
    request: StatusRequest,
    nowMs: number,
    keep: Keep,
  ): Promise<UserStatus | "overloaded" | null> {
    const { revision, tier, keyId } = request;
    const name = `${subject}\n${keyId ?? ""}\n${tier}\n${revision}`;
    const status = await this.#shared(this.#statuses, name, subject, (stub) => stub.status(request), keep);
    if (status) {
      if (status.kind === "status") this.#heard.noteRejection(subject, keyId, status.status, nowMs);
      else if (keyId !== null) this.#heard.noteStop(subject, keyId, nowMs, nowMs);
      return status;
    }
    return this.#heard.isAlive(subject, Date.now()) ? "overloaded" : null;
  }

  /**
   * Whether a key may be used by its account now. If the object fails, what this isolate last heard counts, and `good` if that is
   * nothing: KV vouches for the key, and a service that asks about other users does not fail because its own account's object does.
   */
  async keyStanding(
    subject: string,
    keyId: string,
    nowMs: number,
    keep: Keep,
  ): Promise<KeyStanding | "overloaded"> {
    const call = (stub: ObjectStub): Promise<KeyStanding> => stub.keyStanding(keyId);
    const standing = await this.#shared(this.#standings, `${subject}\n${keyId}`, subject, call, keep);
    if (standing) {
      this.#heard.noteRejection(subject, keyId, standing, nowMs);
      return standing;
    }
    const rejection = this.#heard.rejection(subject, keyId, nowMs);
    return rejection ?? (this.#heard.isAlive(subject, Date.now()) ? "overloaded" : "good");
  }

  /** Forgets what this isolate knows of a subject, since its account was changed here: its next request asks the object. */
  forget(subject: string, nowMs: number): void {
    this.#denials.forget(subject, nowMs);
    this.#leases.end(subject, nowMs);
  }

  /** Notes the account as its object has just reported it: this isolate uses it if the object fails. */
  heardAccount(subject: string, { tier, status, overrides }: Account, nowMs: number): void {
    this.#heard.answered(subject, nowMs);
    this.#heard.noteRejection(subject, null, status, nowMs);
    // Not an id that the object uses, so its next answer includes the standing.
    this.#heard.noteStanding(subject, { id: UNHEARD.id, account: { tier, overrides } }, nowMs);
  }

  /** Notes that a key stops at `atMs`, as its account's object has just said. */
  heardStop(subject: string, keyId: string, atMs: number, nowMs: number): void {
    this.#heard.noteStop(subject, keyId, atMs, nowMs);
  }

  /** Notes that there is no account any more, nor these keys of it. @param isLifted its block is lifted too. */
  heardDeleted(subject: string, keyIds: readonly string[], isLifted: boolean, nowMs: number): void {
    for (const keyId of keyIds) this.#heard.noteStop(subject, keyId, nowMs, nowMs);
    if (isLifted) this.#heard.noteRejection(subject, null, "allowed", nowMs);
    this.#heard.answered(subject, nowMs);
    this.#heard.noteStanding(subject, { id: UNHEARD.id, account: null }, nowMs);
  }

  /** Whether an object answers. */
  ping(): Promise<boolean> {
    return this.#client.ping();
  }

  /** A fresh stub: one that has thrown may be broken for good. */
  stub(subject: string): ObjectStub {
    return this.#client.stub(subject);
  }

  /** Asks the object, with others' questions or alone. */
  #ask(
    subject: string,
    request: DecisionRequest,
    wantMilli: number,
    policy: Policy,
    nowMs: number,
    keep: Keep,
  ): Promise<Decision> {
    const question = { request, decide: true, wantMilli };
    return this.#combined(subject, [question], policy, keep).then((answers) => {
      const answer = answers?.[0];
      if (!answer?.decision) return this.#withoutObject(subject, request, policy, nowMs);
      const { decision } = answer;
      this.#heard.note(subject, request.keyId, decision, nowMs);
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
    keep: Keep,
  ): void {
    if (lease.isRefreshed) return;
    lease.isRefreshed = true;
    const question = { request, decide: false, wantMilli: lease.nextMilli(nowMs) };
    keep(this.#combined(subject, [question], policy, keep));
  }

  /** Takes a lease into use, and sees to it that it is settled should no other follow. */
  #use(subject: string, lease: Lease, tier: string, policy: Policy, askedAtMs: number, keep: Keep): void {
    this.#leases.put(subject, lease, tier, policy, askedAtMs, Date.now());
    // Nothing else is heard of a user who goes from lease to lease.
    this.#heard.note(subject, lease.keyId, { tier: lease.tier, outcome: "allowed" }, askedAtMs);
    const settle = async (): Promise<void> => {
      await scheduler.wait(lease.forMs + SETTLE_AFTER_MS);
      const nowMs = Date.now();
      if (this.#leases.sweep(subject, nowMs)) await this.#combined(subject, [], policy, keep);
    };
    keep(settle());
  }

  /** Sees to it that repeated denials reach the ledger though the client goes away. One that goes on calls within that time. */
  async #tellDenials(subject: string, policy: Policy, fromMs: number, keep: Keep): Promise<void> {
    await scheduler.wait(LONGEST_MS + SETTLE_AFTER_MS);
    if (!this.#leases.owesDenialsSince(subject, fromMs)) return;
    await this.#combined(subject, [], policy, keep);
  }

  /** Null where the object does not answer in time. */
  #combined(
    subject: string,
    questions: readonly Question[],
    policy: Policy,
    keep: Keep,
  ): Promise<readonly Answer[] | null> {
    const send = (all: readonly (readonly Question[])[]) => this.#send(subject, all, policy, keep);
    return this.#combiner.ask(subject, questions, send, keep).catch((fault) => this.#missed(subject, fault));
  }

  /** One call at a time for all requests that ask the same. Null if the object does not answer in time. */
  #shared<T>(
    combiner: Combiner<null, T>,
    name: string,
    subject: string,
    call: (stub: ObjectStub) => Promise<T>,
    keep: Keep,
  ): Promise<T | null> {
    const send = async (asked: readonly null[]): Promise<readonly T[]> => {
      const called = await this.#client.call(subject, Date.now(), call);
      if (called.kind === "none") throw new Error("the object does not answer");
      return asked.map(() => called.value);
    };
    return combiner.ask(name, null, send, keep).catch((fault) => this.#missed(subject, fault));
  }

  /** Notes what a missing answer shows of the object. The request that sent the call has counted and logged why it failed. */
  async #missed(subject: string, fault: unknown): Promise<null> {
    if (fault instanceof DeadlineExceeded && fault.wasBusy) this.#heard.overloaded(subject, 0, Date.now());
    return fault instanceof QueueFull ? this.#untilHeard(subject) : null;
  }

  /** Waits until it is known whether the object is alive, a deadline at most. */
  async #untilHeard(subject: string): Promise<null> {
    const { deadlineMs } = this.#client;
    const stretch = new Stretch(deadlineMs);
    let leftMs = deadlineMs;
    for (let lookMs = FIRST_LOOK_MS; leftMs > 0; lookMs *= 2) {
      const fromMs = Date.now();
      if (this.#heard.isAlive(subject, fromMs)) return null;
      const waitMs = Math.min(lookMs, leftMs);
      await scheduler.wait(waitMs);
      const nowMs = Date.now();
      leftMs += stretch.after(fromMs, waitMs, nowMs) - Math.max(waitMs, nowMs - fromMs);
    }
    if (stretch.wasBusy) this.#heard.overloaded(subject, 0, Date.now());
    return null;
  }

  /** One call with the questions of several requests. @returns the answers of each. */
  #send(
    subject: string,
    asked: readonly (readonly Question[])[],
    policy: Policy,
    keep: Keep,
  ): Promise<readonly (readonly Answer[])[]> {
    const settlements = this.#leases.takeOwed(subject);
    const questions = asked.flat();
    const sent = this.#call(subject, settlements, questions, policy, keep);
    // What is settled or leased is to be accounted for though the request that asks has been cancelled.
    const isMoney = settlements.length > 0 || questions.some(({ wantMilli }) => wantMilli > 0);
    if (isMoney) keep(sent.catch(() => undefined));
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
    keep: Keep,
  ): Promise<readonly Answer[]> {
    // Not the request's: it may send for others long after it came.
    const nowMs = Date.now();
    const standingId = (this.#heard.latest(subject)?.standing ?? UNHEARD).id;
    const call = { settlements, questions: questionRuns(questions), standingId };
    const called = await this.#client.call(subject, nowMs, (stub) =>
      answersTo(stub.serve(call), questions.length),
    );
    if (called.kind === "none") {
      this.#leases.giveBack(subject, settlements, Date.now());
      throw new Error("the object does not answer");
    }
    const standing = called.value[0]?.standing;
    if (standing) this.#heard.noteStanding(subject, standing, nowMs);
    called.value.forEach(({ lease }, i) => {
      const tier = questions[i]?.request.tier;
      if (lease && tier !== undefined) this.#use(subject, lease, tier, policy, nowMs, keep);
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
    const heard = this.#heard.latest(subject);
    // A lone request now and then is cheaper to ask about than to lease for.
    if (!heard?.tier || nowMs - heard.atMs > LEASE_MS || heard.outcome !== "allowed") return 0;
    return policy.tiers.get(heard.tier)?.mode === "leased" ? this.#leases.firstMilli(request, route) : 0;
  }

  /** What this isolate decides by itself: what it last heard of the user applies, whatever the tier's failure policy. */
  #withoutObject(subject: string, request: DecisionRequest, policy: Policy, nowMs: number): Decision {
    const heard = this.#heard.remembered(subject, nowMs);
    const standing = heard?.standing ?? UNHEARD;
    // An object of an older version does not say what the account is: its last decision shows the tier.
    const tier = standing === UNHEARD ? heard?.tier : standing.account?.tier;
    const known = { ...request, tier: tier ?? request.tier };
    const rejection = this.#heard.rejection(subject, request.keyId, nowMs);
    if (rejection) return undecided(policy, known, rejection, "fallback");
    if (this.#heard.isAlive(subject, Date.now())) return undecided(policy, known, "overloaded", "none");
    return this.#fallback.decide(policy, subject, known, standing, nowMs);
  }
}

async function answersTo(serving: Promise<readonly AnswerRun[]>, count: number): Promise<readonly Answer[]> {
  const answers = answersOf(await serving);
  if (answers.length !== count) throw new Error("the object answered another question");
  return answers;
}
