/**
 * The judge of Retry-After: when a request that a limit has denied passes if nobody else spends. By definition, in whole numbers, without
 * any code of the product.
 *
 * An amount that is lent does not refill, but leaves room for the cost if both fit into the limit. If they do not, the request waits until
 * the amount is free again, or is charged and refilled.
 */
import type { Wrong } from "./history.ts";
import { periodEndMs, type Rule } from "./policies.ts";

/** What is used of a limit, and what is lent of it. Millitokens. */
export interface Use {
  readonly usedMilli: number;
  readonly lentMilli: number;
  /** When all that is lent is charged or free at the latest. */
  readonly lentUntilMs: number;
}

/** How long a limit denies a cost from now on if nothing else is spent: 0 if it does not, Infinity if it always does. Milliseconds. */
export function deniedForMs(
  { kind, per, capacityMilli, milliPerMs }: Rule,
  { usedMilli, lentMilli, lentUntilMs }: Use,
  costMilli: number,
  nowMs: number,
): number {
  if (costMilli > capacityMilli) return Infinity;
  const missingMilli = usedMilli + lentMilli + costMilli - capacityMilli;
  if (costMilli === 0 || missingMilli <= 0) return 0;
  if (kind === "quota") {
    const endsMs = periodEndMs(per, nowMs) - nowMs;
    return usedMilli + costMilli <= capacityMilli ? Math.min(endsMs, lentUntilMs - nowMs) : endsMs;
  }
  const missingBesideMilli = lentMilli + costMilli - capacityMilli;
  const afterLentMs =
    missingBesideMilli > 0 ? lentUntilMs - nowMs + Math.ceil(missingBesideMilli / milliPerMs) : 0;
  return Math.max(Math.ceil(missingMilli / milliPerMs), afterLentMs);
}

/** A denial, and when its request passes. */
interface Promised {
  /** By the object's clock. */
  readonly retryAtMs: number;
  /** What its limits held then: one that has changed since promises nothing. */
  readonly capacities: string;
}

/** Finds requests that are denied again when their time has come, although nobody has spent since. */
export class RetryWatch {
  readonly #promised = new Map<string, Promised>();

  /** Something was spent, lent, changed or lost: nothing that was promised holds. */
  disturb(): void {
    this.#promised.clear();
  }

  /**
   * @param request what the decision depends on.
   * @param retryAfterMs Infinity: never.
   */
  denied(
    request: string,
    rules: readonly (readonly [string, Rule])[],
    retryAfterMs: number,
    { localMs, atMs }: { readonly localMs: number; readonly atMs: number },
    wrong: Wrong,
  ): void {
    const capacities = rules.map(([, { capacityMilli }]) => capacityMilli).join();
    const before = this.#promised.get(request);
    if (before && before.capacities === capacities && localMs >= before.retryAtMs)
      wrong("G2", `denied again ${localMs - before.retryAtMs} ms after its Retry-After had passed`, { atMs });
    this.#promised.set(request, { retryAtMs: localMs + retryAfterMs, capacities });
  }
}
