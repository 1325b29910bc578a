/**
 * The WebhookDesk's work: takes events from the outboxes of objects, keeps the endpoints, and lets the courier deliver. In the module that
 * is loaded on first use.
 */
import * as z from "zod/mini";
import { DAY_MS } from "../../src/core/time.ts";
import { parseJson } from "../../src/json.ts";
import type { CallDiffers, Change } from "../../src/objects/change.ts";
import type { DeskAnswer, DeskRequest } from "../../src/objects/webhook-desk.ts";
import {
  type EndpointChange,
  type EndpointView,
  MAX_ENDPOINTS,
  MAX_REPLAYED,
  type NewEndpoint,
} from "../../src/objects/webhook-endpoint.ts";
import { AdminCalls } from "../user-limiter/admin-calls.ts";
import { AuditTrail } from "../user-limiter/audit-trail.ts";
import { Courier, type CourierParts } from "./courier.ts";
import { DeskStore, wants } from "./desk-store.ts";
import { secretsOf } from "./endpoint-state.ts";
import type { Endpoint } from "./desk-tables.ts";

/** How long the secret before a rotation still signs: receivers have this long to take the new one. */
const OLD_SECRET_MS = DAY_MS;

const bodySchema = z.looseObject({
  type: z.string(),
  data: z.looseObject({ account: z.optional(z.nullable(z.string())) }),
});

export type DeskParts = Omit<CourierParts, "store">;

