/** What clients may send to the API, as schemas: unknown fields are refused, every string and list is bounded. */
import * as z from "zod/mini";
import { liveFiltersSchema } from "../analytics/live.ts";
import { boundedRecord } from "../bounded-record.ts";
import { INTERVAL_NAMES, ORDERS, OUTCOMES, STACKS } from "../analytics/reports/report-query.ts";
import { toMilli } from "../core/units.ts";
import { KEY_SCOPES } from "../identity/key-scope.ts";
import { userIdSchema } from "../identity/user-id.ts";
import { plainText } from "./plain-text.ts";

const MAX_COST = 1e6;
const tierName = z.string().check(z.regex(/^[a-z][a-z0-9_-]{0,31}$/, "is not the name of a tier"));
const limitName = z.string().check(z.regex(/^[a-z][a-z0-9_-]{0,31}$/, "is not the name of a limit"));
const displayName = plainText(200);
/** Times outside the years 1 to 9999 cannot be written as RFC 3339, not even the end of an hour that reaches out of them. */
const MIN_TIME_MS = Date.parse("0001-01-01T00:00:00Z");
const MAX_TIME_MS = Date.parse("9999-12-31T23:59:59.999Z");
const MAX_RANGE_END_MS = Date.parse("9999-12-31T23:00:00Z");
function isTimeUpTo(maxMs: number) {
  return z.refine<string>((text) => {
    const ms = Date.parse(text);
    // Text that is no time at all is another fault.
    return Number.isNaN(ms) || (ms >= MIN_TIME_MS && ms <= maxMs);
  }, "lies outside the years 1 to 9999");
}
/** RFC 3339 in UTC. */
const instant = z.iso.datetime().check(isTimeUpTo(MAX_TIME_MS));

/** One question of the decision API. Neither route nor cost: a cost of 1 against the tier's limits. */
export const operationSchema = z.strictObject({
  user: userIdSchema,
  /** A route of the policy by its id (its `match`): its cost and its own limits count. */
  route: z.optional(z.string().check(z.minLength(1), z.maxLength(320))),
  /** Tokens, in steps of 0.001. Comes before the route's cost. */
  cost: z.optional(
    z.number().check(
      z.gte(0),
      z.lte(MAX_COST),
      z.refine((cost) => cost < 0 || cost > MAX_COST || toMilli(cost) !== null, "is finer than 0.001"),
    ),
  ),
  /** The tier of a user without an account; an account's own tier comes first. */
  tier: z.optional(tierName),
  idempotencyKey: z.optional(
    z.string().check(z.regex(/^[\x21-\x7e]{1,128}$/, "must be 1 to 128 printable ASCII characters")),
  ),
  peek: z.optional(z.boolean()),
});
export type Operation = z.infer<typeof operationSchema>;

/** Operations in one batch at most. */
export const MAX_BATCH = 1_000;
/** Items are parsed one by one, so that a bad one fails alone. */
export const batchSchema = z.array(z.unknown()).check(z.minLength(1), z.maxLength(MAX_BATCH));

/** The admin token, in exchange for a session. */
export const newSessionSchema = z.strictObject({
  token: z.string().check(z.minLength(1), z.maxLength(1_024)),
});

/** Why a change is made, for the audit trail. */
const reason = z.optional(plainText(500));
const tokens = z.number().check(
  z.positive(),
  z.lte(1e9),
  z.refine((amount) => toMilli(amount) !== null, "is finer than 0.001"),
);

export const newAccountSchema = z.strictObject({
  id: userIdSchema,
  name: z.optional(displayName),
  /** The policy's default tier where left out. */
  tier: z.optional(tierName),
  reason,
});

/** A tier has 8 limits at most; further names are faults anyway. */
const MAX_OVERRIDES = 64;

/** Numbers of an account's own, by the name of the tier's limit. */
const overridesSchema = boundedRecord(
  limitName,
  z.strictObject({
    tokens: z.optional(tokens),
    per: z.optional(z.enum(["second", "minute", "hour", "day", "month"])),
    burst: z.optional(tokens),
    amount: z.optional(tokens),
    max: z.optional(z.int().check(z.gte(1), z.lte(1_000))),
  }),
  MAX_OVERRIDES,
  "has too many limits",
);

export const accountChangeSchema = z
  .strictObject({
    name: z.optional(displayName),
    tier: z.optional(tierName),
    status: z.optional(z.enum(["active", "blocked"])),
    /** Replaces all of the account's own numbers; null: the tier's numbers again. */
    limits: z.optional(z.nullable(overridesSchema)),
    reason,
  })
  .check(
    z.refine(
      ({ name, tier, status, limits }) => [name, tier, status, limits].some((field) => field !== undefined),
      "must change the name, the tier, the status or the limits",
    ),
  );

