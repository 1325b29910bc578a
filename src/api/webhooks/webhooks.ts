/** Webhook endpoints: where events are sent. A response shows an endpoint's secret once, when it is made. */
import type { Context } from "hono";
import * as z from "zod/mini";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { parseJson } from "../../json.ts";
import type { AuditEntry } from "../../objects/account.ts";
import { MAX_ENDPOINTS } from "../../objects/webhook-endpoint.ts";
import { changeBy } from "../ask.ts";
import { invalidContent, readBody } from "../body.ts";
import type { Endpoints } from "../endpoint.ts";
import { pageQuery, reason } from "../fields.ts";
import { BAD_CURSOR, badQuery, cursorOf, numberOf, pageSize, readQuery } from "../query.ts";
import { iso } from "../rfc3339.ts";
import {
  askDesk,
  attemptResponse,
  description,
  endpointResponse,
  endpointUrl,
  kinds,
  newSecret,
  urlFaults,
  WEBHOOK_PATH,
  WEBHOOKS_PATH,
} from "./endpoint-fields.ts";

const newEndpointSchema = z.strictObject({
  url: endpointUrl,
  description: z.optional(description),
  /** Default: all that the policy reports. */
  events: z.optional(kinds),
  reason,
});
const endpointChangeSchema = z.strictObject({
  url: z.optional(endpointUrl),
  description: z.optional(description),
  events: z.optional(kinds),
  /** false: nothing is sent, and events wait. true: they are sent at once. */
  enabled: z.optional(z.boolean()),
  reason,
});
const rotationSchema = z.strictObject({ reason });
const removalQuery = z.strictObject({ reason });

export const WEBHOOKS = {
  listWebhooks: { method: "GET", path: WEBHOOKS_PATH, access: "viewer", handler: listWebhooks },
  createWebhook: {
    method: "POST",
    path: WEBHOOKS_PATH,
    access: "admin",
    body: newEndpointSchema,
    idempotent: true,
    handler: createWebhook,
  },
  // Before getWebhook, whose `:webhook` takes its name, too.
  getWebhookAudit: {
    method: "GET",
    path: `${WEBHOOKS_PATH}/audit`,
    access: "viewer",
    query: pageQuery,
    handler: getWebhookAudit,
  },
  getWebhook: { method: "GET", path: WEBHOOK_PATH, access: "viewer", handler: getWebhook },
  changeWebhook: {
    method: "PATCH",
    path: WEBHOOK_PATH,
    access: "admin",
    body: endpointChangeSchema,
    idempotent: true,
    handler: changeWebhook,
  },
  deleteWebhook: {
    method: "DELETE",
    path: WEBHOOK_PATH,
    access: "admin",
    query: removalQuery,
    idempotent: true,
    handler: deleteWebhook,
  },
  rotateWebhook: {
    method: "POST",
    path: `${WEBHOOK_PATH}/rotate`,
    access: "admin",
    body: rotationSchema,
    idempotent: true,
    handler: rotateWebhook,
  },
  testWebhook: { method: "POST", path: `${WEBHOOK_PATH}/test`, access: "operator", handler: testWebhook },
} as const satisfies Endpoints;

async function listWebhooks(c: Context<AppEnv>): Promise<Response> {
  return askDesk(c, { ask: "endpoints" }, (answer) =>
    answer.kind === "endpoints"
      ? c.json({ webhooks: answer.endpoints.map(endpointResponse), maximum: MAX_ENDPOINTS })
      : null,
  );
}

async function createWebhook(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, newEndpointSchema);
  if (!body.ok) return body.response;
  const { url, description: text = "", events = null } = body.value;
  const faults = urlFaults(c, url);
  if (faults.length > 0) return invalidContent(c.var.requestId, faults).response;
  const secret = newSecret();
  const id = `we_${crypto.randomUUID().replaceAll("-", "")}`;
  const input = { id, url, description: text, events, secret };
  return askDesk(c, { ask: "add", input, by: await changeBy(c, body.value) }, (answer) => {
    if (answer.kind === "too-many") {
      return problem("conflict", `There are ${MAX_ENDPOINTS} webhook endpoints already.`, c.var.requestId);
    }
    if (answer.kind === "endpoint" && answer.isNew) {
      const warning = unreported(c.var.policy.events, events);
      return c.json({ ...endpointResponse(answer.endpoint), secret, warning }, 201);
    }
    const detail =
      "An earlier call with this Idempotency-Key made the endpoint. Its secret is not shown again: rotate it.";
    return problem("conflict", detail, c.var.requestId);
  });
}

