/**
 * Sends the deliveries that are due, a few at a time, and stores what comes of each.
 *
 * Each endpoint has its own queue and schedule, and one that fails has one connection at most, so it delays no other. Within an endpoint,
 * events of one account are sent in order: one at a time, the next when the one before is delivered or dead. What is being sent is in
 * memory only, and so are the last few outcomes: after a crash they are still due, and are sent again.
 */
import { DAY_MS, SECOND_MS } from "../../src/core/time.ts";
import { createLog, messageOf } from "../../src/log.ts";
import type { DisabledReason } from "../../src/objects/webhook-endpoint.ts";
import { BacklogMeter, type DeskMetrics, REPORT_MS } from "./backlog-meter.ts";
import type { DeskStore } from "./desk-store.ts";
import type { DueDelivery, Endpoint } from "./desk-tables.ts";
import { EndpointLoads } from "./endpoint-loads.ts";
import { isFailing, isStatusChange, secretsOf } from "./endpoint-state.ts";
import { retryDelayMs } from "./retry-schedule.ts";
import type { Outcome, Send } from "./send.ts";

/** Connections at once: as many as the platform opens for an object. */
const MAX_IN_FLIGHT = 6;
/** Of these, for one endpoint that works, and for all that fail together: some are always left for the others. */
const MAX_OF_ENDPOINT = 4;
const MAX_OF_FAILING = 3;
/** Events are kept for 30 days. */
const KEPT_MS = 30 * DAY_MS;
/** Beyond this many, the oldest that nothing waits for are deleted earlier. */
const MAX_EVENTS = 250_000;
/** How long after a crash what was being sent is sent again. */
const RESUME_MS = 30 * SECOND_MS;
/** When nothing is due, the desk wakes to delete old events, and to report that nothing waits any more. */
const SWEEP_EVERY_MS = DAY_MS;
/**
 * Attempts that one invocation of the object starts, after which an alarm goes on in another: each may take two of the 50 calls to the outside
 * that the platform allows an invocation, on its free plan.
 */
const MAX_OF_INVOCATION = 24;
/** Outcomes that are stored together, at most: every request waits for the writes before it. A crash repeats as many. */
const MAX_BATCH = 32;
/** Receivers that answer with this want nothing more (Standard Webhooks 1.0). */
const GONE = 410;

export interface CourierParts {
  readonly store: DeskStore;
  readonly storage: DurableObjectStorage;
  readonly send: Send;
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly metrics: DeskMetrics;
  /** Waiting deliveries of an endpoint: more are not queued, and one that fails with so many is disabled. */
  readonly maxWaiting: number;
  /** Lets work of the current call end after it. */
  readonly waitUntil: (work: Promise<unknown>) => void;
}

/** An invocation of the object: an attempt and all that its end starts belong to the one that it began in. */
interface Invocation {
  /** Attempts that it may still start. */
  left: number;
}

/** An attempt whose outcome is not stored yet. */
interface Attempt {
  readonly delivery: DueDelivery;
  readonly outcome: Outcome;
  readonly atMs: number;
}

export class Courier {
  readonly #parts: CourierParts;
  readonly #loads: EndpointLoads;
  readonly #log = createLog("info");
  #inFlight = 0;
  #unstored: Attempt[] = [];
  /** The endpoint that is served first: the next one, each time. */
  #turn = 0;
  #alarmMs = Infinity;
  #sweptMs = -Infinity;
  readonly #meter: BacklogMeter;

  constructor(parts: CourierParts) {
    this.#parts = parts;
    this.#loads = new EndpointLoads(parts.store);
    this.#meter = new BacklogMeter(parts.store, this.#loads, parts.metrics);
  }

