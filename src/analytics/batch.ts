/** What an isolate tells the hub at once, as a schema: the two may be of different versions for a while after a deploy. */
import * as z from "zod/mini";
import type { MetricsDelta } from "./metrics/metric-deltas.ts";
import type { Point } from "./point.ts";

/** Points of one batch; Analytics Engine takes 250 of one invocation. */
export const MAX_BATCH_POINTS = 250;

export interface Batch {
  /** A random name of the isolate, and which of its batches this is: a batch that comes twice counts once. */
  readonly isolate: string;
  readonly seq: number;
  readonly points: readonly Point[];
  /** Whether the points are for reports; else live viewers alone see them. */
  readonly isStored: boolean;
  readonly metrics: MetricsDelta | null;
}

const amount = z.number().check(z.gte(0));

export const pointSchema = z.object({
  atMs: amount,
  account: z.string(),
  route: z.string(),
  tier: z.string(),
  outcome: z.enum(["allowed", "denied", "error"]),
  reason: z.string(),
  source: z.enum(["strict", "lease", "deny-cache", "fallback", "none"]),
  method: z.string(),
  colo: z.string(),
  country: z.string(),
  revision: z.number(),
  keyId: z.string(),
  upstreamStatus: z.enum(["1xx", "2xx", "3xx", "4xx", "5xx", "none"]),
  requestId: z.string(),
  cost: amount,
  limiterMs: amount,
  upstreamMs: amount,
  remainingFraction: amount,
  retryAfterMs: amount,
  requests: amount,
}) satisfies z.ZodMiniType<Point>;

export const batchSchema = z.object({
  isolate: z.string().check(z.minLength(1), z.maxLength(64)),
  seq: z.int().check(z.gte(1)),
  points: z.array(pointSchema).check(z.maxLength(MAX_BATCH_POINTS)),
  isStored: z.boolean(),
  /** Parsed by the store of metrics itself. */
  metrics: z.unknown(),
});
