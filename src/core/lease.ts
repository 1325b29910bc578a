/**
 * Leases: how an isolate decides without asking, while the user's object still never over-admits.
 *
 * Think of a deposit: the object sets an amount aside, out of every limit at once, and lends it to one isolate for a second. The
 * amount counts as spent and does not refill until the isolate settles: then the part that it spent is charged, and the rest is free
 * again. An isolate that dies never settles: the whole amount is charged when the lease expires.
 *
 * Lending does not widen the bound. Let F = (C - D - H) + the sum of (n - s): the capacity without the debt and what is set aside, plus
 * what is unspent of each lease. To lend moves n from the first term into the second. To settle is to charge s and free n, which leaves F
 * unchanged. A request lowers F by its cost, whether the object or an isolate admits it, and both terms stay at least 0. To charge a lease
 * that was never settled lowers F. Only refill raises it, by at most rate * dt, and F <= C since D >= 0. So what is admitted in [a, b] is
 * F(a) - F(b) and the refill, at most C + rate * (b - a): burst + rate * w in every window of length w, with leases or without. A quota
 * does not refill in its period, and leases end before it does, so it is never exceeded.
 *
 * Pure: no I/O and no clock.
 */
import { headroomOf, MAX_HEADROOM_MILLI } from "./headroom.ts";
import { read } from "./limit.ts";
import { effective, type PlanDecision } from "./plan.ts";
import { HOUR_MS } from "./time.ts";
import { REQUESTS } from "./unit-costs.ts";
import type { TokenBucket } from "./token-bucket.ts";

/** How long an isolate may spend a lease: also how long a change of an account may take to be seen everywhere (G4). */
export const LEASE_MS = 1_000;

/** Leases of one user that an isolate holds at once: one per key and per route with limits of its own. */
export const MAX_LEASES_PER_SUBJECT = 16;

/** A shorter lease, shortly before a limit changes, is not worth its call. */
const MIN_LEASE_MS = 50;

/** The most by which an isolate's clock lags within a lease: it stands still while the isolate is busy. */
export const CLOCK_ERROR_MS = 50;

/** Before lending, every limit has at least this many times the lease left: near a limit, each request asks the object. */
const LEFT_PER_LEASE = 4;

/** This part of a bucket's capacity, or the refill of a second if that is less, is never lent: it serves other isolates meanwhile. */
const KEPT_SHARE = 1 / 4;

/** How long nothing is lent after a denial: the user is at a limit, and each request that is left must be open to every isolate. */
export const NO_LENDING_MS = 5_000;

/** A lease of fewer requests is not worth its settlement. */
const MIN_REQUESTS = 2;

/**
 * The requests that an isolate must expect within the time of a lease: enough that, while a lease lasts, two more come, of which the second
 * asks for the next. Then each second request needs a call and none waits for it.
 */
export const MIN_EXPECTED_REQUESTS = 2.25;

/** An isolate asks for this many times the demand that it expects. */
export const WANTED_PER_EXPECTED = 1.5;

/**
 * How much of `wantMilli` may be lent after a decision: whole requests of `costMilli`. At most one headroom of a bucket, half of one of a
 * quota, so that an isolate that dies loses no more. 0 near a limit, if slots are counted, since those are released one by one, or if a
 * limit counts another unit: a lease is an amount of requests.
 */
export function lendableMilli(
  decision: PlanDecision,
  wantMilli: number,
  costMilli: number,
  nowMs: number,
): number {
  let most = decision.after.length === 0 ? Math.min(wantMilli, MAX_HEADROOM_MILLI) : wantMilli;
  for (const meter of effective(decision)) {
    if (meter.kind === "concurrency" || meter.limit.unit !== REQUESTS) return 0;
    const { remainingMilli } = read(meter, nowMs);
    const headroom = headroomOf(meter.limit);
    most = Math.min(
      most,
      remainingMilli / LEFT_PER_LEASE,
      meter.kind === "bucket" ? Math.min(headroom, remainingMilli - keptMilli(meter.limit)) : headroom / 2,
    );
  }
  const unit = Math.max(1, costMilli);
  const requests = Math.floor(most / unit);
  return requests < MIN_REQUESTS ? 0 : requests * unit;
}

function keptMilli({ capacityMilli, grainsPerMs, grainsPerMilli }: TokenBucket): number {
  return Math.min((LEASE_MS * grainsPerMs) / grainsPerMilli, capacityMilli * KEPT_SHARE);
}

/**
 * How long a lease lent now lasts: at most {@link LEASE_MS}; 0 if that is too short. It ends before the hour of UTC does, in which every
 * period of a quota ends, and before `changesAtMs`.
 * @param changesAtMs when a limit or a key of the lease ends by itself; Infinity: never.
 */
export function leaseMs(nowMs: number, changesAtMs: number): number {
  const endsAtMs = Math.min(changesAtMs, nowMs - (nowMs % HOUR_MS) + HOUR_MS);
  const forMs = Math.min(LEASE_MS, endsAtMs - nowMs - CLOCK_ERROR_MS);
  return forMs < MIN_LEASE_MS ? 0 : forMs;
}
