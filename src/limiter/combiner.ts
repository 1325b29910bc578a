/**
 * Combines what an isolate asks of one object: while a call is under way, later requests put their question into a queue, and the
 * next of them to find no call under way takes the whole queue in one call and leaves each answer in its slot (flat combining,
 * Hendler, Incze, Shavit and Tzafrir 2010). A lone request waits for nobody.
 *
 * Requests share plain data only: a promise of one that another awaited would hang when the first is cancelled. So each looks
 * into its own slot on its own timer, with its own deadline. Whoever took a queue and died leaves followers to their deadlines;
 * the queue itself is free again when that call's time is over. A question is sent once at most, so nothing is charged twice.
 */
import { DeadlineExceeded } from "../deadline.ts";

/** How often a waiting request looks into its slot: about a tenth of what a call takes. */
const LOOK_MS = 1;
/** Questions of one call; the rest goes into the next. A call of so many takes about a millisecond of the object. */
const MOST_PER_CALL = 256;
/** Questions that wait for one object. Beyond it the limiter counts as failed for this request: the object is overloaded. */
const MOST_WAITING = 1_024;

/** Objects that something is under way for, before those left over by cancelled requests are swept. */
const MOST_LANES = 1_000;

/** Keeps work going though the request that began it may end: the platform's `waitUntil`. */
export type Keep = (work: Promise<unknown>) => void;

/** Sends questions in one call; answers are in the same order. Rejects where there are none. */
export type Send<Q, A> = (questions: readonly Q[]) => Promise<readonly A[]>;

interface Slot<Q, A> {
  readonly question: Q;
  /** From when on nobody looks into it any more. */
  readonly giveUpAtMs: number;
  state:
    | { readonly kind: "waiting" | "sent" }
    | { readonly kind: "answered"; readonly answer: A }
    | { readonly kind: "failed"; readonly fault: unknown };
}

/** What is under way for one object. */
interface Lane<Q, A> {
  queue: Slot<Q, A>[];
  /** A call is under way until then, at the latest; 0: none is. */
  busyUntilMs: number;
}

/** Sending failed for the one who sent: the followers learn it from their slots, and it is not theirs to count. */
export class CombinedCallFailed extends Error {
  override readonly name = "CombinedCallFailed";
}

export class Combiner<Q, A> {
  readonly #deadlineMs: number;
  readonly #lanes = new Map<string, Lane<Q, A>>();

  /** @param deadlineMs of one call, and of each request's wait. */
  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs;
  }

  /** Objects that something is under way for. */
  get size(): number {
    return this.#lanes.size;
  }

  /**
   * Asks one question of an object, with others' or alone. Rejects as `send` does where this request sent; with
   * {@link CombinedCallFailed} where another did; with {@link DeadlineExceeded} where no answer came in time. `send` must end
   * within the deadline, and is kept going by `keep` though this request's client has gone.
   */
  async ask(name: string, question: Q, send: Send<Q, A>, keep: Keep): Promise<A> {
    const giveUpAtMs = Date.now() + this.#deadlineMs;
    const slot: Slot<Q, A> = { question, giveUpAtMs, state: { kind: "waiting" } };
    const lane = this.#laneOf(name);
    if (lane.queue.length >= MOST_WAITING) throw new DeadlineExceeded(`${name}: too many wait already`);
    lane.queue.push(slot);
    for (;;) {
      if (slot.state.kind === "answered") return slot.state.answer;
      if (slot.state.kind === "failed") {
        throw new CombinedCallFailed("another request sent the call, and it failed", {
          cause: slot.state.fault,
        });
      }
      const nowMs = Date.now();
      if (slot.state.kind === "waiting" && nowMs >= lane.busyUntilMs) {
        const sent = this.#sendQueue(name, lane, slot, send, nowMs);
        keep(sent.catch(() => undefined));
        return sent;
      }
      if (nowMs >= giveUpAtMs) {
        lane.queue = lane.queue.filter((other) => other !== slot);
        this.#drop(name, lane);
        throw new DeadlineExceeded(`${name}: no answer in ${this.#deadlineMs} ms`);
      }
      await scheduler.wait(LOOK_MS);
    }
  }

  async #sendQueue(
    name: string,
    lane: Lane<Q, A>,
    own: Slot<Q, A>,
    send: Send<Q, A>,
    nowMs: number,
  ): Promise<A> {
    // Slots whose requests were cancelled are past their time: nobody would read the answer.
    const others = lane.queue.filter((slot) => slot !== own && slot.giveUpAtMs > nowMs);
    const slots = [own, ...others.slice(0, MOST_PER_CALL - 1)];
    lane.queue = others.slice(MOST_PER_CALL - 1);
    lane.busyUntilMs = nowMs + this.#deadlineMs;
    for (const slot of slots) slot.state = { kind: "sent" };
    try {
      const answers = await send(slots.map(({ question }) => question));
      slots.forEach((slot, i) => {
        const answer = answers[i];
        slot.state =
          answer === undefined
            ? { kind: "failed", fault: new Error("no answer to this question") }
            : { kind: "answered", answer };
      });
    } catch (fault) {
      for (const slot of slots) slot.state = { kind: "failed", fault };
      throw fault;
    } finally {
      lane.busyUntilMs = 0;
      this.#drop(name, lane);
    }
    const first = slots[0]?.state;
    if (first?.kind !== "answered") throw new Error(`${name}: no answer to this question`);
    return first.answer;
  }

  #laneOf(name: string): Lane<Q, A> {
    const known = this.#lanes.get(name);
    if (known) return known;
    if (this.#lanes.size >= MOST_LANES) this.#sweep();
    const lane: Lane<Q, A> = { queue: [], busyUntilMs: 0 };
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
    if (lane.queue.length === 0 && Date.now() >= lane.busyUntilMs) this.#lanes.delete(name);
  }
}
