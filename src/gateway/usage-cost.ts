/** What a request costs in the unit of its route's `usage`, once it is known how it went. Pure. */
import { MAX_MILLI, toMilli } from "../core/units.ts";
import type { RouteUsage } from "../policy/compiled.ts";

/** The header by which an upstream reports a cost. Clients never see it. */
export const USAGE_COST_HEADER = "X-Usage-Cost";

/**
 * How a request went.
 * - `failed`: the upstream did not respond, or with a status of 500 or above.
 * - `responded`: `milli` is what the response reports, null if nothing that can be read.
 * - `left`: the client left, and the response was not read to its end.
 */
export type UpstreamOutcome =
  | { readonly kind: "failed" }
  | { readonly kind: "responded"; readonly status: number; readonly milli: number | null }
  | { readonly kind: "left" };

/**
 * Thousandths of the unit. Who leaves pays the route's `reserve`, whatever the route says: leaving must not be cheaper than staying. Nor may
 * a client choose what a response costs whose usage is unknown, as it can by a `max_tokens` of 1 in a stream that it lets report no usage.
 * @param reservedMilli perhaps less, as the client's body asked for.
 */
export function usageCostMilli(usage: RouteUsage, outcome: UpstreamOutcome, reservedMilli: number): number {
  switch (outcome.kind) {
    case "left":
      return usage.reserveMilli;
    case "failed":
      return usage.onError === "refund" ? 0 : reservedMilli;
    case "responded": {
      if (outcome.milli !== null) return outcome.milli;
      // An upstream that rejects a request reports no usage.
      if (outcome.status >= 400) return usage.onError === "refund" ? 0 : reservedMilli;
      return usage.onUnknown === "refund" ? 0 : usage.reserveMilli;
    }
  }
}

/** The cost that a header names, in thousandths: rounded up, so a finer cost is never charged as less. Null: it names none. */
export function headerCostMilli(text: string | null): number | null {
  if (text === null || !/^\d{1,12}(\.\d{1,9})?$/.test(text.trim())) return null;
  const amount = Number(text);
  const milli = toMilli(amount) ?? Math.ceil(amount * 1_000);
  return milli <= MAX_MILLI ? milli : null;
}
