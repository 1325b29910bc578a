/**
 * Leases: how an isolate decides without asking, and the user's object still never lets in too much.
 *
 * Think of a deposit: the object sets an amount aside, out of every limit at once, and lets one isolate spend it for a
 * second. What is set aside counts as spent, and does not refill, until the isolate says what it did spend: that much is
 * charged then, the rest is free again. An isolate that dies says nothing: the whole amount is charged when its time is over.
 *
 * Hence the bound. Charge each lease at the moment it is settled, or at its end where it is settled later: no bucket ever owes
 * more than it holds, since what was set aside was at least what is charged, and what is charged late was unavailable
 * until then. So charges obey burst + rate * w in every window of length w; and a request runs at most a lease's time before
 * its charge, so admissions obey burst + rate * (w + lease time). Quotas have no refill to lend and are never exceeded: a
 * lease ends with the hour it began in, so it is spent, charged and metered in one period.
 *
 * Pure: no I/O and no clock.
 */
import { read } from "./limit.ts";
import { effective, type PlanDecision } from "./plan.ts";

/** How long an isolate may spend a lease: also how long it may take until a change of an account is seen (G4). */
export const LEASE_MS = 1_000;

/** Leases of one user that an isolate has at once: a key and, where a route has limits of its own, a route has one each. */
export const MOST_HELD = 16;

/** A lease that would last shorter, at the end of an hour, is not worth its call. */
const SHORTEST_MS = 50;

/** Every limit has at least this many times what is leased left: near a limit each request is asked about. */
const LEFT_PER_LEASE = 4;

/** What is leased where there is no limit: more than can be spent in a lease's time. Millitokens. */
export const UNLIMITED_MILLI = 2 ** 50;

/** All periods begin and end with an hour of UTC. */
const HOUR_MS = 3_600_000;

/**
 * How much of `wantMilli` may be leased after a decision; 0 where nothing may: near a limit, or where slots are counted, which
 * have to be given back one by one. Without limits it is {@link UNLIMITED_MILLI}.
 */
export function leasableMilli(decision: PlanDecision, wantMilli: number, nowMs: number): number {
  if (decision.after.length === 0) return UNLIMITED_MILLI;
  let most = wantMilli;
  for (const meter of effective(decision)) {
    if (meter.kind === "concurrency") return 0;
    most = Math.min(most, Math.floor(read(meter, nowMs).remainingMilli / LEFT_PER_LEASE));
  }
  return Math.max(0, most);
}

/** How long a lease granted now lasts: until the hour ends, at most {@link LEASE_MS}; 0 where that is too short. */
export function leaseMs(nowMs: number): number {
  const leftMs = Math.min(LEASE_MS, HOUR_MS - (nowMs % HOUR_MS));
  return leftMs < SHORTEST_MS ? 0 : leftMs;
}
