/**
 * One billed user: the real UserLimiter class over a simulated disk, by a clock that the test sets, under policies that it publishes.
 *
 * Each call's writes are on disk before it returns. A crash loses what was only in memory. Asserts nothing.
 */
import { afterAll, beforeAll } from "vitest";
import * as z from "zod/mini";
import { UserLimiter } from "../../durable-objects/user-limiter.ts";
import { BillingStore } from "../../durable-objects/user-limiter/billing/billing-store.ts";
import type { BilledPeriod } from "../../src/billing/billed-period.ts";
import type { UsageRow } from "../../src/billing/usage.ts";
import type { Decision } from "../../src/core/decision.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import { expandAnswers } from "../../src/limiter/wire.ts";
import type { BillingView } from "../../src/objects/billing.ts";
import { type KeyMode, newKeyId } from "../../src/identity/key-mode.ts";
import type { Lease, RepeatedQuestion, Settlement } from "../../src/objects/object-call.ts";
import { documentKey } from "../../src/policy/policy-store.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { Registers } from "./registers.ts";
import { Disk, type Handle, storageOf } from "./sqlite-storage.ts";

export const OPERATOR = { actor: "ann", reason: "" };

/** All users of a file share a policy store, as the objects of an isolate do: revisions continue from user to user. */
const documents = new Map<string, string>();
let revision = 0;

const bindings = {
  CONFIG: {
    get: async (key: string) => documents.get(key) ?? null,
    put: async () => undefined,
    delete: async () => undefined,
  },
  POLICY_REGISTRY: { getByName: () => ({ revision: async () => null }) },
};

/** Lets only the tests move `Date.now`, and makes `scheduler.wait` return at once, for the tests of the calling file. */
export function stopTime(): void {
  const { now } = Date;
  const scheduler: unknown = Reflect.get(globalThis, "scheduler");
  beforeAll(() => {
    Date.now = () => clock.nowMs;
    Object.assign(globalThis, { scheduler: { wait: async () => undefined } });
  });
  afterAll(() => {
    Date.now = now;
    Object.assign(globalThis, { scheduler });
  });
}

const clock = { nowMs: 0 };

const cellSchema = z.object({
  hour: z.number(),
  route: z.string(),
  keyId: z.string(),
  requests: z.number(),
  costMilli: z.number(),
});
const stateSchema = z.object({ state: z.object({ openCells: z.array(cellSchema) }) });

/** An event that has come to the WebhookDesk. */
export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const eventSchema = z.object({
  type: z.string(),
  timestamp: z.string(),
  data: z.record(z.string(), z.unknown()),
});

export class BilledUser {
  readonly disk = new Disk();
  /** In the order in which they came. */
  readonly events: ReceivedEvent[] = [];
  /** Whether the WebhookDesk does not answer. */
  isDeskDown = false;
  readonly registers: Registers;
  /** The hub's erasures of points, and whether it fails them. */
  readonly hub = { erasedMs: [] as number[], fails: false };
  /** What was published to the directory, in order: JSON; null: deleted. */
  readonly listed: (string | null)[] = [];
  readonly #name: string;
  readonly #variables: Readonly<Record<string, string>>;
  #object: UserLimiter | null = null;
  #handle: Handle | null = null;

  /**
   * @param registers those of another user, to share them.
   * @param variables of the deployment.
   */
  constructor(
    startMs: number,
    registers = new Registers(),
    name = "ann",
    variables: Readonly<Record<string, string>> = {},
  ) {
    clock.nowMs = startMs;
    this.#variables = variables;
    this.registers = registers;
    this.#name = name;
  }

  get nowMs(): number {
    return clock.nowMs;
  }

