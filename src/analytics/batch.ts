/** What an isolate sends to the hub at once, as a schema: after a deploy the two may be of different versions for a while. */
import * as z from "zod/mini";
import type { MetricsDelta } from "./metrics/metric-deltas.ts";
import { enumOf, FIELD_NAMES, fieldOf, isPoint, missingValue, type Point, type PointField } from "./point.ts";

/**
 * How long points wait for others if no setting says so: a call to the hub and the rows that it writes cost more than the decision of a
 * user who sends a request a second. The runtime keeps an isolate for 30 s after a response.
 */
export const DEFAULT_DELAY_MS = 20_000;

/** The longest wait that a setting may ask for. */
export const MAX_DELAY_MS = 20_000;

/** Points of one batch: Analytics Engine takes 250 from one invocation. */
export const MAX_BATCH_POINTS = 250;

export interface Batch {
  /** A random name of the isolate, and the number of its batch: a batch that arrives twice counts once. */
  readonly isolate: string;
  readonly seq: number;
  readonly points: readonly Point[];
  /** Whether to store the points for reports; otherwise only live viewers see them. */
  readonly isStored: boolean;
  readonly metrics: MetricsDelta | null;
}

const amount = z.number().check(z.gte(0));

function valueSchema(name: PointField): z.ZodMiniType<string | number> {
  const values = enumOf(name);
  if (values) return z.enum(values);
  return fieldOf(name).type === "number" ? amount : z.string();
}

/** Isolates of an older version do not know the added fields. */
function fieldSchema(name: PointField): z.ZodMiniType<string | number> {
  const schema = valueSchema(name);
  if (!fieldOf(name).added) return schema;
  // z.default would put all of zod's helpers into the Worker.
  return z.pipe(
    z.optional(schema),
    z.transform((value) => value ?? missingValue(name)),
  );
}

/** Leaves out fields that a point does not have. */
export const pointSchema = z.pipe(
  z.object(Object.fromEntries(FIELD_NAMES.map((name) => [name, fieldSchema(name)]))),
  z.custom<Point, Record<string, string | number>>(isPoint),
) satisfies z.ZodMiniType<Point>;

export const batchSchema = z.object({
  isolate: z.string().check(z.minLength(1), z.maxLength(64)),
  seq: z.int().check(z.gte(1)),
  points: z.array(pointSchema).check(z.maxLength(MAX_BATCH_POINTS)),
  isStored: z.boolean(),
  /** The metric store parses it. */
  metrics: z.unknown(),
});
