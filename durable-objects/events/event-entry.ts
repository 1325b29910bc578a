/**
 * An event as an object's outbox holds it: the exact body that webhooks send (Standard Webhooks 1.0), under an id of its own, so that one
 * event never replaces another.
 */
import type { EventKind } from "../../src/event-kinds.ts";
import { EVENT_LANE } from "../event-lane.ts";
import type { Entry } from "../outbox.ts";

/** @param data what happened; times in it are RFC 3339. */
export function eventEntry(type: EventKind, data: object, nowMs: number): Entry {
  // Receivers sign over id, time and body with dots in between: an id has none.
  const name = `evt_${crypto.randomUUID().replaceAll("-", "")}`;
  const value = JSON.stringify({ type, timestamp: new Date(nowMs).toISOString(), data });
  return { lane: EVENT_LANE, name, value, version: 1 };
}
