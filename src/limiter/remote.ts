/**
 * Asks users' objects: the questions of one or several requests in one call, with what this isolate has to settle. Takes the leases
 * that come back into use.
 *
 * Never rejects: no answer is null. Never sends a question again that has no answer, so nothing is charged twice.
 */
import type { MetricDeltas } from "../analytics/metrics/metric-deltas.ts";
import { BoundedCache } from "../bounded-cache.ts";
import { MAX_STRETCH } from "../deadline.ts";
import { METER_GRACE_MS } from "../core/lease-book.ts";
import type { ObjectAnswer, RepeatedAnswer, Lease, Question, Settlement } from "../objects/object-call.ts";
import type { Policy } from "../policy/compile.ts";
import type { WaitUntil } from "../wait-until.ts";
import { Checkpoints } from "./checkpoints.ts";
import { Combiner } from "./combiner.ts";
import { type LastHeard, UNHEARD } from "./last-heard.ts";
import type { Leases } from "./leases.ts";
import { missedAnswer } from "./missed-answer.ts";
import type { SpendableLease } from "./spendable-lease.ts";
import type { ObjectClient } from "./object-client.ts";
import { expandAnswers, compactQuestions } from "./wire.ts";

/** A lease is settled this long after its end, so that the next lease's call can usually carry the settlement. */
export const SETTLE_AFTER_MS = 20;
/** After this time a settlement that did not arrive is sent again. The circuit of a failing object is open for as long. */
const SETTLE_AGAIN_MS = 1_000;
/** A settlement is sent again for as long as its object accepts it. */
const MAX_TRIES = METER_GRACE_MS / SETTLE_AGAIN_MS;
/**
 * An object that is called too often says how long to repeat its denials. Calls to it are sent at least this part of that time apart, so
 * that a user at a limit, whose requests must all ask, causes fewer.
 */
const PACE_SHARE = 1 / 5;
/**
 * Subjects whose settlements are sent again (of those beyond, several requests may do so), and with a lease that was given up and may
 * concern answers on their way.
 */
const SUBJECTS = 10_000;

/** The answers to a request's questions, in order, and the number of the call that brought them. */
export interface Answered {
  readonly answers: readonly ObjectAnswer[];
  readonly call: number;
}

export class RemoteDecisions {
  readonly #client: ObjectClient;
  readonly #heard: LastHeard;
  readonly #leases: Leases;
  /** A request's questions go in one call: several for a batch, none if there is only something to settle. */
  readonly #combiner: Combiner<readonly Question[], Answered>;
  readonly #checkpoints: Checkpoints;
  readonly #metrics: MetricDeltas;
  #calls = 0;
  /** The number of the last call that freed something of each subject's leases. */
  readonly #freed = new BoundedCache<number>(SUBJECTS);
  /** Subjects whose settlements are being sent again, and how often that may still fail. */
  readonly #settling = new BoundedCache<{ tries: number }>(SUBJECTS);

  constructor(client: ObjectClient, heard: LastHeard, leases: Leases, metrics: MetricDeltas) {
    this.#metrics = metrics;
    this.#client = client;
    this.#heard = heard;
    this.#leases = leases;
    this.#combiner = new Combiner(client.deadlineMs, ({ length }) => length);
    this.#checkpoints = new Checkpoints(heard, (subject) => this.#checkpoint(subject));
  }

  /** The object has state that it has not written exactly: asks it to, once its user pauses. */
  checkpointLater(subject: string, waitUntil: WaitUntil): void {
    this.#checkpoints.later(subject, waitUntil);
  }

  /** The answers in the order of the questions; null if the object does not answer in time. */
  ask(
    subject: string,
    questions: readonly Question[],
    policy: Policy,
    waitUntil: WaitUntil,
  ): Promise<Answered | null> {
    const send = (all: readonly (readonly Question[])[]) => this.#send(subject, all, policy, waitUntil);
    return this.#combiner.ask(subject, questions, send, waitUntil).then(
      (answered) => {
        // The request that sent the call may have been cancelled before it could note this.
        this.#heard.answered(subject, Date.now());
        return answered;
      },
      (fault) => missedAnswer(this.#heard, subject, fault, this.#client.deadlineMs),
    );
  }

  /**
   * Whether a request that was denied in this call may pass if it is asked about again, since this isolate frees something of its leases,
   * or has done so since. Gives up the leases that it holds of the subject.
   */
  mayPassNow(subject: string, call: number): boolean {
    return this.#leases.giveUp(subject) || (this.#freed.get(subject, Date.now()) ?? 0) > call;
  }

