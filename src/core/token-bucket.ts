/**
 * The token bucket, exact.
 *
 * Think of a ledger of debt rather than a bucket of water: a full bucket has no debt, spending adds debt, and time pays it off at a
 * steady rate until none is left. So the state is what was spent and not yet refilled, and it stays when the limit is raised or
 * lowered: raising admits a denied user, lowering never hands out tokens.
 *
 * Debt is counted in grains, the unit in which rate and cost are both whole numbers: with a rate of p/q millitokens per millisecond in
 * lowest terms, a millitoken is q grains and a millisecond pays off p grains. Nothing is ever rounded, so in every window of length w
 * the admitted cost is at most capacity + rate * w (Turner 1986, the leaky bucket as a meter; the same bound as GCRA, ITU-T I.371).
 *
 * Pure: no I/O and no clock. If the clock stands still or steps back, no debt is paid off.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "./time.ts";
import { REQUESTS } from "./unit-costs.ts";
import { ceilDiv, gcd, MAX_EXACT, MILLI } from "./units.ts";

/** The periods that a rate may be given in. Calendar months are quotas, see calendar-quota.ts. */
export const PERIOD_MS = { second: SECOND_MS, minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS } as const;
export type Period = keyof typeof PERIOD_MS;

/** A compiled token bucket. Made only by {@link tokenBucket}, which keeps `capacityGrains` exact. */
export interface TokenBucket {
  readonly kind: "bucket";
  readonly name: string;
  /** What it counts. */
  readonly unit: string;
  readonly capacityMilli: number;
  readonly capacityGrains: number;
  readonly grainsPerMilli: number;
  readonly grainsPerMs: number;
}

/** What was spent and not yet refilled at a moment, and in which unit and at which rate since then, in case the limit changes. */
export interface BucketState {
  readonly kind: "bucket";
  readonly debtGrains: number;
  /** The unit of the debt, in grains per millitoken. */
  readonly grain: number;
  /**
   * What a millisecond pays off, in these grains. Negative: at most as much, since the limit may have changed by `atMs` or since;
   * 0: not known.
   */
  readonly rate: number;
  readonly atMs: number;
}

/**
 * Compiles a bucket of `capacityMilli` that refills `refillMilli` per period.
 * @returns null if the numbers are not positive, or too large to be counted exactly (see {@link MAX_EXACT}).
 */
export function tokenBucket(
  name: string,
  refillMilli: number,
  per: Period,
  capacityMilli: number,
  unit = REQUESTS,
): TokenBucket | null {
  if (!(refillMilli > 0 && capacityMilli > 0)) return null;
  const divisor = gcd(refillMilli, PERIOD_MS[per]);
  const grainsPerMs = refillMilli / divisor;
  const grainsPerMilli = PERIOD_MS[per] / divisor;
  const capacityGrains = capacityMilli * grainsPerMilli;
  if (capacityGrains > MAX_EXACT || grainsPerMs > MAX_EXACT) return null;
  return { kind: "bucket", name, unit, capacityMilli, capacityGrains, grainsPerMilli, grainsPerMs };
}

/** A full bucket. */
export function fresh(limit: TokenBucket, nowMs: number): BucketState {
  return withDebt(limit, 0, nowMs);
}

/** The same debt, which begins to refill at `fromMs` at the earliest. */
export function heldUntil({ debtGrains, grain, rate, atMs }: BucketState, fromMs: number): BucketState {
  return { kind: "bucket", debtGrains, grain, rate, atMs: Math.max(atMs, fromMs) };
}

/** As {@link heldUntil} at the latest: for a state of a clock that was ahead. */
export function heldAtMost({ debtGrains, grain, rate, atMs }: BucketState, fromMs: number): BucketState {
  return { kind: "bucket", debtGrains, grain, rate, atMs: Math.min(atMs, fromMs) };
}

