/**
 * Combines the questions of an isolate to one object. While a call is in progress, later requests queue their questions. The request that
 * made the call sends the whole queue in the next call, and so on until the queue is empty, and leaves each answer in its waiter's state
 * (flat combining, Hendler, Incze, Shavit and Tzafrir 2010). A lone request does not wait.
 *
 * Requests share only plain data: if one awaited another's promise, it would hang when the other is cancelled. So each request checks its
 * own state on its own timer, when its answer is due by the duration of recent calls, and has its own deadline. A question is sent at most
 * once, so nothing is charged twice.
 *
 * `waitUntil` keeps every call running: a client that leaves takes no answer along, neither of those in its call nor the sign that the
 * object is alive. If the runtime ends a call nevertheless, as it does at the end of an isolate, the others in it run into their deadlines;
 * the lane is free again when that call's time is over, and the first waiter that checks uses it.
 */
import { DeadlineExceeded, MAX_STRETCH, Stretch, withDeadline } from "../deadline.ts";
import type { WaitUntil } from "../wait-until.ts";
import {
  BETWEEN_MS,
  type Failed,
  freeAtMs,
  type Lane,
  MAX_LOOK_MS,
  MAX_PER_CALL,
  MIN_LOOK_MS,
  untilAnswerMs,
  type Waiter,
} from "./lane.ts";

/**
 * A call with one question is overdue after this many times the usual duration of a call: not before the first part of the deadline, and
 * at the latest after the second. Then another call is sent concurrently, so that one slow answer takes no time from the requests queued
 * behind it.
 */
const OVERDUE = 8;
const MIN_OVERDUE = 1 / 16;
const MAX_OVERDUE = 1 / 4;
/** Weight of a call that took longer than the usual duration. A shorter duration is adopted at once. */
const SLOWER = 1 / 8;
/** Calls that one request makes for others after its own answer; then the first waiter that checks takes over. */
const MAX_CALLS_FOR_OTHERS = 16;
/** For so long after its client has left, or its response has ended, the runtime keeps a request's work running. */
const KEPT_MS = 30_000;
/** Questions that may wait for one object. Further ones are rejected with {@link QueueFull}. */
const MAX_WAITING = 1_024;

/** Lanes before those that cancelled requests left behind are swept. */
const MAX_LANES = 1_000;

/** Sends questions in one call; the answers are in the same order. Rejects if there are none. */
export type Send<Q, A> = (questions: readonly Q[]) => Promise<readonly A[]>;

const WAITING = { kind: "waiting" } as const;
const SENT = { kind: "sent" } as const;

/** The call of another request failed. That request counts the failure, not this one. */
export class CombinedCallFailed extends Error {
  override readonly name = "CombinedCallFailed";
}

/** More questions wait for the object than it can answer in time. This one was not sent. */
export class QueueFull extends Error {
  override readonly name = "QueueFull";
}

export class Combiner<Q, A> {
  readonly #deadlineMs: number;
  readonly #partsOf: (question: Q) => number;
  readonly #lanes = new Map<string, Lane<Q, A>>();

  /**
   * @param deadlineMs of one call, and of each request's wait.
   * @param partsOf how many parts a question has. A question is never split.
   */
  constructor(deadlineMs: number, partsOf: (question: Q) => number = () => 1) {
    this.#deadlineMs = deadlineMs;
    this.#partsOf = partsOf;
  }

  /**
   * Sends calls to an object at least this long apart, as long as its lane is in use: the object is called too often. Questions wait
   * together meanwhile, so fewer calls carry more of them.
   */
  pace(name: string, paceMs: number): void {
    const lane = this.#lanes.get(name);
    if (lane) lane.paceMs = Math.max(BETWEEN_MS, paceMs);
  }

  /** Objects with a queue or a call in progress. */
  get size(): number {
    return this.#lanes.size;
  }