  /** @returns whether the object has answered. */
  async #checkpoint(subject: string): Promise<boolean> {
    this.#leases.sweep(subject, Date.now());
    const settlements = this.#take(subject);
    const called = await this.#client.call(subject, Date.now(), async (stub) => {
      await stub.serve({ settlements, questions: [], checkpoint: true });
    });
    if (called.kind === "answer") this.#leases.arrived(subject, settlements);
    else if (settlements.length > 0)
      await this.#failed(subject, settlements, () => this.#checkpoint(subject));
    return called.kind === "answer";
  }

  /** One call with the questions of several requests. @returns the answers of each request. */
  #send(
    subject: string,
    asked: readonly (readonly Question[])[],
    policy: Policy,
    waitUntil: WaitUntil,
  ): Promise<readonly Answered[]> {
    const call = ++this.#calls;
    // As long as a waiter may still learn of an answer from before.
    if (this.#leases.owesRest(subject))
      this.#freed.set(subject, call, Date.now() + 2 * this.#client.deadlineMs);
    const settlements = this.#take(subject);
    const questions = asked.flat();
    return this.#call(subject, settlements, questions, policy, waitUntil).then((answers) => {
      let from = 0;
      return asked.map(({ length }) => ({ answers: answers.slice(from, (from += length)), call }));
    });
  }

  /** Takes what is owed along with a call, which ends within its deadline, however busy this isolate is. */
  #take(subject: string): readonly Settlement[] {
    return this.#leases.takeOwed(subject, Date.now(), MAX_STRETCH * this.#client.deadlineMs);
  }

  /** Takes leases into use here: the requester may be gone, and an unclaimed lease is charged in full. */
  async #call(
    subject: string,
    settlements: readonly Settlement[],
    questions: readonly Question[],
    policy: Policy,
    waitUntil: WaitUntil,
  ): Promise<readonly ObjectAnswer[]> {
    // Not the request's time: a request may send for others long after it arrived.
    const nowMs = Date.now();
    const standingId = (this.#heard.latest(subject)?.standing ?? UNHEARD).id;
    const holdsLeases = policy.hasShadow && this.#leases.holdsRest(subject);
    const call = {
      settlements,
      questions: compactQuestions(questions),
      standingId,
      ...(holdsLeases ? { holdsLeases } : {}),
    };
    const called = await this.#client.call(subject, nowMs, (stub) =>
      answersTo(stub.serve(call), questions.length),
    );
    if (called.kind === "none") {
      const again = () => this.ask(subject, [], policy, waitUntil);
      if (settlements.length > 0) waitUntil(this.#failed(subject, settlements, again));
      throw new Error("the object does not answer");
    }
    this.#leases.arrived(subject, settlements);
    const [first] = called.value;
    this.#combiner.pace(subject, PACE_SHARE * (first?.repeatMs ?? 0));
    if (first?.standing) this.#heard.noteStanding(subject, first.standing, nowMs);
    if (first?.metrics !== undefined) this.#metrics.addFrom(first.metrics);
    if (first?.unwritten || settlements.length > 0) this.#checkpoints.later(subject, waitUntil);
    called.value.forEach(({ lease }, i) => {
      const tier = questions[i]?.request.tier;
      if (lease && tier !== undefined) this.#use(subject, lease, tier, policy, nowMs, waitUntil);
    });
    return called.value;
  }

  /** Takes a lease into use, and schedules its settlement in case no other lease follows. */
  #use(
    subject: string,
    lease: Lease,
    tier: string,
    policy: Policy,
    askedAtMs: number,
    waitUntil: WaitUntil,
  ): void {
    const held = this.#leases.put(subject, lease, tier, policy, askedAtMs, Date.now());
    // The only news of a user whose requests are all decided from leases.
    this.#heard.note(subject, lease.keyId, { tier: lease.tier, outcome: "allowed" }, askedAtMs);
    waitUntil(this.#settle(subject, held, policy, waitUntil));
  }

  /** Settles a lease when its time is over, and what else no other call has settled. */
  async #settle(subject: string, held: SpendableLease, policy: Policy, waitUntil: WaitUntil): Promise<void> {
    await scheduler.wait(held.lease.forMs + SETTLE_AFTER_MS);
    this.#leases.endOne(subject, held);
    // A call may have ended unnoticed, with the request that made it: then what it took along is sent again.
    const transitMs = this.#leases.inTransitMs(subject, Date.now());
    if (transitMs > 0) await scheduler.wait(transitMs);
    const send = () => this.ask(subject, [], policy, waitUntil);
    if (this.#leases.sweep(subject, Date.now()) && !(await send())) await this.#settleAgain(subject, send);
  }

  /** A call failed, so its settlements may not have arrived. While it lasted, no other work saw that they are owed. */
  #failed(subject: string, settlements: readonly Settlement[], send: () => Promise<unknown>): Promise<void> {
    const isFirst = this.#leases.giveBack(subject, settlements, Date.now());
    const settling = this.#settling.getStale(subject);
    if (isFirst && settling) settling.tries = MAX_TRIES;
    return this.#settleAgain(subject, send);
  }

  /** Sends settlements again until they arrive, unless other work for this subject does. */
  async #settleAgain(subject: string, send: () => Promise<unknown>): Promise<void> {
    if (this.#settling.get(subject, Date.now())) return;
    const settling = { tries: MAX_TRIES };
    for (; settling.tries > 0; settling.tries--) {
      // If this work is cancelled, a later call that fails takes over.
      const untilMs = Date.now() + 2 * (SETTLE_AGAIN_MS + this.#client.deadlineMs);
      this.#settling.set(subject, settling, untilMs);
      await scheduler.wait(SETTLE_AGAIN_MS);
      // A lease that is still being spent is settled at its end, with all that is owed.
      if (!this.#leases.sweep(subject, Date.now()) || (await send())) break;
    }
    this.#settling.delete(subject);
  }
}

async function answersTo(
  serving: Promise<readonly RepeatedAnswer[]>,
  count: number,
): Promise<readonly ObjectAnswer[]> {
  const answers = expandAnswers(await serving);
  if (answers.length !== count)
    throw new Error(`the object sent ${answers.length} answers to ${count} questions`);
  return answers;
}
