/**
 * The columns of analytics as data, shared by the writers, the reports and docs/analytics.md. One table for Analytics Engine
 * and for the embedded store, which has the same columns by the same names.
 *
 * Latencies are stored to three significant digits by both (reports/latency-scale.ts), so that their percentiles are equal.
 *
 * Only ever added to: what was written stays readable. A change of a column's meaning raises COLUMNS_VERSION.
 */
import type { Point } from "./point.ts";

/** Written as the first blob of every row, so that a reader can tell rows of different meaning apart. */
export const COLUMNS_VERSION = 1;

/** Where Analytics Engine keeps a field. */
export type ColumnName = "index1" | "timestamp" | `blob${number}` | `double${number}`;

export interface Column {
  readonly name: ColumnName;
  readonly comment: string;
}

/** A column for each field of a point. Analytics Engine sets `timestamp` itself. */
export const COLUMNS = {
  atMs: { name: "timestamp", comment: "when it was decided" },
  account: { name: "index1", comment: "subject: user:<id> or ip:<address>; sampling is by it" },
  route: { name: "blob2", comment: "the policy's id of the route, empty where none matched" },
  tier: { name: "blob3", comment: "tier that was decided by" },
  outcome: { name: "blob4", comment: "allowed, denied or error" },
  reason: { name: "blob5", comment: "limit that refused, or ok, exempt, blocked, unauthenticated, ..." },
  source: { name: "blob6", comment: "strict, lease, deny-cache, fallback or none" },
  method: { name: "blob7", comment: "HTTP method" },
  colo: { name: "blob8", comment: "Cloudflare data centre" },
  country: { name: "blob9", comment: "ISO 3166-1 alpha-2" },
  revision: { name: "blob10", comment: "policy revision" },
  keyId: { name: "blob11", comment: "API key's id, never the key" },
  upstreamStatus: { name: "blob12", comment: "class of the upstream's status: 2xx, ... or none" },
  requestId: { name: "blob13", comment: "X-Request-Id of the response" },
  cost: { name: "double1", comment: "tokens" },
  limiterMs: { name: "double2", comment: "ms that the decision took, to three digits" },
  upstreamMs: { name: "double3", comment: "ms until the upstream answered, to three digits" },
  remainingFraction: {
    name: "double4",
    comment: "what is left of the tightest limit, slots left out, 0 to 1",
  },
  retryAfterMs: { name: "double5", comment: "ms after which the request would pass" },
  requests: { name: "double6", comment: "requests that the row stands for, before sampling" },
} as const satisfies Record<keyof Point, Column>;

/** The first blob: {@link COLUMNS_VERSION}. */
export const VERSION_COLUMN: Column = { name: "blob1", comment: "version of these columns" };

/** How many rows a row stands for: 1 unless it was sampled. Set by the store. */
export const SAMPLE_INTERVAL = "_sample_interval";
