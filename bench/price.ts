/**
 * What operations cost at Cloudflare's list prices. Pure. Left out, since it depends on how long objects are awake: their GB-seconds.
 */

/** Dollars per million operations, https://developers.cloudflare.com/workers/platform/pricing/ (November 2026); of CPU, per million ms. */
export const PRICES = {
  requests: 0.3,
  cpuMs: 0.02,
  objectCalls: 0.15,
  rowsWritten: 1,
  kvReads: 0.5,
  /** Also deletions and lists. */
  kvWrites: 5,
  dataPoints: 0.25,
} as const;

/** Operations, as many as counted, and the decisions that took them. */
export interface Operations {
  readonly decisions: number;
  /** To all objects but the hub. */
  readonly objectCalls: number;
  readonly hubCalls: number;
  /** By all objects but the hub. */
  readonly rowsWritten: number;
  readonly hubRows: number;
  readonly kvReads: number;
  readonly kvWrites: number;
  readonly dataPoints: number;
}

/** @param cpuUs of one decision. @returns dollars per million decisions. */
export function priceOf(operations: Operations, cpuUs: number): number {
  const operationsPrice =
    (operations.objectCalls + operations.hubCalls) * PRICES.objectCalls +
    (operations.rowsWritten + operations.hubRows) * PRICES.rowsWritten +
    operations.kvReads * PRICES.kvReads +
    operations.kvWrites * PRICES.kvWrites +
    operations.dataPoints * PRICES.dataPoints;
  return PRICES.requests + (cpuUs / 1_000) * PRICES.cpuMs + operationsPrice / operations.decisions;
}