  /** The object's alarm. Does not wait for what it sends: while it runs, no other alarm goes off. */
  async run(): Promise<void> {
    this.#alarmMs = Infinity;
    this.#meter.alarmStarted();
    const nowMs = this.#parts.now();
    if (!this.#parts.store.hasTables) return;
    if (nowMs - this.#sweptMs >= SWEEP_EVERY_MS) this.#sweep(nowMs);
    await this.wake();
  }

  /** Sends what is due, as far as there are connections, and sets the alarm for the rest. */
  async wake(invocation: Invocation = { left: MAX_OF_INVOCATION }): Promise<void> {
    for (const work of this.#startAll(invocation)) this.#parts.waitUntil(work);
    this.#meter.measure(this.#parts.now());
    await this.#setAlarm(invocation);
  }

  /** The endpoint is deleted. */
  forget(endpointId: string): void {
    this.#loads.forget(endpointId);
  }

  /** So many more deliveries wait. */
  added(endpointId: string, count = 1): void {
    const { store } = this.#parts;
    const endpoint = store.endpoint(endpointId);
    if (endpoint) this.#loads.of(endpoint).waiting += count;
  }

  /** Starts what is due. Stores outcomes if there are many, or if nothing else could be started before. */
  #startAll(invocation: Invocation): Promise<void>[] {
    const started = this.#start(invocation);
    if (!this.#mustStore()) return started;
    this.#store();
    return [...started, ...this.#start(invocation)];
  }

  /** Whether outcomes are to be stored now. */
  #mustStore(): boolean {
    const { store } = this.#parts;
    if (this.#unstored.length >= MAX_BATCH) return true;
    return this.#unstored.some(({ delivery: { endpointId }, outcome: { error } }) => {
      const endpoint = store.endpoint(endpointId);
      if (!endpoint || isStatusChange(endpoint, error)) return true;
      // Storing them makes the next deliveries of their accounts due.
      return this.#inFlight < MAX_IN_FLIGHT && this.#loads.of(endpoint).open < MAX_OF_ENDPOINT;
    });
  }

  /** @returns the attempts that were started. None of them rejects. */
  #start(invocation: Invocation): Promise<void>[] {
    const started: Promise<void>[] = [];
    const { store, now } = this.#parts;
    for (const { id, disabled } of store.endpoints) if (disabled === null) this.#fill(id);
    for (let idle = 0; this.#hasRoom(invocation) && idle < store.endpoints.length;) {
      this.#turn = (this.#turn + 1) % store.endpoints.length;
      const endpoint = store.endpoints[this.#turn];
      const next = endpoint?.disabled === null ? this.#next(endpoint, now()) : null;
      if (!endpoint || !next) {
        idle += 1;
        continue;
      }
      idle = 0;
      invocation.left -= 1;
      started.push(this.#deliver(endpoint, next, invocation));
    }
    return started;
  }

  #hasRoom({ left }: Invocation): boolean {
    return left > 0 && this.#inFlight < MAX_IN_FLIGHT;
  }

  /** Queues what has come in for an endpoint, as long as there is room. Disables it if there is none and it fails. */
  #fill(endpointId: string): void {
    const { store, now, maxWaiting } = this.#parts;
    for (;;) {
      const endpoint = store.endpoint(endpointId);
      if (!endpoint) return;
      const load = this.#loads.of(endpoint);
      const room = maxWaiting - load.waiting;
      if (room <= 0) {
        if (isFailing(endpoint)) this.#disable(endpoint, "full");
        return;
      }
      const { added, isMore } = store.queueFor(endpoint, room, now());
      load.waiting += added;
      if (!isMore && load.waiting < maxWaiting) return;
    }
  }

  /** The next delivery of an endpoint; null: none is due, or it has all the connections that it may have. */
  #next(endpoint: Endpoint, nowMs: number): DueDelivery | null {
    const { taken, open } = this.#loads.of(endpoint);
    const isProven = endpoint.lastAttempt?.error === null;
    if (open >= (isProven ? MAX_OF_ENDPOINT : 1)) return null;
    if (!isProven && this.#loads.unproven >= MAX_OF_FAILING) return null;
    const due = this.#parts.store.deliveries.due(endpoint.id, nowMs, taken.size + 1);
    return due.find(({ seq }) => !taken.has(seq)) ?? null;
  }

  async #deliver(endpoint: Endpoint, delivery: DueDelivery, invocation: Invocation): Promise<void> {
    const { send, now } = this.#parts;
    const load = this.#loads.of(endpoint);
    load.taken.add(delivery.seq);
    load.open += 1;
    this.#inFlight += 1;
    const { event: id, body } = delivery;
    const secrets = secretsOf(endpoint, now());
    const outcome = await send({ url: endpoint.url, secrets, id, body }, now());
    this.#unstored.push({ delivery, outcome, atMs: now() });
    load.open -= 1;
    this.#inFlight -= 1;
    try {
      await this.wake(invocation);
    } catch (thrown) {
      this.#log("error", "webhook_failed", { error: messageOf(thrown) });
    }
  }

