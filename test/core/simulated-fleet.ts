/**
 * Many isolates that lease from one user's object over a network that delays and loses calls, each with its own clock.
 *
 * The parts are real: the isolate's leases, the object's lease desk, counters and lease book. Only time and network are
 * simulated. Logs what was admitted and metered, for a test to check; asserts nothing itself.
 */
import { Counters } from "../../durable-objects/user-limiter/counters.ts";
import { type Books, lend } from "../../durable-objects/user-limiter/lease-desk.ts";
import { chargeExpired, settle } from "../../durable-objects/user-limiter/lease-settlement.ts";
import { MetricDeltas } from "../../src/analytics/metrics/metric-deltas.ts";
import type { DecisionRequest } from "../../src/core/decision.ts";
import { FLOOR_HOLD_MS, headroomMilli } from "../../src/core/headroom.ts";
import { LeaseBook, NO_LEASES, type StoredLeases } from "../../src/core/lease-book.ts";
import { decidePlan } from "../../src/core/plan.ts";
import { Leases } from "../../src/limiter/leases.ts";
import type { Lease, Question, Settlement } from "../../src/objects/object-call.ts";
import { chargesFor } from "../../src/policy/charges.ts";
import { type Policy, tierOf } from "../../src/policy/compile.ts";
import type { Admission } from "./window-bound.ts";

const SUBJECT = "user:simulated";
/** How long after its end a lease is settled, as in remote.ts. */
const SETTLE_AFTER_MS = 20;
/** What a call took along is sent again after this time. */
const WITHIN_MS = 3_000;
/** Questions that an isolate queues for one call, as in combiner.ts. */
const MAX_PER_CALL = 256;

/** What happens to a call: it arrives and is answered, it never arrives, or its answer is lost. */
export type Fate = "answered" | "lost" | "unanswered";

export interface Travel {
  readonly upMs: number;
  readonly downMs: number;
  readonly fate: Fate;
}

export interface Arrival extends Travel {
  readonly kind: "request";
  readonly afterMs: number;
  readonly isolate: number;
  readonly costMilli: number;
  /** Undefined: without a key. */
  readonly keyId?: string;
}

/** An isolate dies with its memory, or the object dies and restarts from storage. */
export interface Accident {
  readonly kind: "isolate-dies" | "object-restarts";
  readonly afterMs: number;
  readonly isolate: number;
}

interface Answer {
  readonly decision: { readonly allowed: boolean } | null;
  lease: Lease | null;
}

