/**
 * Leases: how an isolate decides without asking, while the user's object still never over-admits.
 *
 * Think of a deposit: the object sets an amount aside, out of every limit at once, and lends it to one isolate for a second. The
 * amount counts as spent and does not refill until the isolate settles: then the part that it spent is charged, and the rest is free
 * again. An isolate that dies never settles: the whole amount is charged when the lease expires.
 *
 * This gives the bound. Charge each lease when it is settled, or at its end if it is settled later. No bucket ever owes more than it
 * holds: at least as much was set aside as is charged, and a late charge was unavailable until then. So charges obey burst + rate * w
 * in every window of length w; and a request precedes its charge by at most the duration of a lease, so admissions obey
 * burst + rate * (w + duration). Quotas do not refill and are never exceeded: a lease ends with the hour it began in, so it is spent,
 * charged and metered in one period.
 *
 * Pure: no I/O and no clock.
 */
import { read } from "./limit.ts";
import { effective, type PlanDecision } from "./plan.ts";
import { HOUR_MS } from "./time.ts";

/** How long an isolate may spend a lease: also how long a change of an account may take to be seen everywhere (G4). */
export const LEASE_MS = 1_000;

/** Leases of one user that an isolate holds at once: one per key and per route with limits of its own. */
export const MAX_LEASES_PER_SUBJECT = 16;

/** A shorter lease, at the end of an hour, is not worth its call. */
const MIN_LEASE_MS = 50;

/** After lending, every limit has at least this many times the lease left: near a limit, each request asks the object. */
const LEFT_PER_LEASE = 4;

/** The amount of a lease if there is no limit: more than can be spent during a lease. Millitokens. */
export const UNLIMITED_MILLI = 2 ** 50;

/**
 * How much of `wantMilli` may be lent after a decision. 0 near a limit, or if slots are counted, since those are released one by one.
 * {@link UNLIMITED_MILLI} without limits.
 */
export function lendableMilli(decision: PlanDecision, wantMilli: number, nowMs: number): number {
  if (decision.after.length === 0) return UNLIMITED_MILLI;
  let most = wantMilli;
  for (const meter of effective(decision)) {
    if (meter.kind === "concurrency") return 0;
    most = Math.min(most, Math.floor(read(meter, nowMs).remainingMilli / LEFT_PER_LEASE));
  }
  return Math.max(0, most);
}

/** How long a lease lent now lasts: until the hour of UTC ends, at most {@link LEASE_MS}; 0 if that is too short. */
export function leaseMs(nowMs: number): number {
  const leftMs = Math.min(LEASE_MS, HOUR_MS - (nowMs % HOUR_MS));
  return leftMs < MIN_LEASE_MS ? 0 : leftMs;
}