  /** Stores the outcomes so far, in one transaction. If it fails, they are sent again. */
  #store(): void {
    const unstored = this.#unstored;
    this.#unstored = [];
    for (const { delivery } of unstored) this.#loads.release(delivery.endpointId, delivery.seq);
    const { store } = this.#parts;
    try {
      store.transact(() => {
        for (const one of unstored) this.#record(one);
      });
    } catch (thrown) {
      this.#loads.recount();
      throw thrown;
    }
  }

  #record({ delivery, outcome: { status, error }, atMs }: Attempt): void {
    const { store, random, metrics } = this.#parts;
    const endpoint = store.endpoint(delivery.endpointId);
    // It was deleted meanwhile, or this event with it.
    const current = endpoint && store.deliveries.delivery(endpoint.id, delivery.seq);
    if (!endpoint || current?.state !== "waiting") return;
    const attempts = current.attempts + 1;
    const delayMs = error === null ? null : retryDelayMs(attempts, random());
    const state = error === null ? "delivered" : delayMs === null ? "dead" : "waiting";
    const attempt = { atMs, status, error };
    store.deliveries.recordAttempt(delivery, { state, attempts, dueMs: delayMs && atMs + delayMs }, attempt);
    // Only if that has changed: another row for each delivery would say nothing more.
    if (isStatusChange(endpoint, error)) store.putEndpoint({ ...endpoint, lastAttempt: attempt });
    if (state !== "waiting") this.#loads.of(endpoint).waiting -= 1;
    metrics.add("webhookAttempts", [state === "waiting" ? "failed" : state]);
    if (state === "dead") {
      this.#log("warn", "webhook_dead", { endpoint: endpoint.id, event: delivery.event, status, error });
    }
    if (status === GONE) this.#disable(store.endpoint(endpoint.id) ?? endpoint, "gone");
  }

  #disable(endpoint: Endpoint, reason: DisabledReason): void {
    const { store, now } = this.#parts;
    store.transact(() => store.putEndpoint({ ...endpoint, disabled: reason, updatedMs: now() }));
    this.#log("error", "webhook_disabled", { endpoint: endpoint.id, reason });
  }

  #sweep(nowMs: number): void {
    const { store } = this.#parts;
    const surplus = store.sweep(nowMs - KEPT_MS, MAX_EVENTS, nowMs);
    const missed = store.endpoints.filter(({ cursor }) => cursor < surplus);
    for (const { id } of missed) this.#log("error", "webhook_events_dropped", { endpoint: id });
    this.#loads.sweep();
    this.#sweptMs = nowMs;
  }

  /** Sets the alarm for what is due next, unless it is set to an earlier moment. */
  async #setAlarm(invocation: Invocation): Promise<void> {
    const { store, storage, now } = this.#parts;
    if (!store.hasTables) return;
    const nowMs = now();
    if (this.#alarmMs <= nowMs) return;
    // Another invocation goes on at once. If all connections are taken, what ends the first of them does.
    const soonMs = invocation.left === 0 && this.#inFlight < MAX_IN_FLIGHT ? nowMs : nowMs + RESUME_MS;
    let dueMs = store.hasEvents ? nowMs + SWEEP_EVERY_MS : Infinity;
    if (this.#meter.isDue) dueMs = nowMs + REPORT_MS;
    if (this.#inFlight > 0) dueMs = Math.min(dueMs, nowMs + RESUME_MS);
    for (const endpoint of store.endpoints) {
      if (endpoint.disabled !== null) continue;
      const nextMs = store.deliveries.nextDueMs(endpoint.id, [...this.#loads.of(endpoint).taken]);
      // What is due waits for a connection, whose end starts it; unless the object dies before.
      if (nextMs !== null) dueMs = Math.min(dueMs, nextMs > nowMs ? nextMs : soonMs);
    }
    if (dueMs >= this.#alarmMs) return;
    this.#alarmMs = dueMs;
    await storage.setAlarm(dueMs);
  }
}
