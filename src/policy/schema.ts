/**
 * The policy document, schema 1: what an operator writes and KV carries.
 *
 * Says what each field may be, and nothing of what follows from it: compile.ts turns a document into decisions and finds
 * the faults that lie between fields. Unknown fields are refused everywhere, so a misspelt one never silently means "no
 * limit".
 */
import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";
import { boundedRecord } from "../bounded-record.ts";
import { MAX_SLOTS } from "../core/concurrency.ts";
import { toMilli } from "../core/units.ts";

z.config(en());

/** More tiers, limits or routes than this is a mistake; it also bounds the work of a compile. */
const MAX_TIERS = 64;
const MAX_LIMITS = 8;
const MAX_ROUTES = 500;
/** Bounds one number; whether a bucket can be counted exactly is checked when it is compiled. */
const MAX_TOKENS = 1e9;
const MAX_COST = 1e6;
/** An hour: a slot whose holder died is lost so long at most. */
const MAX_TTL_MS = 3_600_000;

/** Names go into headers, labels and counter names, so they are short and plain. */
export const NAME = /^[a-z][a-z0-9_-]{0,31}$/;
const name = z.string().check(z.regex(NAME, "must be 1 to 32 of a-z, 0-9, _ and -, and begin with a letter"));

/** A number out of bounds is told of once, by its bound. */
const isMilli = (tokens: number): boolean => tokens < 0 || tokens > MAX_TOKENS || toMilli(tokens) !== null;
const tokens = z.number().check(z.positive(), z.lte(MAX_TOKENS), z.refine(isMilli, "is finer than 0.001"));
const cost = z.number().check(z.gte(0), z.lte(MAX_COST), z.refine(isMilli, "is finer than 0.001"));
const scope = z.optional(z.enum(["user", "key", "route"]));

const limit = z.discriminatedUnion("kind", [
  z.strictObject({
    name,
    kind: z.literal("bucket"),
    /** Tokens refilled per period, steadily. */
    tokens,
    per: z.enum(["second", "minute", "hour", "day"]),
    /** Capacity in tokens; `tokens` where left out. */
    burst: z.optional(tokens),
    scope,
  }),
  z.strictObject({
    name,
    kind: z.literal("quota"),
    amount: tokens,
    per: z.enum(["hour", "day", "month"]),
    /** Day of the month on which a monthly quota begins, 1 to 31 (the last day in shorter months). */
    anchorDay: z.optional(z.int().check(z.gte(1), z.lte(31))),
    scope,
  }),
  z.strictObject({
    name,
    kind: z.literal("concurrency"),
    /** Requests under way at once. */
    max: z.int().check(z.gte(1), z.lte(MAX_SLOTS)),
    /** After which a slot that was not given back frees itself: longer than the slowest request. */
    ttlMs: z.int().check(z.gte(1), z.lte(MAX_TTL_MS)),
    scope,
  }),
]);

const limits = z.array(limit).check(z.maxLength(MAX_LIMITS));

const tier = z.strictObject({
  limits,
  /** strict: every request is decided by the user's object. leased: the edge may spend a lease (see docs/consistency.md). */
  mode: z.optional(z.enum(["strict", "leased"])),
  /** reserved: one write covers several decisions. exact: every charged decision is written, so a crash loses nothing. */
  durability: z.optional(z.enum(["reserved", "exact"])),
  /** What happens when the limiter itself fails: a bounded local bucket, let all pass, or refuse with 503. */
  onLimiterFailure: z.optional(z.enum(["local", "open", "closed"])),
  price: z.optional(
    z.strictObject({
      monthly: z.number().check(z.gte(0), z.lte(1e9)),
      currency: z.string().check(z.length(3)),
    }),
  ),
  overage: z.optional(z.strictObject({ per: tokens, price: z.number().check(z.gte(0), z.lte(1e9)) })),
});

/** `/literal/:param/*`: segments, no regular expressions; a star stands at the end only. */
const PATTERN = /^(\/(?:[A-Za-z0-9._~!$&'()+,;=@-]+|:[A-Za-z][A-Za-z0-9_]*))*(\/\*|\/)?$/;
const UPSTREAM = /^(https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?|service:[A-Z][A-Z0-9_]*)$/;
const MAX_TIMEOUT_MS = 300_000;

/** An upstream as a route or the UPSTREAM variable names it. */
export const upstreamSchema = z
  .string()
  .check(z.maxLength(2_048), z.regex(UPSTREAM, "must be an http(s) URL without a query, or service:BINDING"));

const route = z.strictObject({
  match: z
    .string()
    .check(
      z.minLength(1),
      z.maxLength(256),
      z.regex(PATTERN, "must be a path of literals and :params, with * at the end only"),
    ),
  methods: z.optional(
    z
      .array(z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]))
      .check(z.minLength(1), z.maxLength(7)),
  ),
  /** Tokens a request costs; 1 where left out, 0 exempts the route. */
  cost: z.optional(cost),
  /** Limits of this route alone, decided together with the tier's. */
  limits: z.optional(limits),
  /** required: a request without a credential is 401 instead of anonymous. */
  auth: z.optional(z.enum(["optional", "required"])),
  /** The variable UPSTREAM where left out. */
  upstream: z.optional(upstreamSchema),
  /** Until the upstream's response headers; the body may take longer. 30 s where left out. */
  timeoutMs: z.optional(z.int().check(z.gte(1), z.lte(MAX_TIMEOUT_MS))),
  /** Pass the API key on to the upstream. Off where left out. */
  forwardKey: z.optional(z.boolean()),
});

const origin = z
  .string()
  .check(
    z.maxLength(256),
    z.regex(/^(\*|https?:\/\/[^\s/?#]+)$/, "must be * or an origin such as https://app.example"),
  );

/** The whole document. */
export const policySchema = z.strictObject({
  schema: z.literal(1),
  tiers: boundedRecord(name, tier, MAX_TIERS, "has too many tiers"),
  routes: z.array(route).check(z.maxLength(MAX_ROUTES)),
  /** Tier of requests without a credential. */
  anonymousTier: name,
  /** Tier of a user whose account or token names none. */
  defaultTier: name,
  headers: z.optional(
    z.strictObject({
      /** Also send X-RateLimit-Limit, -Remaining and -Reset. On where left out. */
      xRateLimit: z.optional(z.boolean()),
    }),
  ),
  cors: z.optional(
    z
      .strictObject({
        origins: z.array(origin).check(z.minLength(1), z.maxLength(64)),
        credentials: z.optional(z.boolean()),
        maxAgeSeconds: z.optional(z.int().check(z.gte(0), z.lte(86_400))),
      })
      .check(
        z.refine(({ origins, credentials }) => !(credentials === true && origins.includes("*")), {
          error: "browsers take no credentials from any origin (*): name the origins",
          path: ["credentials"],
        }),
      ),
  ),
});

export type PolicyDocument = z.infer<typeof policySchema>;
export type LimitDocument = PolicyDocument["tiers"][string]["limits"][number];
export type RouteDocument = PolicyDocument["routes"][number];