export const newGrantSchema = z.strictObject({
  /** The name of one of the tier's limits. */
  limit: limitName,
  /** Tokens (or slots) on top of its capacity. */
  amount: tokens,
  until: instant,
  reason,
});

export const resetSchema = z.strictObject({
  /** The limits to forget what was spent of; all where left out. */
  limits: z.optional(z.array(limitName).check(z.minLength(1), z.maxLength(32))),
  reason,
});

export const newKeySchema = z.strictObject({
  name: z.optional(displayName),
  /** What the key may do; ["call"] where left out. */
  scopes: z.optional(z.array(z.enum(KEY_SCOPES)).check(z.minLength(1), z.maxLength(KEY_SCOPES.length))),
  /** A key without it does not expire. */
  expiresAt: z.optional(instant),
  /** Only the prefix of the key; live where left out. */
  mode: z.optional(z.enum(["live", "test"])),
  reason,
});

/** A day where left out, at most 30. */
export const rotationSchema = z.strictObject({
  graceSeconds: z.optional(z.int().check(z.gte(0), z.lte(2_592_000))),
  mode: z.optional(z.enum(["live", "test"])),
  reason,
});

/** Checked by the policy's own schema once it is known that there is a document. */
const document = z.unknown();
/** Put it into force although accounts use tiers or limits that it lacks. */
const force = z.optional(z.boolean());
export const policyChangeSchema = z.strictObject({ document, reason, force });
export const policyCheckSchema = z.strictObject({ document });
export const activationSchema = z.strictObject({ reason, force });

/** Queries. All values are text; unknown parameters are refused. */
const pageSize = z.optional(z.string().check(z.regex(/^([1-9]\d?|100)$/, "must be 1 to 100")));
const cursor = z.optional(
  z.string().check(z.regex(/^[A-Za-z0-9_-]{1,4096}$/, "is not a cursor of this API")),
);
/** A moment as RFC 3339 in UTC, or a date: its first moment. Ranges are rounded to whole hours. */
const moment = z.optional(z.union([z.iso.datetime(), z.iso.date()]).check(isTimeUpTo(MAX_RANGE_END_MS)));

/** A policy to replay recorded decisions by. */
export const simulationSchema = z.strictObject({
  document,
  /** The last hour where left out. */
  from: moment,
  /** Exclusive; now where left out. */
  to: moment,
});

export const pageQuery = z.strictObject({ limit: pageSize, cursor });
export const accountsQuery = z.strictObject({
  tier: z.optional(tierName),
  status: z.optional(z.enum(["active", "blocked"])),
  /** Deleted accounts whose block is still in force, instead of existing accounts. */
  deleted: z.optional(z.enum(["true"])),
  /** Part of the id or the name, whatever its case. */
  name: z.optional(z.string().check(z.minLength(1), z.maxLength(200))),
  limit: pageSize,
  cursor,
});
export const usageQuery = z.strictObject({
  /** The beginning of the month where left out. */
  from: moment,
  /** Exclusive; now where left out. */
  to: moment,
  granularity: z.optional(z.enum(["hour", "day", "month"])),
  /** Months that begin on this day rather than on the first. */
  anchorDay: z.optional(z.string().check(z.regex(/^([1-9]|[12]\d|3[01])$/, "must be 1 to 31"))),
  /** A row per route rather than one for all. */
  group: z.optional(z.enum(["route"])),
  format: z.optional(z.enum(["json", "csv"])),
  limit: z.optional(z.string().check(z.regex(/^([1-9]\d{0,2}|1000)$/, "must be 1 to 1000"))),
  cursor,
});
export const reasonQuery = z.strictObject({ reason });
export const deletionQuery = z.strictObject({
  /** Lift the block too: of a deleted account also later. */
  unblock: z.optional(z.enum(["true"])),
  reason,
});
export const rebuildQuery = z.strictObject({ cursor, reset: z.optional(z.enum(["true"])) });

/** Exactly this value; of any text that a decision may have. */
const value = z.optional(z.string().check(z.maxLength(512)));
export const reportQuery = z.strictObject({
  /** An hour before `to` where left out. */
  from: moment,
  /** Exclusive; now where left out. */
  to: moment,
  interval: z.optional(z.enum(INTERVAL_NAMES)),
  by: z.optional(z.enum(STACKS)),
  order: z.optional(z.enum(ORDERS)),
  account: value,
  route: value,
  tier: value,
  outcome: z.optional(z.enum(OUTCOMES)),
  reason: value,
  source: value,
  keyId: value,
  format: z.optional(z.enum(["json", "csv"])),
  limit: z.optional(z.string().check(z.regex(/^([1-9]\d{0,2}|1000)$/, "must be 1 to 1000"))),
  cursor,
});
export const liveQuery = liveFiltersSchema;
export type ReportParameters = z.infer<typeof reportQuery>;
