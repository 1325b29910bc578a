/**
 * What an exact limiter may have admitted of one user, bounded by what the user's clients saw of it.
 *
 * The limiter decides a request at some moment between its sending and its answer, and time passes at the same pace for both.
 * So in every window that begins when a request was sent and ends when one was answered, what was sent and admitted
 * in it is at most burst + rate * length, whatever those moments were. Anything above is over-admission, with no doubt left.
 *
 * All requests of a user must be told, in the order of time. Pure: no I/O, no clock, nothing of k6, so that tests can hold it
 * to a slower model. Its memory is bounded by the requests under way.
 */

/** A token bucket; refill in tokens per millisecond. */
export interface Bucket {
  readonly capacity: number;
  readonly perMs: number;
}

export interface UserLimits {
  readonly buckets: readonly Bucket[];
  /** What the smallest quota allows in a period; Infinity where there is none. */
  readonly quota: number;
  /** Leases are charged up to so long after they were spent, which every window may be longer for; 0: a strict tier. */
  readonly leaseMs: number;
}

/** What came of a request: `unknown` where no answer came, or not one of the limiter's own. */
export type Verdict = "admitted" | "denied" | "unknown";

/** A request under way: made by {@link ExactUser.send}, ended once by {@link ExactUser.answer}. */
export interface Ticket {
  readonly sentMs: number;
}

/**
 * Both clocks are read in whole milliseconds, which makes a window up to two shorter here than there. Larger: finer faults are
 * overlooked; smaller: an exact limiter on another machine is accused.
 */
const CLOCK_STEPS_MS = 2;
/** Sums of rates are rounded; a real fault is at least a part of a token in steps of 0.001. */
const ROUNDING = 1e-6;

export class ExactUser {
  readonly #limits: UserLimits;
  readonly #underWay = new Set<Ticket>();
  readonly #buckets: BucketBounds[];
  #admitted = 0;
  #largestCost = 0;

  constructor(limits: UserLimits) {
    this.#limits = limits;
    this.#buckets = limits.buckets.map((bucket) => new BucketBounds(bucket, limits.leaseMs));
  }

  /** Tokens admitted so far. */
  get admitted(): number {
    return this.#admitted;
  }

  /** A request goes out. */
  send(nowMs: number): Ticket {
    const ticket = { sentMs: nowMs };
    this.#underWay.add(ticket);
    for (const bucket of this.#buckets) bucket.began(nowMs);
    return ticket;
  }

  /** @returns by how many tokens all that was admitted is now more than an exact limiter admits; 0 where it is not. */
  answer(ticket: Ticket, verdict: Verdict, cost: number, nowMs: number): number {
    this.#underWay.delete(ticket);
    this.#largestCost = Math.max(this.#largestCost, cost);
    if (verdict === "admitted") this.#admitted += cost;
    let over = Math.max(0, this.#admitted - this.#limits.quota);
    const oldestMs = this.#underWay.values().next().value?.sentMs ?? nowMs;
    for (const bucket of this.#buckets) {
      bucket.answered(ticket.sentMs, verdict, cost, nowMs, oldestMs);
      over = Math.max(over, bucket.over);
    }
    return over;
  }

  /**
   * By how many tokens less was admitted than by an exact limiter that began with full buckets, when it last denied a request:
   * a user of a strict tier may lose nothing. 0 where it is not less, where nothing was denied, and for leased tiers.
   */
  get under(): number {
    // Of a quota that is nearly used up nothing is known but that it is never exceeded.
    if (this.#limits.leaseMs > 0 || this.#admitted + this.#largestCost > this.#limits.quota) return 0;
    // Which of several limits denied is not known here: the one that allows least is what all of them together promise.
    const under = Math.min(...this.#buckets.map((bucket) => bucket.under));
    return Number.isFinite(under) ? Math.max(0, under) : 0;
  }
}

/** The windows that one bucket bounds. */
class BucketBounds {
  readonly #bucket: Bucket;
  readonly #slack: number;
  /** Windows by their beginning, in order, each with what was admitted in it less what had been refilled by its beginning. */
  readonly #windows: { readonly beginMs: number; cost: number }[] = [];
  #over = 0;

  #beganMs: number | null = null;
  #firstKnownMs: number | null = null;
  #spent = 0;
  #unknown = 0;
  #overflow = 0;
  #lastDenied: { readonly sentMs: number; readonly cost: number } | null = null;

  constructor(bucket: Bucket, leaseMs: number) {
    this.#bucket = bucket;
    this.#slack = bucket.perMs * (leaseMs + CLOCK_STEPS_MS) + ROUNDING;
  }

  get over(): number {
    return this.#over;
  }

  get under(): number {
    const { capacity, perMs } = this.#bucket;
    if (!this.#lastDenied || this.#firstKnownMs === null) return -Infinity;
    // It was full at the first decision, which came before anybody heard of one; at the last denial less than its cost was left.
    const refilled = perMs * (this.#lastDenied.sentMs - this.#firstKnownMs - CLOCK_STEPS_MS);
    const least = capacity + refilled - this.#overflow - this.#lastDenied.cost - ROUNDING;
    return least - this.#spent - this.#unknown;
  }

  began(nowMs: number): void {
    this.#beganMs ??= nowMs;
  }

  answered(sentMs: number, verdict: Verdict, cost: number, nowMs: number, oldestMs: number): void {
    this.#firstKnownMs ??= nowMs;
    if (verdict === "unknown") {
      this.#unknown += cost;
      return;
    }
    if (verdict === "denied") {
      if (sentMs >= (this.#lastDenied?.sentMs ?? -Infinity)) this.#lastDenied = { sentMs, cost };
      return;
    }
    this.#spill(nowMs);
    this.#spent += cost;
    this.#addToWindows(sentMs, cost, nowMs, oldestMs);
  }

  /** What may have flowed over while the bucket was still full: 0 where the load drains it faster than it fills. */
  #spill(nowMs: number): void {
    if (this.#spent === 0 || this.#beganMs === null) return;
    const refilled = this.#bucket.perMs * (nowMs - this.#beganMs);
    this.#overflow = Math.max(this.#overflow, refilled - this.#spent);
  }

  #addToWindows(sentMs: number, cost: number, nowMs: number, oldestMs: number): void {
    const windows = this.#windows;
    const { capacity, perMs } = this.#bucket;
    let at = windows.length;
    while (at > 0 && (windows[at - 1]?.beginMs ?? -Infinity) > sentMs) at--;
    if (windows[at - 1]?.beginMs !== sentMs) {
      // The window from here on holds what was sent later and is admitted already.
      const later = windows[at];
      windows.splice(at, 0, { beginMs: sentMs, cost: later?.cost ?? 0 });
      at++;
    }
    for (let i = 0; i < at; i++) {
      const window = windows[i];
      if (!window) continue;
      window.cost += cost;
      const bound = capacity + perMs * (nowMs - window.beginMs) + this.#slack;
      this.#over = Math.max(this.#over, window.cost - bound);
    }
    // Of windows that began before all that is under way, each gets all that is to come: only the worst can be worst again.
    while (windows.length > 1) {
      const [first, second] = windows;
      if (!first || !second || second.beginMs > oldestMs) break;
      const firstIsWorse = first.cost - perMs * (second.beginMs - first.beginMs) >= second.cost;
      windows.splice(firstIsWorse ? 1 : 0, 1);
    }
  }
}
