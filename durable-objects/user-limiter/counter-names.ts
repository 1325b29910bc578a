/**
 * Names of counters whose limit has changed its kind, and which spending counts in a quota that came into force after it.
 *
 * Pure: no I/O and no clock.
 */
import * as quota from "../../src/core/calendar-quota.ts";
import type { OpenLease } from "../../src/core/lease-book.ts";
import type { LimitState } from "../../src/core/limit.ts";
import { modeOf } from "../../src/identity/key-mode.ts";
import { scopeOf } from "../../src/policy/charges.ts";
import type { Policy } from "../../src/policy/compile.ts";

/** Separates kind and counter in the name of a parked state. No limit's name contains it. */
const PARKED = "~";

/** The name of a counter while its limit has another kind, or, for a quota, while it is not in force. */
export function parkedAs(kind: LimitState["kind"], counter: string): string {
  return `${kind}${PARKED}${counter}`;
}

/** Before the counter of a quota in shadow: what was admitted in its period although it would have denied it. */
const EXCESS = `over${PARKED}`;

/** The name of the excess of a quota in shadow. */
export function excessOf(counter: string): string {
  return `${EXCESS}${counter}`;
}

export function isExcess(counter: string): boolean {
  return counter.startsWith(EXCESS);
}

/** The name of a counter, even if its state is parked. */
export function nameOf(counter: string): string {
  return counter.replace(/^[a-z]+~/, "");
}

/** Whether a state counts in the limit's periods. A state of an older Worker does if its period is one of them. */
export function countsAs(limit: quota.CalendarQuota, state: quota.QuotaState): boolean {
  if (state.anchorDay !== undefined) return quota.isOf(limit, state);
  const { startMs, endMs } = quota.fresh(limit, state.atMs);
  return state.period === limit.period && state.startMs === startMs && state.endMs === endMs;
}

/** Whether spending from a lease may count in a quota that came into force after it was lent. */
export function mayCountIn(counter: string, lease: OpenLease, policy: Policy): boolean {
  const { name, keyId, mode, route } = scopeOf(counter);
  if (mode !== null && mode !== modeOf(lease.keyId)) return false;
  if (keyId !== null) {
    // If the limit was in force when the lease was lent, the lease is set aside from the counter of its own key.
    const ofKeys = counter.slice(0, counter.indexOf("#") + 1);
    if (lease.keyId === null || lease.counters.some((of) => nameOf(of).startsWith(ofKeys))) return false;
  }
  if (route === null || lease.route === route) return true;
  // A lease for no route is spent on routes without limits of their own, according to the policy that it was lent by.
  const isOwn = policy.routes.byId(route)?.limits.some(({ limit }) => limit.name === name) ?? false;
  return lease.route === null && !(isOwn && lease.revision === policy.revision);
}
