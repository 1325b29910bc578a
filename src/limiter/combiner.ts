/**
 * Combines what an isolate asks of one object: while a call is under way, later requests put their question into a queue; who
 * called takes the whole queue in the next call, and so on until nobody waits, and leaves each answer in its slot (flat
 * combining, Hendler, Incze, Shavit and Tzafrir 2010). A lone request waits for nobody.
 *
 * Requests share plain data only: a promise of one that another awaited would hang when the first is cancelled. So each looks
 * into its own slot on its own timer, when by the last calls its answer should be there, with its own deadline. Whoever took
 * a queue and died leaves followers to their deadlines; the queue itself is free again when that call's time is over, for the
 * first who looks. A question is sent once at most, so nothing is charged twice.
 */
import { DeadlineExceeded, Stretch, withDeadline } from "../deadline.ts";
import type { WaitUntil } from "../wait-until.ts";

/** How often a waiting request looks into its slot at most. A timer costs some ten microseconds. */
const MIN_LOOK_MS = 1;
/** And at least: one slow call must not make the next ones late. */
const MAX_LOOK_MS = 20;
/** However many wait for one object, about this many of them check per millisecond. */
const LOOKS_PER_MS = 32;
/** An answer that is late is looked for after this part of what a call takes. */
const LATE_LOOK = 1 / 8;
/** Calls that one request makes one after the other are so far apart: one of many questions costs little more than one of few. */
const BETWEEN_MS = 1;
/**
 * A call with one question is overdue after this many times the usual duration of a call, but not before the first part of the deadline,
 * and after the second part at the latest. Then another call is sent beside it. If the client of a lone call leaves, the call is
 * cancelled unnoticed; with larger values, requests behind it would run out of time.
 */
const OVERDUE = 8;
const MIN_OVERDUE = 1 / 16;
const MAX_OVERDUE = 1 / 4;
/** How much of a call that took longer than the ones before it counts. One that was quicker counts at once. */
const SLOWER = 1 / 8;
/** Parts of the questions of one call; the rest goes into the next. A call of so many takes about a millisecond of the object. */
const MAX_PER_CALL = 256;
/** Calls that one request makes for others behind its own answer; then the first who looks goes on. */
const MAX_CALLS_FOR_OTHERS = 16;
/** Questions that may wait for one object. Further ones are not sent: {@link QueueFull}. */
const MAX_WAITING = 1_024;

/** Objects that something is under way for, before those left over by cancelled requests are swept. */
const MAX_LANES = 1_000;

/** Sends questions in one call; answers are in the same order. Rejects where there are none. */
export type Send<Q, A> = (questions: readonly Q[]) => Promise<readonly A[]>;

interface Waiter<Q, A> {
  readonly question: Q;
  /** When nobody waits for it any more. Later if the isolate is busy. */
  giveUpAtMs: number;
  state:
    | { readonly kind: "waiting" | "sent" }
    | { readonly kind: "answered"; readonly answer: A }
    | { readonly kind: "failed"; readonly fault: unknown };
}

/** What is under way for one object. */
interface Lane<Q, A> {
  queue: Waiter<Q, A>[];
  /** A call is under way until then, at the latest; 0: none is. */
  busyUntilMs: number;
  /** When the last call was sent. */
  sentAtMs: number;
  /** What a call takes, by the last ones; 0 where none is known. */
  callMs: number;
}

const WAITING = { kind: "waiting" } as const;
const SENT = { kind: "sent" } as const;

/** Sending failed for the one who sent: the followers learn it from their slots, and it is not theirs to count. */
export class CombinedCallFailed extends Error {
  override readonly name = "CombinedCallFailed";
}

/** More questions wait for the object than it can answer in time: this one was not sent. */
export class QueueFull extends Error {
  override readonly name = "QueueFull";
}

export class Combiner<Q, A> {
  readonly #deadlineMs: number;
  readonly #partsOf: (question: Q) => number;
  readonly #lanes = new Map<string, Lane<Q, A>>();

  /**
   * @param deadlineMs of one call, and of each request's wait.
   * @param partsOf how many parts a question has. One is never cut, however many it has.
   */
  constructor(deadlineMs: number, partsOf: (question: Q) => number = () => 1) {
    this.#deadlineMs = deadlineMs;
    this.#partsOf = partsOf;
  }

  /** Objects that something is under way for. */
  get size(): number {
    return this.#lanes.size;
  }

