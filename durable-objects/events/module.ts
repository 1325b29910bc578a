/**
 * What queues events for webhooks. src/modules/events.mjs is built from this file, and an isolate loads it with its first policy that
 * reports events (src/event-module.ts). Keeps no state but what it is given.
 */
import { AccountEvents, type EventKinds, type EventSource } from "./account-events.ts";
import { activationEntry } from "./activation-entry.ts";

function accountEventsOf(source: EventSource, sql: SqlStorage, kinds: EventKinds): AccountEvents {
  return new AccountEvents(source, sql, kinds);
}

export const eventModule = { accountEventsOf, activationEntry };
