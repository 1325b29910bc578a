/** Parses the states of a user's counters in the state row. */
import * as z from "zod/mini";
import { _default as withDefault } from "zod/mini";

const count = z.number().check(z.gte(0), z.lte(Number.MAX_SAFE_INTEGER));
const stateSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("bucket"),
    debtGrains: count,
    grain: count,
    // Formats 1 and 2 do not have it.
    rate: withDefault(z.int(), 0),
    atMs: count,
  }),
  z.strictObject({
    kind: z.literal("quota"),
    period: z.enum(["hour", "day", "month"]),
    anchorDay: z.optional(z.int()),
    startMs: count,
    endMs: count,
    usedMilli: count,
    atMs: count,
  }),
  z.strictObject({ kind: z.literal("concurrency"), slotsUntilMs: z.array(count) }),
]);

/** States by counter name. */
export const countersSchema = z.record(z.string(), stateSchema);
