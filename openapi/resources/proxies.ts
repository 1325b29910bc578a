/** What proxies ask: response schemas and texts. */
import * as z from "zod/mini";
import {
  descriptorSchema,
  MAX_DESCRIPTORS,
  MAX_ENTRIES,
  rateLimitRequestSchema,
} from "../../src/proxies/envoy/rate-limit-request.ts";
import type { RateLimitJson } from "../../src/proxies/envoy/rate-limit-response.ts";
import { about, describeFields, named } from "../annotations.ts";
import { json, type OperationNotes, text } from "../notes.ts";
import { words } from "../scalars.ts";

named(
  "RateLimitRequest",
  "envoy.service.ratelimit.v3.RateLimitRequest in proto3's JSON.",
  rateLimitRequestSchema,
);
describeFields(rateLimitRequestSchema, {
  domain: "Ignored: the policy has no domains.",
  descriptors: `At most ${MAX_DESCRIPTORS}. Each is decided by itself.`,
  hitsAddend: "What a descriptor without hits of its own costs. 0 or absent: what its route costs, or 1.",
});
describeFields(descriptorSchema, {
  entries: `At most ${MAX_ENTRIES}. The keys are \`user\`, and if need be \`route\` (the id of a route of the policy) and \`tier\` (of a user without an account).`,
  hitsAddend: "What this descriptor costs. 0 asks without a charge.",
  isNegativeHits: "A refund, which is not supported: it does nothing.",
});
describeFields(descriptorSchema.shape.entries.def.element, {
  key: "`user`, `route` or `tier`. A descriptor with another key is not limited.",
  value: "The user's id, the route's id, the tier's name.",
});

const code = z.enum(["OK", "OVER_LIMIT"]);

export const rateLimitResponseSchema = named(
  "RateLimitResponse",
  "envoy.service.ratelimit.v3.RateLimitResponse in proto3's JSON.",
  z.strictObject({
    overallCode: about("`OVER_LIMIT` if a descriptor is.", code),
    statuses: about(
      "One for each descriptor, in order.",
      z.array(
        z.strictObject({
          code: about("`OVER_LIMIT`: denied, and not charged.", code),
          currentLimit: z.exactOptional(
            z.strictObject({
              name: words("The limit that denied it, or else the one with the smallest share left."),
              requestsPerUnit: about("Of a bucket, its rate without the burst.", z.int()),
              unit: about("The unit of time.", z.enum(["SECOND", "MINUTE", "HOUR", "DAY", "MONTH"])),
            }),
          ),
          limitRemaining: z.exactOptional(about("What is left, rounded down.", z.int())),
          durationUntilReset: z.exactOptional(
            words("Until a denied descriptor passes, or else until the limit is full again, as `1.5s`."),
          ),
        }),
      ),
    ),
    responseHeadersToAdd: about(
      "The limit headers for the client.",
      z.array(z.strictObject({ key: words("The name."), value: words("The value.") })),
    ),
  }) satisfies z.ZodMiniType<RateLimitJson>,
);

const authorize: OperationNotes = {
  tag: "Proxies",
  summary: "May this request of a proxy's client pass?",
  description:
    "Takes every method, and every path below its own. The gateway's pipeline decides the client's request by its route, credentials, rules and limits; nothing is forwarded. The client's `Authorization` and `X-API-Key` are read as by the gateway. What says which request it is must agree: `X-Forwarded-Method` and `-Uri`, `X-Original-Method` and `-URI`, `X-Original-URL`, or the method and the rest of the path. The query `?deny=403` makes 403 of every rejection but 401, and `X-Edge-Limiter-Status` has the status that it replaces: nginx takes no other. No body is read.",
  responses: [
    {
      status: 200,
      description:
        "It may pass. `X-User-Id` names the user, and is absent for an anonymous caller. `RateLimit` and `RateLimit-Policy` are for the client.",
      headers: ["X-User-Tier"],
    },
  ],
  problems: [
    "invalid_request",
    "invalid_credentials",
    "credits_exhausted",
    "payment_overdue",
    "blocked",
    "denied_by_rule",
    "forbidden",
    "not_found",
    "method_not_allowed",
    "quota_exceeded",
    "spend_cap_reached",
    "budget_reached",
    "too_many_reservations",
    "loop_detected",
  ],
};

/** A user, and that it may pass. */
const REQUEST = "\u0012\u000f\n\r\n\u0004user\u0012\u0005alice";
const RESPONSE = "\b\u0001\u0012\u0002\b\u0001";

const shouldRateLimit: OperationNotes = {
  tag: "Proxies",
  summary: "Envoy's global rate limit service",
  description:
    "The method ShouldRateLimit, as Envoy's filter `grpc_http1_reverse_bridge` sends it without frames: a protobuf message as the body. Each descriptor is an operation of the decision API, decided by itself: if one is over its limit, the others are charged nevertheless. A descriptor with an unknown key, or without a user, is `OK`. An unknown route or tier is ignored. A user that is no user's id is `OVER_LIMIT`. As in protobuf, unknown fields are ignored. Slots of concurrency limits are given back at once.",
  body: {
    examples: {
      one: {
        domain: "edge",
        descriptors: [
          {
            entries: [
              { key: "user", value: "user-42" },
              { key: "route", value: "/compare" },
            ],
          },
        ],
        hitsAddend: 2,
      },
    },
    others: [text("application/x-protobuf", REQUEST)],
  },
  responses: [
    {
      status: 200,
      description: "The decisions, in the media type of the request.",
      contents: [
        json(rateLimitResponseSchema, {
          ok: {
            overallCode: "OK",
            statuses: [
              {
                code: "OK",
                currentLimit: { name: "minute", requestsPerUnit: 100, unit: "MINUTE" },
                limitRemaining: 148,
                durationUntilReset: "1.2s",
              },
            ],
            responseHeadersToAdd: [
              { key: "ratelimit-policy", value: '"minute";q=150;w=90' },
              { key: "ratelimit", value: '"minute";r=148;t=2' },
            ],
          },
        }),
        text("application/x-protobuf", RESPONSE),
      ],
    },
  ],
};

export const PROXIES_NOTES = { authorize, shouldRateLimit };