  /**
   * Asks an object one question, alone or together with others. If this request sends the call, rejects as `send` does; if another
   * does, with {@link CombinedCallFailed}; with {@link DeadlineExceeded} if no answer comes in time; at once with {@link QueueFull} if
   * too many wait. `send` must end within the deadline. `waitUntil` keeps the call running: others may depend on it, and it may outlast
   * this wait.
   */
  async ask(name: string, question: Q, send: Send<Q, A>, waitUntil: WaitUntil): Promise<A> {
    const fromMs = Date.now();
    const waiter: Waiter<Q, A> = { question, giveUpAtMs: fromMs + this.#deadlineMs, state: WAITING };
    const lane = this.#laneOf(name);
    if (lane.queue.length >= MAX_WAITING) throw new QueueFull(`${name}: too many wait already`);
    const stretch = new Stretch(this.#deadlineMs);
    let lateMs = 0;
    lane.queue.push(waiter);
    for (;;) {
      if (waiter.state.kind === "answered") return waiter.state.answer;
      if (waiter.state.kind === "failed") {
        throw new CombinedCallFailed("another request sent the call, and it failed", {
          cause: waiter.state.fault,
        });
      }
      const nowMs = Date.now();
      // If the clock has stepped back, neither the wait nor the call lasts longer for that.
      waiter.giveUpAtMs = Math.min(waiter.giveUpAtMs, nowMs + MAX_STRETCH * this.#deadlineMs);
      const isFree = nowMs >= freeAtMs(lane, nowMs) || lane.busyUntilMs > nowMs + this.#deadlineMs;
      if (nowMs >= waiter.giveUpAtMs) {
        lane.queue = lane.queue.filter((other) => other !== waiter);
        this.#drop(name, lane);
        throw new DeadlineExceeded(`${name}: no answer in ${this.#deadlineMs} ms`, stretch.wasBusy);
      }
      if (waiter.state.kind === "waiting" && isFree) {
        // After waiting for a call that failed, less time may be left than this call takes.
        const hasWaited = nowMs > fromMs;
        const isAlone = lane.queue.every((other) => other === waiter);
        const sent = isAlone
          ? this.#sendQueue(name, lane, waiter, send, nowMs)
          : this.#takeOver(name, lane, waiter, send, nowMs);
        waitUntil(sent);
        const failure = await (hasWaited ? withDeadline(sent, waiter.giveUpAtMs - nowMs, name) : sent);
        if (failure) throw failure.fault;
        if (lane.queue.length > 0) waitUntil(this.#sendOthers(name, lane, send, fromMs));
        continue;
      }
      const untilMs = untilAnswerMs(lane, waiter, nowMs);
      // Waiters must not make a busy isolate busier.
      const lookMs = Math.min(Math.max(untilMs, lateMs), waiter.giveUpAtMs - nowMs);
      await pause(lookMs);
      lateMs = stretch.after(nowMs, lookMs, Date.now());
      waiter.giveUpAtMs += lateMs;
      // The next call may have skipped this waiter, since its time seemed to be over.
      if (lateMs > 0 && waiter.state.kind === "waiting" && !lane.queue.includes(waiter))
        lane.queue.push(waiter);
    }
  }

  /**
   * Sends the queue after a moment. If its client has just left, a request may still run once, but what it then gives to `waitUntil` is
   * lost: it must not send the questions of others. A request that has lived on since is kept. Never rejects.
   * @returns as {@link #sendQueue}; null also if another request has sent meanwhile.
   */
  async #takeOver(
    name: string,
    lane: Lane<Q, A>,
    own: Waiter<Q, A>,
    send: Send<Q, A>,
    fromMs: number,
  ): Promise<Failed | null> {
    const { sentAtMs } = lane;
    const untilMs = fromMs + MAX_LOOK_MS;
    lane.busyUntilMs = untilMs;
    await pause(MIN_LOOK_MS);
    // In a busy isolate, others may have begun to take over as well: the first that wakes up sends.
    if (own.state.kind === "waiting" && lane.sentAtMs === sentAtMs)
      return this.#sendQueue(name, lane, own, send, Date.now());
    if (lane.busyUntilMs === untilMs) lane.busyUntilMs = 0;
    return null;
  }

  /** Sends the queue, `own` first. Never rejects. @returns why `send` has rejected; null if it has not. */
  async #sendQueue(
    name: string,
    lane: Lane<Q, A>,
    own: Waiter<Q, A> | null,
    send: Send<Q, A>,
    nowMs: number,
  ): Promise<Failed | null> {
    // Waiters past their time belong to cancelled requests: no one would read the answer.
    const others = lane.queue.filter((waiter) => waiter !== own && waiter.giveUpAtMs > nowMs);
    const waiting = own ? [own, ...others] : others;
    let taken = 0;
    let parts = 0;
    for (const { question } of waiting) {
      parts += this.#partsOf(question);
      if (taken > 0 && parts > MAX_PER_CALL) break;
      taken += 1;
    }
    const waiters = waiting.slice(0, taken);
    lane.queue = waiting.slice(taken);
    if (waiters.length === 0) return null;
    const overdueMs = Math.max(MIN_OVERDUE * this.#deadlineMs, OVERDUE * lane.callMs);
    const loneMs = Math.min(MAX_OVERDUE * this.#deadlineMs, overdueMs);
    const busyUntilMs = nowMs + (waiters.length > 1 ? this.#deadlineMs : loneMs);
    lane.busyUntilMs = busyUntilMs;
    lane.sentAtMs = nowMs;
    for (const waiter of waiters) waiter.state = SENT;
    try {
      const answers = await send(waiters.map(({ question }) => question));
      waiters.forEach((waiter, i) => {
        const answer = answers[i];
        waiter.state =
          answer === undefined
            ? { kind: "failed", fault: new Error("no answer to this question") }
            : { kind: "answered", answer };
      });
      const tookMs = Date.now() - nowMs;
      const isSlower = lane.callMs > 0 && tookMs > lane.callMs;
      lane.callMs = isSlower ? lane.callMs + SLOWER * (tookMs - lane.callMs) : tookMs;
      return null;
    } catch (fault) {
      const failed: Failed = { kind: "failed", fault };
      for (const waiter of waiters) waiter.state = failed;
      return failed;
    } finally {
      // Unless another call is in progress, since this one was overdue.
      if (lane.busyUntilMs === busyUntilMs) lane.busyUntilMs = 0;
      this.#drop(name, lane);
    }
  }

  /**
   * Sends what has queued up meanwhile, so that no waiter has to notice that the lane is free. Stops after a call that failed: another
   * request's call may succeed. Never rejects.
   * @param fromMs when this request began.
   */
  async #sendOthers(name: string, lane: Lane<Q, A>, send: Send<Q, A>, fromMs: number): Promise<void> {
    for (let calls = 0; lane.queue.length > 0 && calls < MAX_CALLS_FOR_OTHERS; calls++) {
      await this.#pauseLane(lane);
      const nowMs = Date.now();
      if (lane.queue.length === 0 || nowMs < freeAtMs(lane, nowMs)) break;
      // A call that the runtime ends would take the answers of others along.
      if (nowMs + MAX_STRETCH * this.#deadlineMs > fromMs + KEPT_MS) break;
      if (await this.#sendQueue(name, lane, null, send, nowMs)) break;
    }
    this.#drop(name, lane);
  }

  /** Occupies the lane until the next call may be sent. If this request is cancelled meanwhile, another waiter takes over soon. */
  async #pauseLane(lane: Lane<Q, A>): Promise<void> {
    const nowMs = Date.now();
    // At most that, even if the clock has stepped back.
    const restMs = Math.min(lane.paceMs, lane.sentAtMs + lane.paceMs - nowMs);
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
    const lane: Lane<Q, A> = { queue: [], busyUntilMs: 0, sentAtMs: 0, paceMs: BETWEEN_MS, callMs: 0 };
    this.#lanes.set(name, lane);
    return lane;
  }

  /** Drops lanes whose requests were all cancelled, since no request is left to do so. */
  #sweep(): void {
    const nowMs = Date.now();
    for (const [name, { queue, busyUntilMs }] of this.#lanes) {
      if (nowMs >= busyUntilMs && queue.every(({ giveUpAtMs }) => giveUpAtMs <= nowMs))
        this.#lanes.delete(name);
    }
  }

  /** Drops a lane without queue and call. */
  #drop(name: string, lane: Lane<Q, A>): void {
    const nowMs = Date.now();
    const isIdle = lane.queue.length === 0 && nowMs >= freeAtMs(lane, nowMs);
    if (isIdle && this.#lanes.get(name) === lane) this.#lanes.delete(name);
  }
}

/** `setTimeout`, since `scheduler.wait` costs twice as much. */
function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, ms);
  });
}
