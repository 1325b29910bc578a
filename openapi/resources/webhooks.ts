/** Webhook endpoints: response schemas and texts. */
import * as z from "zod/mini";
import { EVENT_KINDS } from "../../src/event-kinds.ts";
import { DISABLED_REASONS, MAX_ENDPOINTS } from "../../src/objects/webhook-endpoint.ts";
import { about, named } from "../annotations.ts";
import { answer, type OperationNotes, PAGE, REASON } from "../notes.ts";
import { count, moment, momentOrNull, words } from "../scalars.ts";
import { auditSchema } from "./audit.ts";

const URL_FIELD =
  "Begins with `https://`. No private, loopback or other special address, no user, password or fragment. A product on your own machine, called at a loopback address, also takes loopback addresses, with `http://`.";
const EVENTS_FIELD =
  "The kinds of events that it gets; null: all that the policy reports. What the policy does not list in `events` is never sent.";

const attemptFields = {
  at: moment("When it was made."),
  status: about("The status of the answer; null: there was none.", z.nullable(z.int())),
  error: about("Why it is not delivered; null: it is.", z.nullable(z.string())),
};
export const attemptSchema = named("WebhookAttempt", "An attempt to deliver.", z.strictObject(attemptFields));

const endpointFields = {
  id: words("Identifies the endpoint."),
  url: words("Where events are sent."),
  description: words("For people."),
  events: about(EVENTS_FIELD, z.nullable(z.array(z.enum(EVENT_KINDS)))),
  enabled: about("Whether anything is sent.", z.boolean()),
  disabledReason: about(
    "`operator`: somebody disabled it. `gone`: it answered 410. `full`: it failed while 10,000 deliveries waited. Null: it is enabled.",
    z.nullable(z.enum(DISABLED_REASONS)),
  ),
  createdAt: moment("When it was made."),
  updatedAt: moment("When it was last changed."),
  oldSecretUntil: momentOrNull(
    "Until when the secret before the last rotation signs too; null: it does not.",
  ),
  waiting: count("Events that are not delivered yet."),
  dead: count("Events that were tried ten times and are not tried again, unless they are replayed."),
  oldestWaitingAt: momentOrNull("When the oldest waiting event came in."),
  lastAttempt: about(
    "The attempt since which it works, or fails; null: there was none yet.",
    z.nullable(attemptSchema),
  ),
};

const endpointSchema = named(
  "WebhookEndpoint",
  "Where events are sent, without its secret.",
  z.strictObject(endpointFields),
);
export type EndpointResponse = z.infer<typeof endpointSchema>;

const secret = about(
  "Verifies signatures (Standard Webhooks 1.0). Store it: it is shown in this response only.",
  z.string().check(z.regex(/^whsec_[A-Za-z0-9+/]{43}=$/)),
);

const newEndpointSchema = named(
  "NewWebhookEndpoint",
  "A new endpoint with its secret.",
  z.strictObject({
    ...endpointFields,
    secret,
    warning: about(
      "Why the endpoint gets nothing, or not all of its kinds: the policy in force does not report them. Null: it reports all.",
      z.nullable(z.string()),
    ),
  }),
);
const rotatedSchema = named(
  "RotatedWebhookEndpoint",
  "An endpoint with its new secret.",
  z.strictObject({ ...endpointFields, secret }),
);
const endpointsSchema = z.strictObject({
  webhooks: about("In order of creation.", z.array(endpointSchema)),
  maximum: count("How many endpoints there may be."),
});
const testSchema = z.strictObject({
  event: words("The test event's id."),
  delivered: about("Whether the endpoint answered with 2xx.", z.boolean()),
  ...attemptFields,
  tookMs: count("Milliseconds until the answer, or until the attempt was given up."),
});
const ENDPOINT = {
  id: "we_8f14e45fceea167a5a36dedd4bea2543",
  url: "https://billing.example.com/hooks/edge-limiter",
  description: "Billing",
  events: ["invoice.issued", "invoice.paid"],
  enabled: true,
  disabledReason: null,
  createdAt: "2026-11-21T01:27:13.158Z",
  updatedAt: "2026-11-21T01:27:13.158Z",
  oldSecretUntil: null,
  waiting: 0,
  dead: 0,
  oldestWaitingAt: null,
  lastAttempt: { at: "2026-11-21T03:12:00.480Z", status: 204, error: null },
} satisfies EndpointResponse;

/** Works only in a test. */
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw7kRL0hR5v0U=";

const shown = (example: EndpointResponse) =>
  answer(200, "The endpoint.", endpointSchema, { endpoint: example });