export class Desk {
  readonly #parts: DeskParts;
  readonly #store: DeskStore;
  readonly #courier: Courier;
  readonly #calls: AdminCalls;
  readonly #audit: AuditTrail;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    this.#store = new DeskStore(parts.storage);
    this.#courier = new Courier({ ...parts, store: this.#store });
    this.#calls = new AdminCalls(parts.storage.sql);
    this.#audit = new AuditTrail(parts.storage.sql);
  }

  async put(id: string, body: string): Promise<void> {
    const { type, data } = bodySchema.parse(parseJson(body));
    // An event that nobody gets is not kept.
    if (!this.#store.endpoints.some((endpoint) => wants(endpoint, type))) return;
    const event = { id, type, account: data.account ?? "", body };
    if (!this.#store.transact(() => this.#store.addEvent(event, this.#parts.now()))) return;
    await this.#courier.wake();
  }

  /** The object's alarm. */
  async run(): Promise<void> {
    await this.#courier.run();
  }

  async ask(request: DeskRequest): Promise<DeskAnswer> {
    const store = this.#store;
    switch (request.ask) {
      case "endpoints":
        return { kind: "endpoints", endpoints: store.endpoints.map((endpoint) => this.#view(endpoint)) };
      case "endpoint":
        return this.#endpoint(request.id);
      case "add":
        return this.#add(request.input, request.by);
      case "change":
        return this.#change(request.id, request.change, request.by);
      case "delete":
        return this.#delete(request.id, request.by);
      case "rotate":
        return this.#rotate(request.id, request.secret, request.by);
      case "test":
        return this.#test(request.id);
      case "deliveries": {
        const { id, state, before, count } = request;
        if (!store.endpoint(id)) return { kind: "no-endpoint" };
        return { kind: "deliveries", deliveries: store.deliveries.list(id, state, before, count) };
      }
      case "replay":
        return this.#replay(request.id, request.event, request.by);
      case "replay-dead":
        return this.#replayDead(request.id, request.by);
      case "audit": {
        const { before, count } = request;
        return { kind: "audit", entries: store.hasTables ? this.#audit.list(before, count) : [] };
      }
    }
  }

  #endpoint(id: string, isNew = false): DeskAnswer {
    const endpoint = this.#store.endpoint(id);
    return endpoint ? { kind: "endpoint", endpoint: this.#view(endpoint), isNew } : { kind: "no-endpoint" };
  }

  /** The endpoint gets what comes in from now on. */
  #add(input: NewEndpoint, by: Change): DeskAnswer {
    const before = this.#callOf(by);
    if (before === null && this.#store.endpoints.length >= MAX_ENDPOINTS) return { kind: "too-many" };
    const id = this.#once(by, (nowMs) => {
      const endpoint = this.#store.putEndpoint({
        ...input,
        disabled: null,
        oldSecret: null,
        oldUntilMs: null,
        createdMs: nowMs,
        updatedMs: nowMs,
        cursor: this.#store.newestSeq(),
        lastAttempt: null,
      });
      this.#audit.note("webhook.create", by, null, settingsOf(endpoint), nowMs);
      return input.id;
    });
    return typeof id === "string" ? this.#endpoint(id, id === input.id) : id;
  }

  async #change(id: string, change: EndpointChange, by: Change): Promise<DeskAnswer> {
    const before = this.#store.endpoint(id);
    if (!before) return { kind: "no-endpoint" };
    const made = this.#once(by, (nowMs) => {
      const { enabled, ...fields } = change;
      const disabled =
        enabled === undefined ? before.disabled : enabled ? null : (before.disabled ?? "operator");
      // It is tried like a new one, and at once: the operator has probably fixed it.
      const isTried = (disabled === null && before.disabled !== null) || fields.url !== undefined;
      const lastAttempt = isTried ? null : before.lastAttempt;
      const after = { ...before, ...fields, disabled, lastAttempt, updatedMs: nowMs };
      this.#store.putEndpoint(after);
      if (isTried) this.#store.deliveries.makeDue(id, nowMs);
      this.#audit.note("webhook.change", by, settingsOf(before), settingsOf(after), nowMs);
      return "";
    });
    if (typeof made !== "string") return made;
    await this.#courier.wake();
    return this.#endpoint(id);
  }

  #delete(id: string, by: Change): DeskAnswer {
    const before = this.#store.endpoint(id);
    if (!before && this.#callOf(by) === null) return { kind: "no-endpoint" };
    const made = this.#once(by, (nowMs) => {
      this.#store.deleteEndpoint(id);
      this.#courier.forget(id);
      this.#audit.note("webhook.delete", by, before && settingsOf(before), null, nowMs);
      return "";
    });
    return typeof made === "string" ? { kind: "deleted" } : made;
  }

  #rotate(id: string, secret: string, by: Change): DeskAnswer {
    const before = this.#store.endpoint(id);
    if (!before) return { kind: "no-endpoint" };
    const isRepeated = this.#callOf(by) !== null;
    const made = this.#once(by, (nowMs) => {
      const oldUntilMs = nowMs + OLD_SECRET_MS;
      this.#store.putEndpoint({ ...before, secret, oldSecret: before.secret, oldUntilMs, updatedMs: nowMs });
      this.#audit.note("webhook.rotate", by, null, { id }, nowMs);
      return "";
    });
    return typeof made === "string" ? this.#endpoint(id, !isRepeated) : made;
  }

  async #test(id: string): Promise<DeskAnswer> {
    const endpoint = this.#store.endpoint(id);
    if (!endpoint) return { kind: "no-endpoint" };
    const { send, now } = this.#parts;
    const atMs = now();
    const event = `evt_test${crypto.randomUUID().replaceAll("-", "")}`;
    const timestamp = new Date(atMs).toISOString();
    const body = JSON.stringify({ type: "webhook.test", timestamp, data: { endpoint: id } });
    const message = { url: endpoint.url, secrets: secretsOf(endpoint, atMs), id: event, body };
    const outcome = await send(message, atMs);
    return { kind: "tested", event, attempt: { atMs, ...outcome }, tookMs: now() - atMs };
  }

  async #replay(id: string, event: string, by: Change): Promise<DeskAnswer> {
    const endpoint = this.#store.endpoint(id);
    if (!endpoint) return { kind: "no-endpoint" };
    const seq = this.#store.eventSeq(event);
    if (seq === null || seq > endpoint.cursor) return { kind: "no-event" };
    if (endpoint.disabled !== null && this.#callOf(by) === null) return { kind: "disabled" };
    const made = this.#once(by, (nowMs) => {
      if (this.#store.deliveries.replay(id, seq, nowMs)) this.#courier.added(id);
      this.#audit.note("webhook.replay", by, null, { id, event }, nowMs);
      return "";
    });
    if (typeof made !== "string") return made;
    // Read before it is sent: its state then is a matter of chance.
    const delivery = this.#store.deliveries.delivery(id, seq);
    await this.#courier.wake();
    return delivery ? { kind: "replayed", delivery } : { kind: "no-event" };
  }

  async #replayDead(id: string, by: Change): Promise<DeskAnswer> {
    const endpoint = this.#store.endpoint(id);
    if (!endpoint) return { kind: "no-endpoint" };
    if (endpoint.disabled !== null && this.#callOf(by) === null) return { kind: "disabled" };
    const replayed = this.#once(by, (nowMs) => {
      // If it still fails, a full queue disables it: new events keep the other half.
      const half = Math.floor(this.#parts.maxWaiting / 2);
      const room = Math.max(0, half - this.#store.deliveries.backlog(id).waiting);
      const count = this.#store.deliveries.replayDead(id, Math.min(MAX_REPLAYED, room), nowMs);
      this.#courier.added(id, count);
      this.#audit.note("webhook.replay_dead", by, null, { id, replayed: count }, nowMs);
      return String(count);
    });
    if (typeof replayed !== "string") return replayed;
    // Read before they are sent: how many are dead then is a matter of chance.
    const { dead } = this.#store.deliveries.backlog(id);
    await this.#courier.wake();
    return { kind: "replayed-dead", replayed: Number(replayed), dead };
  }

  /** Runs a change as one transaction, unless the call was made before. @returns what the change returned then or now. */
  #once(by: Change, change: (nowMs: number) => string): string | CallDiffers {
    const before = this.#callOf(by);
    if (before !== null) return before;
    const nowMs = this.#parts.now();
    return this.#store.transact(() => {
      const answer = change(nowMs);
      const { callId, fingerprint = null } = by;
      if (callId !== undefined) this.#calls.put(callId, { answer, fingerprint }, nowMs);
      return answer;
    });
  }

  #callOf({ callId, fingerprint }: Change): string | CallDiffers | null {
    const made = callId === undefined || !this.#store.hasTables ? null : this.#calls.find(callId);
    if (made === null) return null;
    return fingerprint !== undefined && made.fingerprint !== fingerprint
      ? { kind: "call-differs" }
      : made.answer;
  }

  #view(endpoint: Endpoint): EndpointView {
    const { id, url, description, events, disabled, createdMs, updatedMs, oldUntilMs, lastAttempt } =
      endpoint;
    const { waiting, dead, oldestMs } = this.#store.deliveries.backlog(id);
    return {
      id,
      url,
      description,
      events,
      disabled,
      createdMs,
      updatedMs,
      oldSecretUntilMs: oldUntilMs !== null && this.#parts.now() < oldUntilMs ? oldUntilMs : null,
      waiting: waiting + this.#store.unqueued(endpoint),
      dead,
      oldestWaitingMs: oldestMs,
      lastAttempt,
    };
  }
}

/** The fields of an endpoint in the audit trail: never its secrets. */
function settingsOf({ id, url, description, events, disabled }: Endpoint): object {
  return { id, url, description, events, disabled };
}