/** Why the endpoint gets nothing, or not all that it asks for, by the policy in force; null: it gets all. */
function unreported(reported: ReadonlySet<string> | null, wanted: readonly string[] | null): string | null {
  if (reported === null)
    return 'The policy in force reports no events, so nothing is sent: list kinds in its "events".';
  const missing = (wanted ?? []).filter((kind) => !reported.has(kind));
  if (missing.length === 0) return null;
  return `The policy in force does not report ${missing.join(", ")}: list what you need in its "events".`;
}

async function getWebhook(c: Context<AppEnv>): Promise<Response> {
  return askDesk(c, { ask: "endpoint", id: idOf(c) }, (answer) => rendered(c, answer));
}

async function changeWebhook(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, endpointChangeSchema);
  if (!body.ok) return body.response;
  const { url, description: text, events, enabled } = body.value;
  const faults = urlFaults(c, url);
  if (faults.length > 0) return invalidContent(c.var.requestId, faults).response;
  const change = {
    ...(url === undefined ? {} : { url }),
    ...(text === undefined ? {} : { description: text }),
    ...(events === undefined ? {} : { events }),
    ...(enabled === undefined ? {} : { enabled }),
  };
  const by = await changeBy(c, body.value);
  return askDesk(c, { ask: "change", id: idOf(c), change, by }, (answer) => rendered(c, answer));
}

async function deleteWebhook(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, removalQuery);
  if (!query.ok) return query.response;
  const by = await changeBy(c, query.value);
  return askDesk(c, { ask: "delete", id: idOf(c), by }, ({ kind }) =>
    kind === "deleted" ? c.body(null, 204) : null,
  );
}

/** The old secret signs too for a day. */
async function rotateWebhook(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, rotationSchema);
  if (!body.ok) return body.response;
  const secret = newSecret();
  const by = await changeBy(c, body.value);
  return askDesk(c, { ask: "rotate", id: idOf(c), secret, by }, (answer) => {
    if (answer.kind !== "endpoint") return null;
    if (answer.isNew) return c.json({ ...endpointResponse(answer.endpoint), secret });
    const detail =
      "An earlier call with this Idempotency-Key has rotated the secret, which is not shown again. Rotate it with a new Idempotency-Key.";
    return problem("conflict", detail, c.var.requestId);
  });
}

async function testWebhook(c: Context<AppEnv>): Promise<Response> {
  return askDesk(c, { ask: "test", id: idOf(c) }, (answer) => {
    if (answer.kind !== "tested") return null;
    const { event, attempt, tookMs } = answer;
    return c.json({ event, delivered: attempt.error === null, ...attemptResponse(attempt), tookMs });
  });
}

async function getWebhookAudit(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, pageQuery);
  if (!query.ok) return query.response;
  const before = query.value.cursor === undefined ? Number.MAX_SAFE_INTEGER : numberOf(query.value.cursor);
  if (before === null) return badQuery(c, BAD_CURSOR).response;
  const count = pageSize(query.value.limit);
  return askDesk(c, { ask: "audit", before, count: count + 1 }, (answer) => {
    if (answer.kind !== "audit") return null;
    const entries = answer.entries.slice(0, count);
    const last = entries.at(-1);
    const cursor = last && answer.entries.length > count ? cursorOf(last.seq) : null;
    return c.json({ entries: entries.map(auditView), cursor });
  });
}

function idOf(c: Context<AppEnv>): string {
  return c.req.param("webhook") ?? "";
}

function rendered(c: Context<AppEnv>, answer: Parameters<Parameters<typeof askDesk>[2]>[0]): Response | null {
  return answer.kind === "endpoint" ? c.json(endpointResponse(answer.endpoint)) : null;
}

function auditView({ seq, atMs, actor, reason: why, action, before, after }: AuditEntry) {
  const change = { before: before && parseJson(before), after: after && parseJson(after) };
  return { seq, at: iso(atMs), actor, reason: why, action, ...change };
}
