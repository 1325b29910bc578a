/**
 * What delivers webhooks. src/modules/webhooks.mjs is built from this file, and the isolate of the WebhookDesk loads it with the first call
 * (src/webhook-module.ts). Keeps no state but what it is given.
 */
import { objectMetrics } from "../object-metrics.ts";
import { Desk } from "./desk.ts";
import { send } from "./send.ts";

/** Waiting deliveries of an endpoint: days of an outage, and few enough to be queued again within a minute. */
const MAX_WAITING = 10_000;

/** @param waitUntil lets work of the current call end after it. */
function deskOf(storage: DurableObjectStorage, waitUntil: (work: Promise<unknown>) => void): Desk {
  return new Desk({
    storage,
    waitUntil,
    send,
    now: Date.now,
    random: Math.random,
    metrics: objectMetrics,
    maxWaiting: MAX_WAITING,
  });
}

export const webhookModule = { deskOf };