/**
 * The state at `nowMs`: refilled for the time elapsed, all of it at the rate of this limit; of a state whose rate may have changed, at the
 * slower of the two. Debt in another unit is recounted, rounded up. When a limit changes, call {@link changedAt} first.
 */
export function at(limit: TokenBucket, state: BucketState, nowMs: number): BucketState {
  const isOfLimit = state.grain === limit.grainsPerMilli && state.rate === limit.grainsPerMs;
  const own = isOfLimit ? state : convert(limit, state.rate < 0 ? atSlower(limit, state, nowMs) : state);
  const elapsedMs = nowMs - own.atMs;
  if (elapsedMs <= 0) return own;
  return withDebt(limit, own.debtGrains - paidIn(elapsedMs, own.debtGrains, limit.grainsPerMs), nowMs);
}

/**
 * The state at `nowMs`, by which `limit` has come into force: at that moment, or after `sinceMs` at an unknown one. Until `sinceMs`, time
 * counts at the state's own rate, from then on at the slower of the two.
 * @param limit null: none is in force, or it is not known. The next one that is finds the slower rate.
 */
export function changedAt(
  limit: TokenBucket | null,
  state: BucketState,
  nowMs: number,
  sinceMs = nowMs,
): BucketState {
  // Another change may come that began before now: then this time must not be refilled yet.
  if (limit !== null && state.grain === limit.grainsPerMilli && state.rate === limit.grainsPerMs)
    return state;
  const before = refilled(state, Math.min(sinceMs, nowMs));
  const unsure = before.rate > 0 ? { ...before, rate: -before.rate } : before;
  return limit === null ? unsure : at(limit, unsure, nowMs);
}

/**
 * The state after `costMilli` more is charged as of `atMs`, at its own rate. From `sinceMs` until then nothing is refilled: the rate may
 * have changed.
 * @returns null if its rate is not known.
 */
export function chargedAt(
  state: BucketState,
  costMilli: number,
  atMs: number,
  sinceMs: number,
): { readonly before: BucketState; readonly after: BucketState } | null {
  if (state.rate <= 0) return null;
  const before = heldUntil(refilled(state, Math.min(atMs, sinceMs)), atMs);
  const debtGrains = Math.min(before.debtGrains + costMilli * before.grain, Number.MAX_SAFE_INTEGER);
  return { before, after: { ...before, debtGrains } };
}

/**
 * Until when `costMilli` is rejected if nothing else spends: 0 if it passes now, Infinity if it never passes. It passes from exactly that
 * millisecond on. Cost 0 always passes. `state` must be brought to now by {@link at}.
 */
export function blockedUntilMs(limit: TokenBucket, state: BucketState, costMilli: number): number {
  if (costMilli > limit.capacityMilli) return Infinity;
  if (costMilli === 0) return 0;
  const short = state.debtGrains - (limit.capacityGrains - costMilli * limit.grainsPerMilli);
  return short <= 0 ? 0 : state.atMs + ceilDiv(short, limit.grainsPerMs);
}

/**
 * The state after `costMilli` more is spent, even if the bucket does not hold it: a floor may lie below empty. The debt is capped at the
 * largest safe integer: a lease of a wide limit may be charged to a narrow, finely counted one.
 */
export function spend(limit: TokenBucket, state: BucketState, costMilli: number): BucketState {
  const debtGrains = state.debtGrains + costMilli * limit.grainsPerMilli;
  return withDebt(limit, Math.min(debtGrains, Number.MAX_SAFE_INTEGER), state.atMs);
}

/** The state with less debt, as reservation-book.ts works it out. */
export function refund({ debtGrains, grain, rate, atMs }: BucketState, grains: number): BucketState {
  return { kind: "bucket", debtGrains: Math.max(0, debtGrains - grains), grain, rate, atMs };
}

