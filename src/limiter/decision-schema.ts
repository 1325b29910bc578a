/**
 * The fields of a decision as schemas: of one that was stored for its idempotency key, and of the API's answer, to which
 * openapi/resources/decisions.ts adds descriptions. core/decision.ts says what the fields mean.
 */
import * as z from "zod/mini";
import { QUOTA_CAPS } from "../core/calendar-quota.ts";
import {
  type Decision,
  DECISION_OUTCOMES,
  DECISION_SOURCES,
  type LimitView,
  type Reservation,
  type Slot,
} from "../core/decision.ts";

const amount = () => z.number().check(z.gte(0));

export const limitViewSchema = z.object({
  name: z.string(),
  kind: z.enum(["bucket", "quota", "concurrency"]),
  unit: z.exactOptional(z.string()),
  limit: amount(),
  remaining: amount(),
  resetMs: amount(),
  windowMs: amount(),
  included: z.exactOptional(amount()),
  over: z.exactOptional(amount()),
}) satisfies z.ZodMiniType<LimitView>;

export const slotSchema = z.object({
  counter: z.string(),
  untilMs: amount(),
}) satisfies z.ZodMiniType<Slot>;

export const reservationSchema = z.object({
  id: z.string(),
  expiresAt: z.string(),
}) satisfies z.ZodMiniType<Reservation>;

export const decisionSchema = z.object({
  outcome: z.enum(DECISION_OUTCOMES),
  allowed: z.boolean(),
  cost: amount(),
  units: z.exactOptional(z.record(z.string(), amount())),
  limits: z.array(limitViewSchema),
  retryAfterMs: z.nullable(amount()),
  violated: z.array(z.string()),
  cap: z.exactOptional(z.enum(QUOTA_CAPS)),
  shadowed: z.exactOptional(z.array(z.string())),
  source: z.enum(DECISION_SOURCES),
  tier: z.string(),
  revision: z.int().check(z.gte(0)),
  decisionId: z.string(),
  replayed: z.exactOptional(z.literal(true)),
  holds: z.array(slotSchema),
  reservation: z.exactOptional(reservationSchema),
}) satisfies z.ZodMiniType<Decision>;

/** A decision that was stored for its idempotency key: only allowed ones are. */
export const rememberedDecisionSchema = z.extend(decisionSchema, {
  outcome: z.literal("allowed"),
  allowed: z.literal(true),
});
