/**
 * What an exact token bucket admits, bounded by what a client can see.
 *
 * The limiter decides a request at some moment between the client's sending it and its hearing of it (or its arrival
 * upstream). Client and limiter read the same clock here, so each bound below holds for every exact limiter, whatever those
 * moments were.
 */

/** Capacity in tokens; refill in tokens per millisecond. */
export interface Bucket {
  readonly capacity: number;
  readonly perMs: number;
}

/** 100 per minute, burst 150: the free tier. */
export const FREE: Bucket = { capacity: 150, perMs: 100 / 60_000 };

/** One request: decided not before `sentMs` and not after `knownMs`. */
export interface Decided {
  readonly allowed: boolean;
  readonly cost: number;
  readonly sentMs: number;
  readonly knownMs: number;
}

/** The tokens that were admitted. */
export function admitted(requests: readonly Decided[]): number {
  return requests.reduce((sum, { allowed, cost }) => sum + (allowed ? cost : 0), 0);
}

/**
 * How far the worst of all windows lies above capacity + rate * length, in tokens; an exact limiter is never above 0. Windows
 * begin when a request was sent and end when one was known, so all that they hold was decided in them.
 */
export function overAdmission(bucket: Bucket, requests: readonly Decided[]): number {
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
 * The least that an exact limiter has admitted of a bucket that was full at the first of the requests: when it last refused a
 * cost, less than that cost was left of capacity + rate * time.
 * @throws where nothing was denied: then there is no such bound.
 */
export function leastAdmitted(bucket: Bucket, requests: readonly Decided[]): number {
  const [last] = requests.filter(({ allowed }) => !allowed).toSorted((a, b) => b.sentMs - a.sentMs);
  if (!last) throw new Error("nothing was denied");
  // The bucket was full at the first decision, and that came before anybody heard of one.
  const firstKnownMs = Math.min(...requests.map(({ knownMs }) => knownMs));
  const refilled = bucket.perMs * (last.sentMs - firstKnownMs);
  return bucket.capacity + refilled - overflow(bucket, requests) - last.cost;
}

/** The most that may have flowed over while the bucket was still full: 0 where the load drains it faster than it fills. */
function overflow(bucket: Bucket, requests: readonly Decided[]): number {
  const beginMs = Math.min(...requests.map(({ sentMs }) => sentMs));
  const passed = requests.filter(({ allowed }) => allowed).toSorted((a, b) => a.knownMs - b.knownMs);
  let spent = 0;
  let most = 0;
  for (const { knownMs, cost } of passed) {
    // When the n-th decision was known, n - 1 had been made before it.
    if (spent > 0) most = Math.max(most, bucket.perMs * (knownMs - beginMs) - spent);
    spent += cost;
  }
  return most;
}
