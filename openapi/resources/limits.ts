/** A limit as it stands for a user: part of decisions and of statuses. */
import * as z from "zod/mini";
import type { LimitView } from "../../src/core/decision.ts";
import { limitViewSchema } from "../../src/limiter/decision-schema.ts";
import type { LimitStatus } from "../../src/objects/user-status.ts";
import { about, named } from "../annotations.ts";
import { amount, count, moment } from "../scalars.ts";

const view = limitViewSchema.shape;
const limitFields = {
  name: about("The name in the policy.", view.name),
  kind: view.kind,
  unit: z.exactOptional(about("What it counts. Absent: requests.", view.unit.def.innerType)),
  limit: about(
    "Capacity of the bucket, amount of the quota (tokens), or number of slots. With `included`: where a cap stops the quota; 2^50 thousandths if nothing does.",
    view.limit,
  ),
  remaining: about("Tokens that can be spent now, or free slots.", view.remaining),
  resetMs: about(
    "Milliseconds until the limit is full again. For a bucket with less than one token: until the next token. For a quota: until its period ends. For slots: at most 1,000, because a request may end at any moment.",
    view.resetMs,
  ),
  windowMs: about(
    "Milliseconds in which an empty bucket fills, the length of the quota's period, or how long a slot may be held.",
    view.windowMs,
  ),
  included: z.exactOptional(
    about(
      "Of the quota of an account that is billed: tokens in this period that the base fee covers.",
      view.included.def.innerType,
    ),
  ),
  over: z.exactOptional(
    about("Tokens used beyond `included`, with what is lent to isolates.", view.over.def.innerType),
  ),
};

export const limitSchema = named(
  "Limit",
  "One limit as it stands for this user now.",
  z.strictObject(limitFields) satisfies z.ZodMiniType<LimitView>,
);

export const limitStatusSchema = named(
  "LimitStatus",
  "One limit as it stands for this user now, with the period of a quota.",
  z.strictObject({
    ...limitFields,
    period: z.optional(
      named(
        "QuotaPeriod",
        "The current period of a quota. Other limits have none.",
        z.strictObject({
          start: moment("Inclusive."),
          end: moment("Exclusive."),
          used: amount(
            "Tokens counted in the period, including those lent to isolates: `limit` minus `remaining`, or more than `limit` if that was lowered.",
          ),
        }),
      ),
    ),
  }) satisfies z.ZodMiniType<LimitStatus>,
);

export const REVISION = "The policy revision that applied; 0 is the policy that ships with the Worker.";
export const revision = () => count(REVISION);

export const LIMITS = [
  { name: "minute", kind: "bucket", limit: 150, remaining: 148, resetMs: 1_200, windowMs: 90_000 },
  {
    name: "month",
    kind: "quota",
    limit: 50_000,
    remaining: 49_998,
    resetMs: 858_767_789,
    windowMs: 2_592_000_000,
  },
] as const;
