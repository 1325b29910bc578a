/**
 * The WebhookDesk's work over a simulated disk, by a clock that the test sets. Receivers are functions, and every attempt is recorded.
 * Asserts nothing.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { Desk } from "../../durable-objects/webhook-desk/desk.ts";
import type { Message, Outcome } from "../../durable-objects/webhook-desk/send.ts";
import type { DeskAnswer } from "../../src/objects/webhook-desk.ts";
import type { DeliveryState, EndpointView, NewEndpoint } from "../../src/objects/webhook-endpoint.ts";
import { Disk, type Handle, storageOf } from "./sqlite-storage.ts";

export const OPERATOR = { actor: "ann", reason: "" };
export const OK: Outcome = { status: 204, error: null };
export const FAILED: Outcome = { status: 500, error: "Answered 500" };
export const GONE: Outcome = { status: 410, error: "Answered 410" };

/** Fewer than in the product, so that a queue is full soon. */
export const MAX_WAITING = 500;

const START_MS = Date.UTC(2026, 0, 1);

/** An attempt that a receiver has seen. */
export interface Seen {
  readonly atMs: number;
  readonly id: string;
  readonly account: unknown;
  readonly n: unknown;
  readonly secrets: readonly string[];
}

type Receiver = (message: Message) => Outcome | Promise<Outcome>;

export class SimulatedDesk {
  nowMs = START_MS;
  readonly disk = new Disk();
  /** By URL: what answers there. */
  readonly receivers = new Map<string, Receiver>();
  /** By URL. */
  readonly seen = new Map<string, Seen[]>();
  /** Connections that are open at once, at most. */
  peak = 0;
  /** Attempts that one invocation of the object has started, at most. */
  peakOfInvocation = 0;
  readonly metrics = new Map<string, number>();
  readonly #invocation = new AsyncLocalStorage<{ attempts: number }>();
  #open = 0;
  #desk: Desk | null = null;
  #handle: Handle | null = null;
  readonly #work = new Set<Promise<unknown>>();

  get desk(): Desk {
    if (this.#desk) return this.#desk;
    const none = (): void => undefined;
    this.#handle = { isReplaced: false, failNextWrite: false, onFailure: none, onAudit: none };
    return (this.#desk = new Desk({
      storage: storageOf(this.disk, this.#handle, none),
      send: (message, nowMs) => this.#send(message, nowMs),
      now: () => this.nowMs,
      random: () => 0.5,
      maxWaiting: MAX_WAITING,
      metrics: {
        add: (family, [outcome]) => {
          const name = `${family}.${outcome}`;
          this.metrics.set(name, (this.metrics.get(name) ?? 0) + 1);
        },
        set: (family, _labels, value) => void this.metrics.set(family, value),
        peak: (family, _labels, value) => void this.metrics.set(family, value),
      },
      waitUntil: (work) => {
        const ended = work.catch(() => undefined).finally(() => this.#work.delete(ended));
        this.#work.add(ended);
      },
    }));
  }

  /** Adds an endpoint, whose id is its name. */
  async add(name: string, receiver: Receiver, more: Partial<NewEndpoint> = {}): Promise<DeskAnswer> {
    const url = `https://${name}.example/`;
    this.receivers.set(url, receiver);
    const input = {
      id: name,
      url,
      description: "",
      events: null,
      secret: `whsec_${btoa(name.padEnd(32))}`,
      ...more,
    };
    return this.desk.ask({ ask: "add", input, by: OPERATOR });
  }

  /** Runs a call to the object as an invocation of its own: what the call starts belongs to it. */
  async invoke<T>(call: (desk: Desk) => Promise<T>): Promise<T> {
    return this.#invocation.run({ attempts: 0 }, async () => call(this.desk));
  }

  /** An event of an account, numbered by `n`. */
  async put(account: string | null, n: number, type = "account.created"): Promise<void> {
    const data = { account, n };
    const body = JSON.stringify({ type, timestamp: new Date(this.nowMs).toISOString(), data });
    await this.invoke(async (desk) => desk.put(`evt_${account ?? "none"}${n}`, body));
  }

  /** Waits until nothing is being sent. */
  async settle(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
    this.disk.flush();
  }

  /** Lets time pass, with every alarm at its time. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await this.settle();
    for (;;) {
      const { alarmMs } = this.disk;
      if (alarmMs === null || alarmMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, alarmMs);
      this.disk.alarmMs = null;
      await this.invoke(async (desk) => desk.run());
      await this.settle();
    }
    this.nowMs = endMs;
  }

  /** Kills the object: what was only in memory, and what was being sent, is lost. */
  crash(): void {
    this.disk.flush();
    if (this.#handle) this.#handle.isReplaced = true;
    this.#desk = null;
    this.#work.clear();
    this.#open = 0;
  }

  async view(id: string): Promise<EndpointView> {
    const answer = await this.desk.ask({ ask: "endpoint", id });
    if (answer.kind !== "endpoint") throw new Error(`the endpoint is ${answer.kind}`);
    return answer.endpoint;
  }

  async deliveries(id: string, state: DeliveryState | null = null) {
    const answer = await this.desk.ask({
      ask: "deliveries",
      id,
      state,
      before: Number.MAX_SAFE_INTEGER,
      count: 100_000,
    });
    if (answer.kind !== "deliveries") throw new Error(`no deliveries: ${answer.kind}`);
    return answer.deliveries;
  }

  /** What a receiver has seen, as numbers by account. */
  numbers(name: string): Record<string, unknown[]> {
    const found: Record<string, unknown[]> = {};
    for (const { account, n } of this.seen.get(`https://${name}.example/`) ?? []) {
      (found[String(account)] ??= []).push(n);
    }
    return found;
  }

  attempts(name: string): number {
    return this.seen.get(`https://${name}.example/`)?.length ?? 0;
  }

  async #send(message: Message, atMs: number): Promise<Outcome> {
    const { url, id, body, secrets } = message;
    const { data } = JSON.parse(body) as { data: { account?: unknown; n?: unknown } };
    const seen = this.seen.get(url) ?? [];
    this.seen.set(url, seen);
    seen.push({ atMs, id, account: data.account, n: data.n, secrets });
    const invocation = this.#invocation.getStore();
    if (invocation) this.peakOfInvocation = Math.max(this.peakOfInvocation, (invocation.attempts += 1));
    this.#open += 1;
    this.peak = Math.max(this.peak, this.#open);
    try {
      return (await this.receivers.get(url)?.(message)) ?? FAILED;
    } finally {
      this.#open -= 1;
    }
  }
}
