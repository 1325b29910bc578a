/**
 * A user's memory over its storage: loaded when first needed, discarded whole if a change fails, so that memory never runs ahead of
 * storage. Also sets the object's one alarm, and publishes through the outbox.
 */
import { loadBilling } from "../../src/billing-module.ts";
import { directoryEntrySchema, directoryOf } from "../../src/objects/account-directory.ts";
import { withDeadline } from "../../src/deadline.ts";
import { parseJson } from "../../src/json.ts";
import { objectMetrics } from "../object-metrics.ts";
import { type Entry, FIRST_RETRY_MS, STRIPE_LANE } from "../outbox.ts";
import { webhookDeskOf } from "../../src/objects/webhook-desk.ts";
import { EVENT_LANE } from "../event-lane.ts";
import type { EventKinds } from "../events/account-events.ts";
import { Memory } from "./memory.ts";

/** After this time a delivery counts as failed and is retried later: an operator's call waits no longer for it. */
const DELIVERY_DEADLINE_MS = 3_000;
/** A step at Stripe: a few calls, each with a deadline of its own. Only an alarm waits for it. */
const STRIPE_DEADLINE_MS = 60_000;

export class UserStore {
  readonly #storage: DurableObjectStorage;
  readonly #env: Env;
  #memory: Memory | null = null;
  /** Set once the object has its policies. */
  eventKinds: EventKinds = () => null;

  constructor(storage: DurableObjectStorage, env: Env) {
    this.#storage = storage;
    this.#env = env;
  }

  /** For reading. */
  get memory(): Memory {
    return (this.#memory ??= new Memory(
      this.#storage,
      (entry) => this.#deliver(entry),
      (entry, answer, remove) => this.#accept(entry, answer, remove),
      this.#env,
      () => this.eventKinds(),
    ));
  }

  /** Runs a change of memory and storage. If it throws, memory is loaded again from storage. */
  change<T>(change: (memory: Memory) => T): T {
    try {
      return change(this.memory);
    } catch (thrown) {
      this.#memory = null;
      throw thrown;
    }
  }

  /**
   * Publishes a change made in this turn. The alarm is set in one write with the change, and runs if the object dies before all is
   * published.
   * @returns whether KV has it.
   */
  async publish(): Promise<boolean> {
    await this.#storage.setAlarm(Date.now() + FIRST_RETRY_MS);
    return !(await this.publishAll()).has("kv");
  }

  /** Publishes what the outbox holds; the alarm retries what fails. @returns the lanes that are left. */
  async publishAll(): Promise<ReadonlySet<string>> {
    const { outbox } = this.memory;
    const left = await outbox.drain(Date.now());
    await this.wake();
    return left;
  }

  /** Delivers what is due of the lane that may take long. Call in an alarm, last: {@link publishAll} has set the next one. */
  async publishSlow(): Promise<void> {
    await this.memory.outbox.drain(Date.now(), true);
  }

  /** Sets the alarm for what is due next in the outbox and in billing. */
  async wake(): Promise<void> {
    await this.wakeAt(this.memory.nextAlarmMs(Date.now()));
  }

  /** Sets the object's one alarm to the earliest of these moments, unless it is set to an earlier one. */
  async wakeAt(...moments: (number | null)[]): Promise<void> {
    const due = moments.filter((moment) => moment !== null);
    if (due.length === 0) return;
    const dueMs = Math.min(...due);
    const setMs = await this.#storage.getAlarm();
    if (setMs === null || dueMs < setMs) await this.#storage.setAlarm(dueMs);
  }

  /** Deletes everything, memory first. */
  async forget(): Promise<void> {
    this.#memory = null;
    await this.#storage.deleteAll();
  }

  #deliver(entry: Entry): Promise<string | null> {
    const { lane } = entry;
    const deadlineMs = lane === STRIPE_LANE ? STRIPE_DEADLINE_MS : DELIVERY_DEADLINE_MS;
    return withDeadline(this.#send(entry), deadlineMs, lane);
  }

  /** Stores the answer of the register or of Stripe, with the deletion of its entry. */
  #accept({ lane, name }: Entry, answer: string, remove: () => void): void {
    this.change((memory) => {
      const { closing } = memory;
      if (closing === null) throw new Error("the account is not billed");
      memory.transact(() => {
        const failure = closing.invoicing.accept(lane, name, answer, remove, Date.now());
        if (failure) objectMetrics.add("stripeFailures", [failure]);
      });
    });
  }

  async #send({ lane, name, value, version }: Entry): Promise<string | null> {
    if (lane === "register" || lane === STRIPE_LANE) {
      const { closing } = this.memory;
      if (closing === null || value === null) throw new Error("the account is not billed");
      const { deliverDocument } = await loadBilling();
      return deliverDocument(this.#env, closing.invoicing, lane, name, value);
    }
    if (lane === EVENT_LANE) {
      await webhookDeskOf(this.#env.WEBHOOK_DESK).put(name, value ?? "");
    } else if (lane === "directory") {
      const entry = value === null ? null : directoryEntrySchema.parse(parseJson(value));
      await directoryOf(this.#env.ACCOUNT_DIRECTORY).put(name, entry, version);
    } else {
      await (value === null ? this.#env.CONFIG.delete(name) : this.#env.CONFIG.put(name, value));
    }
    return null;
  }
}