  /**
   * Asks one question of an object, with others' or alone. Rejects as `send` does if this request sent; with {@link CombinedCallFailed}
   * if another did; with {@link DeadlineExceeded} if no answer came in time; at once with {@link QueueFull}
   * if too many wait. `send` must end within the deadline. If others depend on it, or it may end after this wait, `waitUntil` keeps it
   * running.
   */
  async ask(name: string, question: Q, send: Send<Q, A>, waitUntil: WaitUntil): Promise<A> {
    const fromMs = Date.now();
    const slot: Waiter<Q, A> = { question, giveUpAtMs: fromMs + this.#deadlineMs, state: WAITING };
    const lane = this.#laneOf(name);
    if (lane.queue.length >= MAX_WAITING) throw new QueueFull(`${name}: too many wait already`);
    const stretch = new Stretch(this.#deadlineMs);
    let lateMs = 0;
    lane.queue.push(slot);
    for (;;) {
      if (slot.state.kind === "answered") return slot.state.answer;
      if (slot.state.kind === "failed") {
        throw new CombinedCallFailed("another request sent the call, and it failed", {
          cause: slot.state.fault,
        });
      }
      const nowMs = Date.now();
      if (nowMs >= slot.giveUpAtMs) {
        lane.queue = lane.queue.filter((other) => other !== slot);
        this.#drop(name, lane);
        throw new DeadlineExceeded(`${name}: no answer in ${this.#deadlineMs} ms`, stretch.wasBusy);
      }
      if (slot.state.kind === "waiting" && nowMs >= lane.busyUntilMs) {
        // Who has waited for a call that failed has less time left than his own may take.
        const hasWaited = nowMs > fromMs;
        const isAlone = lane.queue.every((other) => other === slot);
        const sent = this.#sendQueue(name, lane, slot, send, nowMs);
        if (hasWaited || !isAlone) waitUntil(sent.catch(() => undefined));
        await (hasWaited ? withDeadline(sent, slot.giveUpAtMs - nowMs, name) : sent);
        if (lane.queue.length > 0) waitUntil(this.#sendOthers(name, lane, send));
        continue;
      }
      const untilMs = untilAnswerMs(lane, slot, nowMs);
      // Waiters must not make a busy isolate busier.
      const lookMs = Math.min(Math.max(untilMs, lateMs), slot.giveUpAtMs - nowMs);
      await pause(lookMs);
      lateMs = stretch.after(nowMs, lookMs, Date.now());
      slot.giveUpAtMs += lateMs;
      // The next call may have skipped it, since its time seemed to be over.
      if (lateMs > 0 && slot.state.kind === "waiting" && !lane.queue.includes(slot)) lane.queue.push(slot);
    }
  }

  /** Sends what waits, `own` first. Rejects as `send` does. */
  async #sendQueue(
    name: string,
    lane: Lane<Q, A>,
    own: Waiter<Q, A> | null,
    send: Send<Q, A>,
    nowMs: number,
  ): Promise<void> {
    // Slots whose requests were cancelled are past their time: nobody would read the answer.
    const others = lane.queue.filter((slot) => slot !== own && slot.giveUpAtMs > nowMs);
    const waiting = own ? [own, ...others] : others;
    let taken = 0;
    let parts = 0;
    for (const { question } of waiting) {
      parts += this.#partsOf(question);
      if (taken > 0 && parts > MAX_PER_CALL) break;
      taken += 1;
    }
    const slots = waiting.slice(0, taken);
    lane.queue = waiting.slice(taken);
    if (slots.length === 0) return;
    // A lone request can be cancelled unnoticed; a second concurrent call is harmless.
    const overdueMs = Math.max(MIN_OVERDUE * this.#deadlineMs, OVERDUE * lane.callMs);
    const loneMs = Math.min(MAX_OVERDUE * this.#deadlineMs, overdueMs);
    const busyUntilMs = nowMs + (slots.length > 1 ? this.#deadlineMs : loneMs);
    lane.busyUntilMs = busyUntilMs;
    lane.sentAtMs = nowMs;
    for (const slot of slots) slot.state = SENT;
    try {
      const answers = await send(slots.map(({ question }) => question));
      slots.forEach((slot, i) => {
        const answer = answers[i];
        slot.state =
          answer === undefined
            ? { kind: "failed", fault: new Error("no answer to this question") }
            : { kind: "answered", answer };
      });
      const tookMs = Date.now() - nowMs;
      const isSlower = lane.callMs > 0 && tookMs > lane.callMs;
      lane.callMs = isSlower ? lane.callMs + SLOWER * (tookMs - lane.callMs) : tookMs;
    } catch (fault) {
      for (const slot of slots) slot.state = { kind: "failed", fault };
      throw fault;
    } finally {
      // Unless another is under way by now, since this one was overdue.
      if (lane.busyUntilMs === busyUntilMs) lane.busyUntilMs = 0;
      this.#drop(name, lane);
    }
  }

  /**
   * Goes on for those who came meanwhile, so that none of them has to find out that it may. Not after a call that failed: another
   * may fare better. Never rejects.
   */
  async #sendOthers(name: string, lane: Lane<Q, A>, send: Send<Q, A>): Promise<void> {
    try {
      for (let calls = 0; lane.queue.length > 0 && calls < MAX_CALLS_FOR_OTHERS; calls++) {
        await this.#rest(lane);
        const nowMs = Date.now();
        if (lane.queue.length === 0 || nowMs < lane.busyUntilMs) break;
        await this.#sendQueue(name, lane, null, send, nowMs);
      }
    } catch {
      // Whose questions they were has been told.
    }
    this.#drop(name, lane);
  }

  /** Keeps the lane until the next call may be sent. Should the one who waits die, another looks soon. */
  async #rest(lane: Lane<Q, A>): Promise<void> {
    const nowMs = Date.now();
    // No longer where the clock has stepped back.
    const restMs = Math.min(BETWEEN_MS, lane.sentAtMs + BETWEEN_MS - nowMs);
    if (restMs <= 0 || nowMs < lane.busyUntilMs) return;
    const untilMs = nowMs + restMs + MAX_LOOK_MS;
    lane.busyUntilMs = untilMs;
    await pause(restMs);
    if (lane.busyUntilMs === untilMs) lane.busyUntilMs = 0;
  }

  #laneOf(name: string): Lane<Q, A> {
    const known = this.#lanes.get(name);
    if (known) return known;
    if (this.#lanes.size >= MAX_LANES) this.#sweep();
    const lane: Lane<Q, A> = { queue: [], busyUntilMs: 0, sentAtMs: 0, callMs: 0 };
    this.#lanes.set(name, lane);
    return lane;
  }

  /** Forgets lanes whose requests were all cancelled: nobody else would. */
  #sweep(): void {
    const nowMs = Date.now();
    for (const [name, { queue, busyUntilMs }] of this.#lanes) {
      if (nowMs >= busyUntilMs && queue.every(({ giveUpAtMs }) => giveUpAtMs <= nowMs))
        this.#lanes.delete(name);
    }
  }

  /** Forgets a lane that nothing waits in. */
  #drop(name: string, lane: Lane<Q, A>): void {
    const isIdle = lane.queue.length === 0 && Date.now() >= lane.busyUntilMs;
    if (isIdle && this.#lanes.get(name) === lane) this.#lanes.delete(name);
  }
}

/**
 * How long until it is worth checking for an answer. A question that was sent is answered by this call, one that waits by the call that
 * has room for it. While the duration of a call is unknown, it is assumed to last a little longer than it has so far.
 */
function untilAnswerMs<Q, A>(lane: Lane<Q, A>, slot: Waiter<Q, A>, nowMs: number): number {
  const { queue, busyUntilMs, sentAtMs, callMs } = lane;
  const endsAtMs = sentAtMs + callMs;
  const isSent = slot.state.kind === "sent";
  const callsAhead =
    isSent || queue.length <= MAX_PER_CALL ? 0 : Math.floor(queue.indexOf(slot) / MAX_PER_CALL);
  const expectedAtMs = isSent ? endsAtMs : Math.max(nowMs, endsAtMs) + callMs * (1 + callsAhead);
  const lateMs = LATE_LOOK * Math.max(callMs, nowMs - sentAtMs);
  const lookMs = Math.max(expectedAtMs - nowMs, lateMs, MIN_LOOK_MS);
  // No answer comes before the calls ahead are done. A waiter may send when the current call is overdue.
  const overdueMs = isSent || busyUntilMs <= nowMs ? Infinity : busyUntilMs - nowMs;
  const mostMs = Math.min(overdueMs, Math.max(MAX_LOOK_MS, callMs * callsAhead));
  return Math.ceil(Math.max(Math.min(lookMs, mostMs), queue.length / LOOKS_PER_MS));
}

/** Half of what `scheduler.wait` costs. */
function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, ms);
  });
}