const listWebhooks: OperationNotes = {
  tag: "Webhooks",
  summary: "List webhook endpoints",
  description: "With what waits for each.",
  responses: [
    answer(200, "The endpoints.", endpointsSchema, {
      endpoints: { webhooks: [ENDPOINT], maximum: MAX_ENDPOINTS },
    }),
  ],
};

const createWebhook: OperationNotes = {
  tag: "Webhooks",
  summary: "Add a webhook endpoint, whose secret is shown only in this response",
  description: `It gets events that happen from now on. At most ${MAX_ENDPOINTS} endpoints. The kinds: ${EVENT_KINDS.map((kind) => `\`${kind}\``).join(", ")}.`,
  body: {
    fields: {
      url: URL_FIELD,
      description: "For people.",
      events: `${EVENTS_FIELD} Default: null.`,
      reason: REASON,
    },
    examples: {
      "some kinds": {
        url: "https://billing.example.com/hooks/edge-limiter",
        description: "Billing",
        events: ["invoice.issued", "invoice.paid"],
      },
      "all kinds": { url: "https://hooks.example.com/edge-limiter" },
    },
  },
  responses: [
    answer(201, "The endpoint, with its secret.", newEndpointSchema, {
      endpoint: { ...ENDPOINT, lastAttempt: null, secret: SECRET, warning: null },
      "a policy without events": {
        ...ENDPOINT,
        lastAttempt: null,
        secret: SECRET,
        warning: 'The policy in force reports no events, so nothing is sent: list kinds in its "events".',
      },
    }),
  ],
  problems: ["conflict"],
};

const getWebhook: OperationNotes = {
  tag: "Webhooks",
  summary: "A webhook endpoint",
  description: "Without its secret, which is shown only when it is made.",
  responses: [shown(ENDPOINT)],
  problems: ["not_found"],
};

const changeWebhook: OperationNotes = {
  tag: "Webhooks",
  summary: "Change a webhook endpoint, disable or enable it",
  description:
    "While an endpoint is disabled, its events wait, for at most 30 days. When it is enabled, or has a new URL, they are sent at once.",
  body: {
    fields: {
      url: URL_FIELD,
      description: "For people.",
      events: EVENTS_FIELD,
      enabled: "`false`: nothing is sent, and events wait.",
      reason: REASON,
    },
    examples: { enable: { enabled: true, reason: "Receiver repaired" } },
  },
  responses: [shown(ENDPOINT)],
  problems: ["not_found"],
};

const deleteWebhook: OperationNotes = {
  tag: "Webhooks",
  summary: "Delete a webhook endpoint",
  description: "What waits for it is deleted too.",
  query: { reason: REASON },
  responses: [{ status: 204, description: "It is deleted." }],
  problems: ["not_found"],
};

const rotateWebhook: OperationNotes = {
  tag: "Webhooks",
  summary: "Give a webhook endpoint a new secret",
  description:
    "The old secret signs too for a day, in the same header: receivers that know either of them accept. Another rotation ends the one before.",
  body: { fields: { reason: REASON }, examples: { yearly: { reason: "Yearly" } } },
  responses: [
    answer(200, "The endpoint, with its new secret.", rotatedSchema, {
      endpoint: { ...ENDPOINT, oldSecretUntil: "2026-11-22T01:27:13.158Z", secret: SECRET },
    }),
  ],
  problems: ["not_found", "conflict"],
};

const testWebhook: OperationNotes = {
  tag: "Webhooks",
  summary: "Send a test event to a webhook endpoint, now and once",
  description:
    "The event has the type `webhook.test`, is signed as all are, and is not stored or repeated. Works for a disabled endpoint too.",
  responses: [
    answer(200, "What came of it.", testSchema, {
      delivered: {
        event: "evt_test5d41402abc4b2a76b9719d911017c592",
        delivered: true,
        at: "2026-11-21T03:12:00.480Z",
        status: 204,
        error: null,
        tookMs: 38,
      },
    }),
  ],
  problems: ["not_found"],
};

const getWebhookAudit: OperationNotes = {
  tag: "Webhooks",
  summary: "Who changed webhook endpoints, when and why, newest first",
  description: "Also of deleted ones.",
  query: PAGE,
  responses: [
    answer(200, "A page of changes.", auditSchema, {
      page: {
        entries: [
          {
            seq: 3,
            at: "2026-11-21T01:27:13.158Z",
            actor: "admin-token",
            reason: "Yearly",
            action: "webhook.rotate",
            before: null,
            after: { id: ENDPOINT.id },
          },
        ],
        cursor: null,
      },
    }),
  ],
};

export const WEBHOOKS_NOTES = {
  listWebhooks,
  createWebhook,
  getWebhookAudit,
  getWebhook,
  changeWebhook,
  deleteWebhook,
  rotateWebhook,
  testWebhook,
};
