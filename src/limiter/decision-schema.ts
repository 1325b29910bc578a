/**
 * A decision as a schema, for reading one that was remembered for its idempotency key: only allowed ones are. core/decision.ts says
 * what the fields mean.
 */
import * as z from "zod/mini";
import type { Decision } from "../core/decision.ts";

export const decisionSchema = z.object({
  outcome: z.literal("allowed"),
  allowed: z.literal(true),
  cost: z.number(),
  limits: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(["bucket", "quota", "concurrency"]),
      limit: z.number(),
      remaining: z.number(),
      resetMs: z.number(),
      windowMs: z.number(),
    }),
  ),
  retryAfterMs: z.nullable(z.number()),
  violated: z.array(z.string()),
  source: z.enum(["strict", "lease", "deny-cache", "fallback", "none"]),
  tier: z.string(),
  revision: z.number(),
  decisionId: z.string(),
  holds: z.array(z.object({ counter: z.string(), untilMs: z.number() })),
}) satisfies z.ZodMiniType<Decision>;