  /** The current copy of the object. */
  get object(): UserLimiter {
    if (this.#object) return this.#object;
    const handle: Handle = {
      isReplaced: false,
      failNextWrite: false,
      onFailure: () => undefined,
      onAudit: () => undefined,
    };
    const ctx = {
      storage: storageOf(this.disk, handle, () => undefined),
      id: { name: `user:${this.#name}` },
      waitUntil: (work: Promise<unknown>) => void work.catch(() => undefined),
    };
    this.#handle = handle;
    const desk = {
      put: async (id: string, body: string) => {
        if (this.isDeskDown) throw new Error("the desk is down");
        this.events.push({ id, ...eventSchema.parse(JSON.parse(body)) });
      },
    };
    const erase = async (_subject: string, untilMs: number): Promise<number> => {
      if (this.hub.fails) throw new Error("the hub does not answer");
      return this.hub.erasedMs.push(untilMs);
    };
    const put = async (_id: string, entry: unknown) =>
      void this.listed.push(entry === null ? null : JSON.stringify(entry));
    const env = {
      ...bindings,
      ...this.#variables,
      ACCOUNT_DIRECTORY: { getByName: () => ({ put }) },
      BILLING_REGISTER: this.registers.binding,
      METRICS_HUB: { getByName: () => ({ erase }) },
      WEBHOOK_DESK: { getByName: () => desk },
    };
    this.#object = new UserLimiter(ctx as unknown as DurableObjectState, env as unknown as Env);
    return this.#object;
  }

  get revision(): number {
    return revision;
  }

  /** Puts a policy into force: calls from now on name its revision. */
  publish(document: PolicyDocument): number {
    revision += 1;
    documents.set(documentKey(revision), JSON.stringify(document));
    return revision;
  }

  later(ms: number): void {
    clock.nowMs += ms;
  }

  setTime(text: string): void {
    clock.nowMs = Date.parse(text);
  }

  /** Runs the alarm if it is due by now. @returns whether it was. */
  async ring(): Promise<boolean> {
    const { alarmMs } = this.disk;
    if (alarmMs === null || alarmMs > clock.nowMs) return false;
    this.disk.alarmMs = null;
    await this.object.alarm();
    this.disk.flush();
    return true;
  }

  /** Lets time pass until then, with every alarm at its time. @param rang called after each. */
  async passUntil(text: string, rang: () => void = () => undefined): Promise<void> {
    const endMs = Date.parse(text);
    for (let alarms = 0; ; alarms++) {
      const { alarmMs } = this.disk;
      if (alarmMs === null || alarmMs > endMs) break;
      if (alarms > 1_000) throw new Error("the alarm does not come to rest");
      clock.nowMs = Math.max(clock.nowMs, alarmMs);
      await this.ring();
      rang();
    }
    clock.nowMs = endMs;
  }

  /** Kills the object: what was only in memory is lost. */
  crash(): void {
    this.disk.flush();
    if (this.#handle) this.#handle.isReplaced = true;
    this.#object = null;
  }

  /** Issues a key. @returns its id. */
  async issueKey(mode: KeyMode): Promise<string> {
    const keyId = newKeyId(mode);
    const key = { keyId, hash: keyId, name: "", scopes: ["call"], expiresMs: null } as const;
    await this.object.addKey(key, OPERATOR);
    return keyId;
  }

  /** The kinds of the events that have come, in order. */
  get kinds(): string[] {
    return this.events.map(({ type }) => type);
  }

  /** One request, as a call has it. */
  question(
    route: string | null,
    tokens: number,
    wantMilli = 0,
    keyId: string | null = null,
  ): RepeatedQuestion {
    const request = {
      revision,
      tier: "free",
      route,
      costMilli: tokens * 1_000,
      keyId,
      peek: false,
      idempotencyKey: null,
    };
    return { question: { request, decide: true, wantMilli }, times: 1 };
  }

  /** One call with one request. @param wantMilli to lease for more like it. */
  async ask(
    route: string | null,
    tokens: number,
    wantMilli = 0,
    keyId: string | null = null,
    settlements: readonly Settlement[] = [],
  ): Promise<{ readonly decision: Decision; readonly lease: Lease | null }> {
    const questions = [this.question(route, tokens, wantMilli, keyId)];
    const answers = await this.object.serve({ settlements, questions });
    this.disk.flush();
    const [answer] = expandAnswers(answers);
    if (!answer?.decision) throw new Error("a request has a decision");
    return { decision: answer.decision, lease: answer.lease };
  }

  async use(route: string | null, tokens: number, keyId: string | null = null): Promise<boolean> {
    return (await this.ask(route, tokens, 0, keyId)).decision.allowed;
  }

  async billing(): Promise<BillingView> {
    const answer = await this.object.billing(revision);
    if (answer.kind !== "billing") throw new Error(`the account is ${answer.kind}`);
    return answer.billing;
  }

  /** The periods in storage, oldest first. */
  periods(): BilledPeriod[] {
    const store = new BillingStore(
      { exec: (query: string, ...bound: never[]) => this.#rows(query, bound) } as unknown as SqlStorage,
      true,
    );
    return [...store.ended(), ...(store.period ? [store.period] : [])].toSorted(
      (a, b) => a.period.startMs - b.period.startMs,
    );
  }

  /** Billed usage of a span of hours, as storage has it: the table and the open cells, added up here. @param mode of the keys. */
  ledger(startMs = 0, endMs = Infinity, mode: KeyMode = "live"): UsageRow[] {
    const table = this.disk.exec(
      "SELECT hour, route, key_id AS keyId, requests, cost_milli AS costMilli FROM usage",
      [],
    );
    const open = z.optional(stateSchema).parse(this.disk.kv.get("state"))?.state.openCells ?? [];
    const sums = new Map<string, UsageRow>();
    for (const cell of [...z.array(cellSchema).parse(table), ...open]) {
      if (cell.hour < Math.floor(startMs / HOUR_MS) || cell.hour * HOUR_MS >= endMs) continue;
      if (cell.keyId.startsWith("test_") !== (mode === "test")) continue;
      const { count = 0, costMilli = 0 } = sums.get(cell.route) ?? {};
      sums.set(cell.route, {
        route: cell.route,
        unit: "requests",
        count: count + cell.requests,
        costMilli: costMilli + cell.costMilli,
      });
    }
    return [...sums.values()].filter(({ count, costMilli }) => count > 0 || costMilli > 0);
  }

  #rows(query: string, bound: readonly never[]) {
    const rows = this.disk.exec(query, bound);
    return { toArray: () => rows, one: () => rows[0], [Symbol.iterator]: () => rows[Symbol.iterator]() };
  }
}
