/**
 * The bound itself: in every window [i, j] of admitted requests, their cost is at most burst + rate * (t_j - t_i).
 *
 * Checked for all windows at once in one pass, in whole numbers of unlimited size. With S_j the cost admitted up to and
 * including request j, the window [i, j] obeys the bound if S_j - S_(i-1) - rate * (t_j - t_i) <= burst; so it is enough to
 * remember the least S_(i-1) - rate * t_i seen. Independent of how buckets work.
 */

/** One admitted request. */
export interface Admission {
  readonly atMs: number;
  readonly costMilli: number;
}

/** The parameters of the bound. */
export interface Bound {
  readonly refillMilli: number;
  readonly periodMs: number;
  readonly burstMilli: number;
}

/** Checks admissions in the order of their times, which must not decrease. Everything is scaled by `periodMs`. */
export class WindowBound {
  readonly #refill: bigint;
  readonly #period: bigint;
  readonly #burst: bigint;
  #admitted = 0n;
  #least: bigint | null = null;
  #greatest = 0n;

  constructor({ refillMilli, periodMs, burstMilli }: Bound) {
    this.#refill = BigInt(refillMilli);
    this.#period = BigInt(periodMs);
    this.#burst = BigInt(burstMilli) * this.#period;
  }

  admit(atMs: number, costMilli: number): void {
    const refilled = this.#refill * BigInt(atMs);
    const before = this.#admitted - refilled;
    if (this.#least === null || before < this.#least) this.#least = before;
    this.#admitted += BigInt(costMilli) * this.#period;
    const fullest = this.#admitted - refilled - this.#least;
    if (fullest > this.#greatest) this.#greatest = fullest;
  }

  /** Whether every window so far obeys the bound. */
  get holds(): boolean {
    return this.#greatest <= this.#burst;
  }

  /** Whether some window so far reached at least this percentage of the burst, so that the bound was really tested. */
  reached(percent: number): boolean {
    return this.#greatest * 100n >= this.#burst * BigInt(percent);
  }
}

/** Whether every window of these admissions, in any order, obeys the bound. */
export function everyWindowHolds(bound: Bound, admissions: readonly Admission[]): boolean {
  const windows = new WindowBound(bound);
  const inOrder = admissions.toSorted((a, b) => a.atMs - b.atMs);
  for (const { atMs, costMilli } of inOrder) windows.admit(atMs, costMilli);
  return windows.holds;
}
