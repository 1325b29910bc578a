/**
 * Bounds what an exact limiter may have admitted of one user, from what the user's clients observe.
 *
 * The limiter decides a request at some moment between its sending and its answer, and both clocks run at the same pace. So in
 * every window that begins when a request was sent and ends when one was answered, the cost sent and admitted is at most
 * burst + rate * length, whenever the decisions were made. Anything above is certain over-admission.
 *
 * All requests of a user must be recorded, in the order of time. Pure: no I/O, no clock, no k6 imports, so that tests can
 * compare it with a slower model. Its memory is bounded by the number of requests in flight.
 */

/** A token bucket; refill in tokens per millisecond. */
export interface Bucket {
  readonly capacity: number;
  readonly perMs: number;
}

export interface UserLimits {
  readonly buckets: readonly Bucket[];
  /** The smallest quota, in tokens per period; Infinity if there is none. */
  readonly quota: number;
  /**
   * How long after a request of a full bucket its cost may begin to refill: not before the lease that it was spent from is settled. 0 for a
   * strict tier.
   */
  readonly leaseMs: number;
}

/** Result of a request: `unknown` if there is no answer, or if it is not the limiter's own. */
export type Verdict = "admitted" | "denied" | "unknown";

/** A request in flight: created by {@link ExactUser.send}, ended once by {@link ExactUser.answer}. */
export interface Ticket {
  readonly sentMs: number;
}

/**
 * Both clocks are read in whole milliseconds, so a window may be up to two milliseconds shorter here than at the limiter. A
 * larger value misses small faults; a smaller one reports faults of an exact limiter.
 */
const CLOCK_STEPS_MS = 2;
/** Covers the rounding of summed rates. A real fault is at least 0.001 tokens. */
const ROUNDING = 1e-6;

export class ExactUser {
  readonly #limits: UserLimits;
  readonly #inFlight = new Set<Ticket>();
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

  /** Records the sending of a request. */
  send(nowMs: number): Ticket {
    const ticket = { sentMs: nowMs };
    this.#inFlight.add(ticket);
    for (const bucket of this.#buckets) bucket.began(nowMs);
    return ticket;
  }

  /** Records the answer to a request. @returns the tokens admitted so far in excess of an exact limiter; 0 if none. */
  answer(ticket: Ticket, verdict: Verdict, cost: number, nowMs: number): number {
    this.#inFlight.delete(ticket);
    this.#largestCost = Math.max(this.#largestCost, cost);
    if (verdict === "admitted") this.#admitted += cost;
    let over = Math.max(0, this.#admitted - this.#limits.quota);
    const oldestMs = this.#inFlight.values().next().value?.sentMs ?? nowMs;
    for (const bucket of this.#buckets) {
      bucket.answered(ticket.sentMs, verdict, cost, nowMs, oldestMs);
      over = Math.max(over, bucket.over);
    }
    return over;
  }

  /**
   * Tokens that an exact limiter, starting with full buckets, would have admitted beyond those admitted, as of the last denial.
   * 0 if there are none, and if nothing was denied.
   */
  get under(): number {
    // Near the end of the quota, a denial may be the quota's, which the buckets cannot bound.
    if (this.#admitted + this.#largestCost > this.#limits.quota) return 0;
    // It is unknown which limit denied. Together they promise no more than the smallest of their bounds.
    const under = Math.min(...this.#buckets.map((bucket) => bucket.under));
    return Number.isFinite(under) ? Math.max(0, under) : 0;
  }
}

/** The windows bounded by one bucket. */
class BucketBounds {
  readonly #bucket: Bucket;
  readonly #leaseMs: number;
  readonly #slack: number;
  /** In order of their beginning, each with the cost admitted in it. */
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
    this.#leaseMs = leaseMs;
    this.#slack = bucket.perMs * CLOCK_STEPS_MS + ROUNDING;
  }

  get over(): number {
    return this.#over;
  }

  get under(): number {
    const { capacity, perMs } = this.#bucket;
    if (!this.#lastDenied || this.#firstKnownMs === null) return -Infinity;
    // The bucket was full at the first decision, which precedes the first answer. At the last denial, less than its cost was left.
    const refilled = perMs * (this.#lastDenied.sentMs - this.#firstKnownMs - this.#leaseMs - CLOCK_STEPS_MS);
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

  /** Updates the refill that may have been lost while the bucket was full. 0 if the load drains it faster than it refills. */
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
      // A new window already contains the admitted requests that were sent after its beginning.
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
    // Windows that began before all requests in flight will all get the same additions, so only the worst must be kept.
    while (windows.length > 1) {
      const [first, second] = windows;
      if (!first || !second || second.beginMs > oldestMs) break;
      const firstIsWorse = first.cost - perMs * (second.beginMs - first.beginMs) >= second.cost;
      windows.splice(firstIsWorse ? 1 : 0, 1);
    }
  }
}
