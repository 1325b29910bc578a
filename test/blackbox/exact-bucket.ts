/**
 * Bounds on what an exact token bucket admits, from what a client can observe.
 *
 * The limiter decides a request at some moment after the client sends it, and before the client gets the response or the upstream
 * gets the request. Client and limiter read the same clock here, so each bound below holds for every exact limiter, whatever
 * those moments were.
 */

/** Capacity in tokens; refill in tokens per millisecond. */
export interface Bucket {
  readonly capacity: number;
  readonly perMs: number;
}

/** 100 per minute, burst 150: the free tier. */
export const FREE: Bucket = { capacity: 150, perMs: 100 / 60_000 };

/** One request: decided not before `sentMs` and not after `knownMs`. */
export interface TimedDecision {
  readonly allowed: boolean;
  readonly cost: number;
  readonly sentMs: number;
  readonly knownMs: number;
}

/** The admitted tokens. */
export function admitted(requests: readonly TimedDecision[]): number {
  return requests.reduce((sum, { allowed, cost }) => sum + (allowed ? cost : 0), 0);
}

/**
 * How far the worst window exceeds capacity + rate * length, in tokens; for an exact limiter it is never above 0. Windows begin
 * when a request was sent and end when one was known, so that every request in a window was decided in it.
 */
export function overAdmission(bucket: Bucket, requests: readonly TimedDecision[]): number {
  const passed = requests.filter(({ allowed }) => allowed).toSorted((a, b) => a.knownMs - b.knownMs);
  let worst = -Infinity;
  for (const { sentMs: beginMs } of passed) {
    let cost = 0;
    for (const one of passed) {
      if (one.sentMs < beginMs) continue;
      cost += one.cost;
      worst = Math.max(worst, cost - bucket.capacity - bucket.perMs * (one.knownMs - beginMs));
    }
  }
  return worst;
}

/**
 * The minimum that an exact limiter has admitted from a bucket that was full at the first request: when it last denied a cost,
 * less than that cost was left of capacity + rate * time.
 * @throws if nothing was denied, since there is no bound then.
 */
export function minAdmitted(bucket: Bucket, requests: readonly TimedDecision[]): number {
  const [last] = requests.filter(({ allowed }) => !allowed).toSorted((a, b) => b.sentMs - a.sentMs);
  if (!last) throw new Error("nothing was denied");
  // The bucket was full at the first decision, which was made before any was known.
  const firstKnownMs = Math.min(...requests.map(({ knownMs }) => knownMs));
  const refilled = bucket.perMs * (last.sentMs - firstKnownMs);
  return bucket.capacity + refilled - overflow(bucket, requests) - last.cost;
}

/** The most that may have overflowed while the bucket was still full: 0 if the load drains it faster than it fills. */
function overflow(bucket: Bucket, requests: readonly TimedDecision[]): number {
  const beginMs = Math.min(...requests.map(({ sentMs }) => sentMs));
  const passed = requests.filter(({ allowed }) => allowed).toSorted((a, b) => a.knownMs - b.knownMs);
  let spent = 0;
  let max = 0;
  for (const { knownMs, cost } of passed) {
    // When the n-th decision was known, n - 1 had been made before it.
    if (spent > 0) max = Math.max(max, bucket.perMs * (knownMs - beginMs) - spent);
    spent += cost;
  }
  return max;
}
