/**
 * The policy document, schema 1, as operators write it and KV stores it.
 *
 * Checks each field by itself; compile.ts finds the faults between fields. Unknown fields are rejected everywhere, so that a misspelt one
 * never silently means "no limit".
 */
import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";
import { boundedRecord } from "../bounded-record.ts";
import { MAX_SLOTS } from "../core/concurrency.ts";
import { billing, overage, plan } from "./billing-schema.ts";
import { upstreams } from "./pool-schema.ts";
import { cache } from "./cache-schema.ts";
import { rules } from "./rule-schema.ts";
import { anchorDay, cost, name, tokens, unitName } from "./scalars.ts";
import { routeUpstreamSchema } from "./upstream-schema.ts";
import { requestTransform, responseTransform } from "./transform-schema.ts";
import { usage } from "./usage-schema.ts";

z.config(en());

/** More tiers, limits or routes would be a mistake. These bounds also bound the work of a compile. */
const MAX_TIERS = 64;
const MAX_LIMITS = 8;
const MAX_ROUTES = 500;
/** An hour: a slot whose holder died stays taken for this long at most. */
const MAX_TTL_MS = 3_600_000;

const scope = z.optional(z.enum(["user", "key", "route"]));
/** Counts and reports what it would reject, and rejects nothing (docs/shadow.md). A limit's own value applies before its tier's or route's. */
const shadow = () => z.optional(z.boolean());
/** What the limit counts (docs/units.md). Default: requests. */
const unit = z.optional(unitName);

const limit = z.discriminatedUnion("kind", [
  z.strictObject({
    name,
    kind: z.literal("bucket"),
    /** Tokens refilled per period, continuously. */
    tokens,
    per: z.enum(["second", "minute", "hour", "day"]),
    /** Capacity in tokens. Default: `tokens`. */
    burst: z.optional(tokens),
    unit,
    scope,
    shadow: shadow(),
  }),
  z.strictObject({
    name,
    kind: z.literal("quota"),
    amount: tokens,
    per: z.enum(["hour", "day", "month"]),
    /** The day on which a monthly quota starts. */
    anchorDay: z.optional(anchorDay),
    /** What usage beyond the amount costs. Only with `billing`, in one quota of a tier. */
    overage: z.optional(overage),
    unit,
    scope,
    shadow: shadow(),
  }),
  z.strictObject({
    name,
    kind: z.literal("concurrency"),
    /** Maximum number of concurrent requests. */
    max: z.int().check(z.gte(1), z.lte(MAX_SLOTS)),
    /** A slot that is not released expires after this time. Choose it longer than the slowest request. */
    ttlMs: z.int().check(z.gte(1), z.lte(MAX_TTL_MS)),
    scope,
    shadow: shadow(),
  }),
]);

const limits = z.array(limit).check(z.maxLength(MAX_LIMITS));

const tier = z.strictObject({
  limits,
  /** Of all its limits. */
  shadow: shadow(),
  /**
   * auto: isolates may spend a lease while the user is hot and below the limit (docs/consistency.md). strict: the user's object decides
   * every request. leased: the older name of auto.
   */
  mode: z.optional(z.enum(["auto", "strict", "leased"])),
  /** reserved: one write covers several decisions. exact: every charged decision is written, so a crash loses nothing. */
  durability: z.optional(z.enum(["reserved", "exact"])),
  /** If the limiter itself fails: limit in the isolate, admit all, or reject all with 503. */
  onLimiterFailure: z.optional(z.enum(["local", "open", "closed"])),
  /** What the tier costs. Only with `billing`. */
  plan: z.optional(plan),
  /** Informational, and so is the tier's `overage`: `plan` and a limit's `overage` are what bills are made from. */
  price: z.optional(
    z.strictObject({
      monthly: z.number().check(z.gte(0), z.lte(1e9)),
      currency: z.string().check(z.length(3)),
    }),
  ),
  overage: z.optional(z.strictObject({ per: tokens, price: z.number().check(z.gte(0), z.lte(1e9)) })),
});

