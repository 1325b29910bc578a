/** The price of operations at Cloudflare's list prices, the GB-seconds of objects included. Pure. */

/** Dollars per million operations, https://developers.cloudflare.com/workers/platform/pricing/ (November 2026); of CPU, per million ms. */
export const PRICES = {
  requests: 0.3,
  cpuMs: 0.02,
  objectCalls: 0.15,
  rowsWritten: 1,
  kvReads: 0.5,
  /** Also of deletions and lists. */
  kvWrites: 5,
  dataPoints: 0.25,
  /** GB-seconds of objects. */
  gbSeconds: 12.5,
} as const;

/** What an object is billed for while it is awake, whatever it uses. */
const OBJECT_GB = 0.128;

/** Numbers of operations. */
export interface OperationCounts {
  /** Calls to objects other than the metrics hub. */
  objectCalls: number;
  /** Calls to the metrics hub. */
  hubCalls: number;
  /** Rows written by objects other than the hub, as SQLite counts them. */
  rowsWritten: number;
  /** Rows written by the hub. */
  hubRows: number;
  kvReads: number;
  /** Includes deletions and lists, which cost the same. */
  kvWrites: number;
  dataPoints: number;
  /** How long objects were awake, the hub included, ms. */
  awakeMs: number;
  /** Digests of keys and verified signatures. Not billed but as CPU time. */
  credentialChecks: number;
}

/** The operations of a number of decisions. */
export interface Operations extends Readonly<OperationCounts> {
  readonly decisions: number;
}

/** Counts from a function of the operation's name. */
export function countsOf(count: (name: keyof OperationCounts) => number): OperationCounts {
  return {
    objectCalls: count("objectCalls"),
    hubCalls: count("hubCalls"),
    rowsWritten: count("rowsWritten"),
    hubRows: count("hubRows"),
    kvReads: count("kvReads"),
    kvWrites: count("kvWrites"),
    dataPoints: count("dataPoints"),
    awakeMs: count("awakeMs"),
    credentialChecks: count("credentialChecks"),
  };
}

/** @param cpuUs CPU time of one decision. @returns dollars per million decisions. */
export function priceOf(operations: Operations, cpuUs: number): number {
  const operationsPrice =
    (operations.objectCalls + operations.hubCalls) * PRICES.objectCalls +
    (operations.rowsWritten + operations.hubRows) * PRICES.rowsWritten +
    operations.kvReads * PRICES.kvReads +
    operations.kvWrites * PRICES.kvWrites +
    operations.dataPoints * PRICES.dataPoints +
    (operations.awakeMs / 1_000) * OBJECT_GB * PRICES.gbSeconds;
  return PRICES.requests + (cpuUs / 1_000) * PRICES.cpuMs + operationsPrice / operations.decisions;
}
