/** Deliveries of events to a webhook endpoint: listed, and replayed, one or all dead ones. */
import type { Context } from "hono";
import * as z from "zod/mini";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { parseJson } from "../../json.ts";
import { type Delivery, DELIVERY_STATES } from "../../objects/webhook-endpoint.ts";
import { changeBy } from "../ask.ts";
import { readBody } from "../body.ts";
import type { Endpoints } from "../endpoint.ts";
import { cursor, pageLimit, reason } from "../fields.ts";
import { BAD_CURSOR, badQuery, cursorOf, numberOf, pageSize, readQuery } from "../query.ts";
import { iso, isoOrNull } from "../rfc3339.ts";
import { askDesk, attemptResponse, WEBHOOK_PATH } from "./endpoint-fields.ts";

const deliveriesQuery = z.strictObject({
  state: z.optional(z.enum(DELIVERY_STATES)),
  limit: pageLimit,
  cursor,
});
const replaySchema = z.strictObject({ reason });

export const DELIVERIES = {
  listDeliveries: {
    method: "GET",
    path: `${WEBHOOK_PATH}/deliveries`,
    access: "viewer",
    query: deliveriesQuery,
    handler: listDeliveries,
  },
  replayDelivery: {
    method: "POST",
    path: `${WEBHOOK_PATH}/deliveries/:event/replay`,
    access: "operator",
    body: replaySchema,
    idempotent: true,
    handler: replayDelivery,
  },
  replayDead: {
    method: "POST",
    path: `${WEBHOOK_PATH}/replay-dead`,
    access: "operator",
    body: replaySchema,
    idempotent: true,
    handler: replayDead,
  },
} as const satisfies Endpoints;

async function listDeliveries(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, deliveriesQuery);
  if (!query.ok) return query.response;
  const { state = null, limit, cursor: place } = query.value;
  const before = place === undefined ? Number.MAX_SAFE_INTEGER : numberOf(place);
  if (before === null) return badQuery(c, BAD_CURSOR).response;
  const count = pageSize(limit);
  const id = c.req.param("webhook") ?? "";
  return askDesk(c, { ask: "deliveries", id, state, before, count: count + 1 }, (answer) => {
    if (answer.kind !== "deliveries") return null;
    const page = answer.deliveries.slice(0, count);
    const last = page.at(-1);
    const next = last && answer.deliveries.length > count ? cursorOf(last.seq) : null;
    return c.json({ deliveries: page.map(deliveryResponse), cursor: next });
  });
}

async function replayDelivery(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, replaySchema);
  if (!body.ok) return body.response;
  const [id, event] = [c.req.param("webhook") ?? "", c.req.param("event") ?? ""];
  const by = await changeBy(c, body.value);
  return askDesk(c, { ask: "replay", id, event, by }, (answer) => {
    switch (answer.kind) {
      case "replayed":
        return c.json(deliveryResponse(answer.delivery));
      case "no-event": {
        const detail = "The endpoint has no event with this id. Events are kept for 30 days.";
        return problem("not_found", detail, c.var.requestId);
      }
      case "disabled":
        return disabled(c);
      default:
        return null;
    }
  });
}

async function replayDead(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, replaySchema);
  if (!body.ok) return body.response;
  const by = await changeBy(c, body.value);
  return askDesk(c, { ask: "replay-dead", id: c.req.param("webhook") ?? "", by }, (answer) => {
    if (answer.kind === "disabled") return disabled(c);
    if (answer.kind !== "replayed-dead") return null;
    return c.json({ replayed: answer.replayed, dead: answer.dead });
  });
}

function disabled(c: Context<AppEnv>): Response {
  const detail = 'The endpoint is disabled. Enable it first: PATCH it with "enabled": true.';
  return problem("conflict", detail, c.var.requestId);
}

function deliveryResponse(delivery: Delivery) {
  const { event, type, account, state, attempts, receivedMs, nextAttemptMs, lastAttempt, body } = delivery;
  return {
    event,
    type,
    account,
    state,
    attempts,
    receivedAt: iso(receivedMs),
    nextAttemptAt: isoOrNull(nextAttemptMs),
    lastAttempt: lastAttempt && attemptResponse(lastAttempt),
    body: parseJson(body),
  };
}