/** `/literal/:param/*`: segments without regular expressions; a star only at the end. */
export const PATTERN = /^(\/(?:[A-Za-z0-9._~!$&'()+,;=@-]+|:[A-Za-z][A-Za-z0-9_]*))*(\/\*|\/)?$/;
const MAX_TIMEOUT_MS = 300_000;

/** A day, or a time of UTC. */
const DATE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}Z)?$/;
/** Days that a month does not have are those of the next one to `Date`. */
const isDate = (text: string): boolean => {
  const ms = DATE.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text.replace("Z", ""));
};
const date = z
  .string()
  .check(
    z.refine(isDate, "must be a date such as 2027-01-31, or a time of UTC such as 2027-01-31T12:00:00Z"),
  );

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
  /** Cost of a request: a number of requests, or amounts by unit. Default: 1; 0 exempts the route. */
  cost: z.optional(cost),
  /** The route's own limits, decided together with the tier's. */
  limits: z.optional(limits),
  /** Of its own limits. */
  shadow: shadow(),
  /**
   * required: requests without a credential are rejected with 401. none: no credential is read, the caller is its address, and the
   * Authorization header is the upstream's.
   */
  auth: z.optional(z.enum(["optional", "required", "none"])),
  /** Whether the route counts for no other spelling of its paths (docs/gateway.md). Default: false. */
  exactPath: z.optional(z.boolean()),
  /** Default: the variable UPSTREAM. */
  upstream: z.optional(routeUpstreamSchema),
  /** Deadline of the upstream's response headers, from the end of the request's body. Default: 30 s. */
  timeoutMs: z.optional(z.int().check(z.gte(1), z.lte(MAX_TIMEOUT_MS))),
  /** Whether the upstream gets the API key. Default: false. */
  forwardKey: z.optional(z.boolean()),
  /** Whether the upstream gets headers that override method or path (X-HTTP-Method-Override and the like). Default: false. */
  forwardOverrides: z.optional(z.boolean()),
  /** Since when, or from when on, the route is deprecated: responses say so (RFC 9745). */
  deprecated: z.optional(date),
  /** When the route is expected to stop working: responses say so (RFC 8594). */
  sunset: z.optional(date),
  /** What a request costs if that is known only from its response. */
  usage: z.optional(usage),
  /** Responses that the edge stores and sends again. */
  cache: z.optional(cache),
  /** How requests are changed before they are forwarded, and responses before they are returned (docs/transformation.md). */
  request: z.optional(requestTransform),
  response: z.optional(responseTransform),
});

const origin = z
  .string()
  .check(
    z.maxLength(256),
    z.regex(/^(\*|[a-z][a-z0-9+.-]*:\/\/[^\s/?#]+)$/, "must be * or an origin such as https://app.example"),
  );

/** The whole document. */
export const policySchema = z.strictObject({
  schema: z.literal(1),
  tiers: boundedRecord(name, tier, MAX_TIERS, "has too many tiers"),
  routes: z.array(route).check(z.maxLength(MAX_ROUTES)),
  /** Pools of upstreams, by the names that routes give as `pool:NAME`. */
  upstreams: z.optional(upstreams),
  /** The tier of requests without a credential. */
  anonymousTier: name,
  /** The tier of users whose account or token names none. */
  defaultTier: name,
  /** shadow: every limit is one in shadow, except quotas with overage. Default: on. */
  enforcement: z.optional(z.enum(["on", "shadow"])),
  /** In front of all limits: the first rule that matches a request applies. */
  rules: z.optional(rules),
  /** Without it, nothing is billed. */
  billing: z.optional(billing),
  /** The kinds of events that webhooks report (docs/webhooks.md). Default: none. Unknown ones: event-faults.ts. */
  events: z.optional(z.array(z.string().check(z.maxLength(64))).check(z.maxLength(64))),
  headers: z.optional(
    z.strictObject({
      /** Whether to send X-RateLimit-Limit, -Remaining and -Reset too. Default: false. */
      xRateLimit: z.optional(z.boolean()),
      /** Whether to send Server-Timing too. Default: the variable SERVER_TIMING. */
      serverTiming: z.optional(z.boolean()),
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
          error: "browsers reject credentials if any origin (*) is allowed: name the origins",
          path: ["credentials"],
        }),
      ),
  ),
});

export type PolicyDocument = z.infer<typeof policySchema>;
export type TierDocument = PolicyDocument["tiers"][string];
export type LimitDocument = TierDocument["limits"][number];
export type RouteDocument = PolicyDocument["routes"][number];