/** The object's side. Its storage is what was last written. */
class SimulatedUser {
  #metered = { requests: 0, costMilli: 0 };
  readonly #policy: Policy;
  #stored = {
    counters: {} as ReturnType<Counters["stored"]>,
    leases: NO_LEASES as StoredLeases,
    coversUntilMs: 0,
    metered: this.#metered,
  };
  #lives = 0;
  #deniedAtMs = -Infinity;
  #books: Books;

  constructor(policy: Policy) {
    this.#policy = policy;
    this.#books = this.#fromStorage(0);
  }

  get metered(): { readonly requests: number; readonly costMilli: number } {
    return this.#metered;
  }

  restart(nowMs: number): void {
    this.#books = this.#fromStorage(nowMs);
  }

  serve(settlements: readonly Settlement[], questions: readonly Question[], nowMs: number): Answer[] {
    const books = this.#books;
    chargeExpired(books, this.#policy, nowMs);
    for (const settlement of settlements) settle(books, this.#policy, settlement, nowMs);
    const answers = questions.map(({ request, decide }): Answer => {
      if (!decide) return { decision: null, lease: null };
      const { costMilli, keyId } = request;
      const charges = chargesFor(tierOf(this.#policy, "leased"), null, keyId);
      const plan = decidePlan(charges, books.counters.live, costMilli ?? 0, nowMs, books.leases);
      const { allowed } = plan;
      if (allowed) {
        books.counters.spend(charges, plan, costMilli ?? 0, false);
        const usage = { requests: 1, costMilli: costMilli ?? 0, denied: 0 };
        books.ledger.add(nowMs, { route: "", keyId: "", ...usage });
      } else this.#deniedAtMs = nowMs;
      return { decision: { allowed }, lease: null };
    });
    lend(books, this.#policy, questions, answers, nowMs);
    if (this.#isWriteDue(nowMs)) this.#write(nowMs);
    return answers;
  }

  /** As Memory.isWriteDue. */
  #isWriteDue(nowMs: number): boolean {
    const { counters, leases } = this.#books;
    const { metered, coversUntilMs } = this.#stored;
    const charges = chargesFor(tierOf(this.#policy, "leased"), null, null);
    const isDue =
      this.#metered.costMilli - metered.costMilli > headroomMilli(charges) ||
      leases.unwrittenUntilMs > coversUntilMs;
    return counters.secure(leases, isDue, nowMs);
  }

  #write(nowMs: number): void {
    const { counters, leases } = this.#books;
    this.#stored = {
      counters: counters.stored(),
      leases: leases.write(nowMs),
      coversUntilMs: nowMs + FLOOR_HOLD_MS,
      metered: this.#metered,
    };
  }

  #fromStorage(nowMs: number): Books {
    this.#metered = this.#stored.metered;
    this.#lives += 1;
    const deniedAtMs = (): number => this.#deniedAtMs;
    return {
      get deniedAtMs() {
        return deniedAtMs();
      },
      adoptPolicy: () => undefined,
      unchangedUntilMs: (_policy, untilMs) => untilMs,
      relyOn: () => undefined,
      recover: () => undefined,
      isOverdue: () => false,
      accounts: { account: null, status: "active", adjust: (tier) => tier, changesAtMs: () => Infinity },
      counters: new Counters(this.#stored.counters, nowMs),
      keys: { isValid: () => true, originOf: (keyId) => keyId, stopsAtMs: () => Infinity },
      leases: new LeaseBook(this.#stored.leases, `life${this.#lives}`, nowMs),
      ledger: {
        add: (_atMs, cell) => {
          const { requests, costMilli } = this.#metered;
          this.#metered = { requests: requests + cell.requests, costMilli: costMilli + cell.costMilli };
          return false;
        },
        lose: () => undefined,
        withdraw: () => undefined,
      },
      needsCheckpoint: false,
    };
  }
}

/** A question in the queue; null: only settlements. */
interface Waiting {
  readonly question: Question | null;
  readonly travel: Travel;
}

interface SimulatedIsolate {
  readonly leases: Leases;
  heardAtMs: number;
  readonly life: number;
  /** Later questions wait until then, or until the current call ends. */
  busyUntilMs: number;
  readonly waiting: Waiting[];
}

function newIsolate(life: number): SimulatedIsolate {
  return { leases: new Leases(new MetricDeltas()), heardAtMs: -Infinity, life, busyUntilMs: 0, waiting: [] };
}

/** The whole fleet, run event by event in the order of real time. */
export class SimulatedFleet {
  readonly admitted: Admission[] = [];
  /** Calls that reached the object. */
  calls = 0;
  /** Requests that were admitted under a lease. */
  byLease = 0;
  readonly #user: SimulatedUser;
  readonly #policy: Policy;
  readonly #skewsMs: readonly number[];
  readonly #combines: boolean;
  readonly #overdueMs: number;
  readonly #isolates: SimulatedIsolate[];
  readonly #due: { atMs: number; run: (nowMs: number) => void }[] = [];

  /**
   * @param skewsMs how far each isolate's clock is off.
   * @param combines whether an isolate queues its questions during a call and sends them in one.
   * @param overdueMs after which a call with one question no longer holds others back.
   */
  constructor(policy: Policy, skewsMs: readonly number[], combines = false, overdueMs = Infinity) {
    this.#policy = policy;
    this.#combines = combines;
    this.#overdueMs = overdueMs;
    this.#user = new SimulatedUser(policy);
    this.#skewsMs = skewsMs;
    this.#isolates = skewsMs.map(() => newIsolate(0));
  }

  get metered(): { readonly requests: number; readonly costMilli: number } {
    return this.#user.metered;
  }

  /** Runs the events, each this long after the previous one, then what they have scheduled. */
  run(startMs: number, events: Iterable<Arrival | Accident>): void {
    let atMs = startMs;
    for (const event of events) {
      atMs += event.afterMs;
      this.#runDue(atMs);
      this.#happen(event, atMs);
    }
    this.#runDue(Infinity);
  }

  #runDue(untilMs: number): void {
    for (let next = this.#due[0]; next && next.atMs <= untilMs; next = this.#due[0]) {
      this.#due.shift();
      next.run(next.atMs);
    }
  }

  #happen(event: Arrival | Accident, nowMs: number): void {
    const isolate = event.isolate % this.#isolates.length;
    switch (event.kind) {
      case "object-restarts":
        this.#user.restart(nowMs);
        return;
      case "isolate-dies": {
        const life = (this.#isolates[isolate]?.life ?? 0) + 1;
        this.#isolates[isolate] = newIsolate(life);
        return;
      }
      case "request":
        this.#request(isolate, event, nowMs);
    }
  }

  /** As Limiter.decide does it. */
  #request(index: number, { costMilli, keyId, ...travel }: Arrival, nowMs: number): void {
    const isolate = this.#isolates[index]!;
    const localMs = nowMs + this.#skewsMs[index]!;
    const request: DecisionRequest = {
      revision: this.#policy.revision,
      tier: "leased",
      route: null,
      costMilli,
      keyId: keyId ?? null,
      peek: false,
      idempotencyKey: null,
    };
    const lease = isolate.leases.find(SUBJECT, request, null, localMs);
    if (lease) {
      if (lease.isLow(localMs, costMilli) && !lease.isRefreshed) {
        lease.isRefreshed = true;
        const wantMilli = lease.nextMilli(localMs, costMilli);
        if (wantMilli > 0) this.#ask(index, { request, decide: false, wantMilli }, travel, nowMs);
      }
      if (lease.spend(null, costMilli)) {
        this.admitted.push({ atMs: nowMs, costMilli });
        this.byLease += 1;
        return;
      }
    }
    const wantMilli = lease || localMs - isolate.heardAtMs > 250 ? 0 : isolate.leases.firstMilli(costMilli);
    this.#ask(index, { request, decide: true, wantMilli }, travel, nowMs);
  }

  /** As Combiner does it. */
  #ask(index: number, question: Question | null, travel: Travel, nowMs: number): void {
    this.#isolates[index]!.waiting.push({ question, travel });
    this.#sendWaiting(index, nowMs);
  }

  #sendWaiting(index: number, nowMs: number): void {
    const isolate = this.#isolates[index]!;
    if (nowMs < isolate.busyUntilMs) return;
    const sent = isolate.waiting.splice(0, MAX_PER_CALL);
    const [first] = sent;
    if (!first) return;
    const questions = sent.map(({ question }) => question).filter((question) => question !== null);
    if (!this.#combines) {
      this.#call(index, questions, first.travel, nowMs, () => {});
      return;
    }
    const busyUntilMs = sent.length > 1 ? Infinity : nowMs + this.#overdueMs;
    isolate.busyUntilMs = busyUntilMs;
    if (busyUntilMs < Infinity) this.#at(busyUntilMs, (laterMs) => this.#sendWaiting(index, laterMs));
    this.#call(index, questions, first.travel, nowMs, (overMs) => {
      // Unless another call is in progress, since this one was overdue.
      if (isolate.busyUntilMs === busyUntilMs) isolate.busyUntilMs = 0;
      this.#sendWaiting(index, overMs);
    });
  }

  #call(
    index: number,
    questions: readonly Question[],
    { upMs, downMs, fate }: Travel,
    nowMs: number,
    over: (nowMs: number) => void,
  ): void {
    const isolate = this.#isolates[index]!;
    const skewMs = this.#skewsMs[index]!;
    const settlements = isolate.leases.takeOwed(SUBJECT, nowMs + skewMs, WITHIN_MS);
    const giveBack = (): boolean => isolate.leases.giveBack(SUBJECT, settlements, nowMs + skewMs);
    if (fate === "lost") {
      giveBack();
      over(nowMs);
      return;
    }
    this.#at(nowMs + upMs, (thereMs) => {
      this.calls += 1;
      const answers = this.#user.serve(settlements, questions, thereMs);
      questions.forEach(({ request }, i) => {
        if (answers[i]?.decision?.allowed) {
          this.admitted.push({ atMs: thereMs, costMilli: request.costMilli ?? 0 });
        }
      });
      this.#at(thereMs + downMs, (backMs) => {
        // An isolate that has died meanwhile receives nothing.
        if (this.#isolates[index]?.life !== isolate.life) return;
        if (fate === "unanswered") giveBack();
        else {
          isolate.leases.arrived(SUBJECT, settlements);
          if (questions.some((question) => question.decide)) isolate.heardAtMs = backMs + skewMs;
          for (const { lease } of answers) if (lease) this.#use(index, lease, nowMs, backMs);
        }
        over(backMs);
      });
    });
  }

  #use(index: number, lease: Lease, askedAtMs: number, nowMs: number): void {
    const isolate = this.#isolates[index]!;
    const skewMs = this.#skewsMs[index]!;
    isolate.leases.put(SUBJECT, lease, "leased", this.#policy, askedAtMs + skewMs, nowMs + skewMs);
    this.#at(nowMs + lease.forMs + SETTLE_AFTER_MS, (laterMs) => {
      if (this.#isolates[index]?.life !== isolate.life) return;
      if (isolate.leases.sweep(SUBJECT, laterMs + skewMs)) {
        this.#ask(index, null, { upMs: 1, downMs: 1, fate: "answered" }, laterMs);
      }
    });
  }

  #at(atMs: number, run: (nowMs: number) => void): void {
    // Ordered by time, then by scheduling.
    let i = this.#due.length;
    while (i > 0 && (this.#due[i - 1]?.atMs ?? 0) > atMs) i -= 1;
    this.#due.splice(i, 0, { atMs, run });
  }
}
