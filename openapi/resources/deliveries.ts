/** Deliveries to webhook endpoints: response schemas and texts. */
import * as z from "zod/mini";
import { DELIVERY_STATES, MAX_REPLAYED } from "../../src/objects/webhook-endpoint.ts";
import { about, named } from "../annotations.ts";
import { EVENT_EXAMPLES } from "../event-examples.ts";
import { answer, CURSOR, type OperationNotes, PAGE, REASON } from "../notes.ts";
import { count, moment, momentOrNull, nextCursor, words } from "../scalars.ts";
import { attemptSchema } from "./webhooks.ts";

const deliverySchema = named(
  "WebhookDelivery",
  "An event on its way to an endpoint.",
  z.strictObject({
    event: words("The event's id, which is sent as `webhook-id`."),
    type: words("Its kind."),
    account: about("The account that it is about; null: none.", z.nullable(z.string())),
    state: about(
      "`waiting`: tried again, or held back until an earlier event of its account is delivered or dead. `delivered`: answered with 2xx. `dead`: tried ten times.",
      z.enum(DELIVERY_STATES),
    ),
    attempts: count("So far."),
    receivedAt: moment("When the event came in."),
    nextAttemptAt: momentOrNull(
      "When it is tried next; null: never, or after an earlier event of its account.",
    ),
    lastAttempt: about("Null: there was none.", z.nullable(attemptSchema)),
    body: about("What is sent.", z.unknown()),
  }),
);

export type DeliveryResponse = z.infer<typeof deliverySchema>;

const deliveriesSchema = z.strictObject({ deliveries: z.array(deliverySchema), cursor: nextCursor() });

const replayedSchema = z.strictObject({
  replayed: count("Dead deliveries that wait again."),
  dead: count("Deliveries that are still dead. Above 0: repeat the call with another Idempotency-Key."),
});

const DELIVERY = {
  event: "evt_5d41402abc4b2a76b9719d911017c592",
  type: "invoice.paid",
  account: "acme",
  state: "dead" as const,
  attempts: 10,
  receivedAt: "2026-11-21T03:12:00.402Z",
  nextAttemptAt: null,
  lastAttempt: { at: "2026-11-24T06:40:00.480Z", status: 500, error: "Answered 500" },
  body: {
    type: "invoice.paid",
    timestamp: "2026-11-21T03:12:00.000Z",
    data: EVENT_EXAMPLES["invoice.paid"].data,
  },
};

const listDeliveries: OperationNotes = {
  tag: "Webhooks",
  summary: "Deliveries to a webhook endpoint, newest first",
  description: "Of the last 30 days; of more than 250,000 events, the oldest delivered ones are left out.",
  query: { state: "Only deliveries in this state.", limit: PAGE.limit, cursor: CURSOR },
  responses: [
    answer(200, "A page of deliveries.", deliveriesSchema, {
      dead: { deliveries: [DELIVERY], cursor: null },
    }),
  ],
  problems: ["not_found"],
};

const replayDelivery: OperationNotes = {
  tag: "Webhooks",
  summary: "Send an event to a webhook endpoint again",
  description:
    "At once, with the same id, and with ten attempts again. Later events of its account may have been delivered before.",
  body: { fields: { reason: REASON }, examples: { repaired: { reason: "Receiver repaired" } } },
  responses: [
    answer(200, "The delivery, which waits now.", deliverySchema, {
      delivery: {
        ...DELIVERY,
        state: "waiting",
        attempts: 0,
        nextAttemptAt: "2026-11-24T09:00:00.000Z",
        lastAttempt: null,
      },
    }),
  ],
  problems: ["not_found", "conflict"],
};

const replayDead: OperationNotes = {
  tag: "Webhooks",
  summary: "Send all dead events to a webhook endpoint again",
  description: `The oldest ${MAX_REPLAYED} in one call, as long as at most half of the endpoint's queue waits. Repeat it while \`dead\` is above 0. The events of an account are sent in order, each with the same id and with ten attempts again. With the same Idempotency-Key, a call replays once.`,
  body: { fields: { reason: REASON }, examples: { repaired: { reason: "Receiver repaired" } } },
  responses: [
    answer(200, "How many wait again, and how many are dead.", replayedSchema, {
      all: { replayed: 17, dead: 0 },
    }),
  ],
  problems: ["not_found", "conflict"],
};

export const DELIVERIES_NOTES = { listDeliveries, replayDelivery, replayDead };
