/** Schemas and views of webhook endpoints, which several of their endpoints share. */
import type { Context } from "hono";
import * as z from "zod/mini";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { EVENT_KINDS } from "../../event-kinds.ts";
import type { Fault } from "../../policy/fault.ts";
import { endpointFault, isLoopback, MAX_URL_LENGTH } from "../../objects/webhook-address.ts";
import type { CallDiffers } from "../../objects/change.ts";
import { type DeskAnswer, type DeskRequest, webhookDeskOf } from "../../objects/webhook-desk.ts";
import type { Attempt, EndpointView } from "../../objects/webhook-endpoint.ts";
import { ask } from "../ask.ts";
import { ADMIN } from "../endpoint.ts";
import { plainText } from "../plain-text.ts";
import { iso, isoOrNull } from "../rfc3339.ts";

export const WEBHOOKS_PATH = `${ADMIN}/webhooks`;
export const WEBHOOK_PATH = `${WEBHOOKS_PATH}/:webhook`;

export const endpointUrl = z.string().check(z.minLength(1), z.maxLength(MAX_URL_LENGTH));
export const description = plainText(200);
/** The kinds that it gets; null: all that the policy reports. */
export const kinds = z.nullable(
  z.array(z.enum(EVENT_KINDS)).check(z.minLength(1), z.maxLength(EVENT_KINDS.length)),
);

/** Bytes of a secret: Standard Webhooks 1.0 asks for 24 to 64. */
const SECRET_BYTES = 32;

export function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}

type Answered = Exclude<DeskAnswer, CallDiffers>;

/** Asks the desk and renders its answer; null: it is none of those that `render` expects, so there is no such endpoint. */
export function askDesk(
  c: Context<AppEnv>,
  request: DeskRequest,
  render: (answer: Answered) => Response | null,
): Promise<Response> {
  const call: Promise<DeskAnswer> = webhookDeskOf(c.env.WEBHOOK_DESK).ask(request);
  return ask<DeskAnswer>(c, "webhook desk", call, (answer) => render(answer) ?? noEndpoint(c));
}

/** What is wrong with a URL; empty: nothing. A Worker that is called at a loopback address runs on the operator's machine. */
export function urlFaults(c: Context<AppEnv>, url: string | undefined): Fault[] {
  const isLocal = isLoopback(new URL(c.req.url).hostname);
  const message = url === undefined ? null : endpointFault(url, isLocal);
  return message === null ? [] : [{ path: "/url", message }];
}

function noEndpoint(c: Context<AppEnv>): Response {
  const id = c.req.param("webhook") ?? "";
  return problem("not_found", `There is no webhook endpoint "${id.slice(0, 200)}".`, c.var.requestId);
}

/** An endpoint without its secret. */
export function endpointResponse({
  disabled,
  createdMs,
  updatedMs,
  oldSecretUntilMs,
  oldestWaitingMs,
  lastAttempt,
  ...endpoint
}: EndpointView) {
  return {
    ...endpoint,
    enabled: disabled === null,
    disabledReason: disabled,
    createdAt: iso(createdMs),
    updatedAt: iso(updatedMs),
    oldSecretUntil: isoOrNull(oldSecretUntilMs),
    oldestWaitingAt: isoOrNull(oldestWaitingMs),
    lastAttempt: lastAttempt && attemptResponse(lastAttempt),
  };
}

export function attemptResponse({ atMs, status, error }: Attempt) {
  return { at: iso(atMs), status, error };
}
