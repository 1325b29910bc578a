/** Idempotency keys of calls, and when Stripe may have forgotten them. Pure. */
import { HOUR_MS } from "../core/time.ts";
import type { StripeJob, StripeRow } from "../objects/stripe.ts";

/** Stripe keeps keys for at least a day. One hour less, since the clocks differ. */
const KEPT_MS = 23 * HOUR_MS;

/** The same for each repetition of a call, until an attempt is given up. */
export function keyOf({ document, row }: Pick<StripeJob, "document" | "row">, call: string): string {
  const key = `${document.id}:${call}`;
  return row.attempt === 0 ? key : `${key}:${row.attempt}`;
}

/** Whether an earlier call may have been made under a key that does not protect this one. */
export function mayBeForgotten({ attempt, sinceMs }: StripeRow, nowMs: number): boolean {
  return attempt > 0 || nowMs - sinceMs >= KEPT_MS;
}