/** Millitokens that may be spent now, at least 0. */
export function remainingMilli(limit: TokenBucket, state: BucketState): number {
  const left = limit.capacityGrains - state.debtGrains;
  return left <= 0 ? 0 : (left - (left % limit.grainsPerMilli)) / limit.grainsPerMilli;
}

/** When the bucket is full again; while it holds less than one token, when it holds one. */
export function resetsAtMs(limit: TokenBucket, state: BucketState): number {
  const oneToken = Math.min(MILLI, limit.capacityMilli);
  const nextTokenAtMs = blockedUntilMs(limit, state, oneToken);
  return nextTokenAtMs || fullAtMs(limit, state);
}

/** When the bucket is full again if nothing is spent. */
export function fullAtMs(limit: TokenBucket, state: BucketState): number {
  return state.atMs + ceilDiv(state.debtGrains, limit.grainsPerMs);
}

/** Whether `floor` has at least as much spent as `state`. Both must be brought to the same moment by {@link at}. */
export function covers(floor: BucketState, state: BucketState): boolean {
  return floor.debtGrains >= state.debtGrains;
}

/** As {@link covers}, at any later time and under any limit. Not brought to the same moment. */
export function staysAbove(floor: BucketState, state: BucketState): boolean {
  const isAlike = floor.grain === state.grain && floor.rate === state.rate;
  return isAlike && floor.atMs >= state.atMs && covers(floor, state);
}

/** Milliseconds in which an empty bucket fills: `w` of the RateLimit-Policy field, in which q / w is the rate. */
export function windowMs(limit: TokenBucket): number {
  return ceilDiv(limit.capacityGrains, limit.grainsPerMs);
}

function withDebt(limit: TokenBucket, debtGrains: number, atMs: number): BucketState {
  return { kind: "bucket", debtGrains, grain: limit.grainsPerMilli, rate: limit.grainsPerMs, atMs };
}

/** The state at `nowMs` at its own rate; the same state if that is not known, or if the clock stands still or steps back. */
function refilled(state: BucketState, nowMs: number): BucketState {
  const { debtGrains, grain, rate, atMs } = state;
  if (rate <= 0 || nowMs <= atMs) return state;
  return {
    kind: "bucket",
    debtGrains: debtGrains - paidIn(nowMs - atMs, debtGrains, rate),
    grain,
    rate,
    atMs: nowMs,
  };
}

/** A state whose rate may have changed, at `nowMs` if its own is the slower one; otherwise unchanged. */
function atSlower(limit: TokenBucket, state: BucketState, nowMs: number): BucketState {
  const known = { ...state, rate: -state.rate };
  return isSlower(limit, known) ? state : refilled(known, nowMs);
}

function convert(limit: TokenBucket, state: BucketState): BucketState {
  return withDebt(limit, recount(limit, state), state.atMs);
}

/** How much of a debt a time pays off, exact: a product that may exceed 2^53 pays all. */
function paidIn(elapsedMs: number, debtGrains: number, rate: number): number {
  return elapsedMs >= ceilDiv(debtGrains, rate) ? debtGrains : elapsedMs * rate;
}

/** Whether the limit refills more slowly than the state, whose rate is known. BigInt, because the products may exceed 2^53. */
export function isSlower(limit: TokenBucket, { rate, grain }: BucketState): boolean {
  return BigInt(limit.grainsPerMs) * BigInt(grain) < BigInt(rate) * BigInt(limit.grainsPerMilli);
}

/** The debt in the limit's own grains, rounded up: never hands out tokens. BigInt, because the product may exceed 2^53. */
function recount(limit: TokenBucket, state: BucketState): number {
  if (state.grain === limit.grainsPerMilli) return state.debtGrains;
  const grain = BigInt(state.grain);
  const debt = (BigInt(state.debtGrains) * BigInt(limit.grainsPerMilli) + grain - 1n) / grain;
  return Number(debt > BigInt(MAX_EXACT) ? BigInt(MAX_EXACT) : debt);
}
