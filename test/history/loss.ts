/** The most that a crash of the object may take from a limit and from the bill, by definition. Shares no code with the product. */
import type { Rule } from "./policies.ts";

/**
 * Of a limit: 2 % of its capacity. Of a bucket the refill of 5 s if that is more, up to 10 % of the capacity; and in any case the refill
 * of 5 s in addition, for which its floor is held. At least the cost of one request. Of the bill: at most 256 tokens.
 */
const SHARE = 0.02;
const BUCKET_SHARE = 0.1;
const REFILL_MS = 5_000;
const MIN_MILLI = 2_000;
const MAX_BILL_MILLI = 256_000;

/** The headroom of a limit: missing from the bill after a crash. Millitokens. */
function headroomOf({ kind, milliPerMs, capacityMilli }: Rule): number {
  const share = capacityMilli * SHARE;
  if (kind === "quota") return share;
  return Math.max(share, Math.min(milliPerMs * REFILL_MS, capacityMilli * BUCKET_SHARE));
}

/** The most that is missing from a limit after a crash. */
export function lossOf(rule: Rule): number {
  return Math.max(MIN_MILLI, headroomOf(rule)) + rule.milliPerMs * REFILL_MS;
}

/** The most that is missing from the bill after a crash, for requests under these limits. */
export function billLossOf(rules: readonly Rule[]): number {
  return Math.max(MIN_MILLI, Math.min(MAX_BILL_MILLI, ...rules.map(headroomOf)));
}
