/**
 * One user's object under test: asks, pauses, evicts or kills it, and reads its storage.
 *
 * Each has a unique name. Asserts nothing.
 */
import {
  abortAllDurableObjects,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import * as z from "zod/mini";
import type { UserLimiter } from "../../durable-objects/user-limiter.ts";
import type { Decision, DecisionRequest } from "../../src/core/decision.ts";
import { messageOf } from "../../src/log.ts";
import { CHECKPOINT_AFTER_MS } from "../../src/objects/object-call.ts";
import type { UserStatus } from "../../src/objects/user-status.ts";
import { dropTimers, later, request } from "./fixture.ts";

/** The pause after which isolates ask an object for its exact state. */
export const PAUSE_MS = CHECKPOINT_AFTER_MS;

type Row = Record<string, SqlStorageValue>;

/** The key of the state row, and its schema. */
const STATE = "state";
/** The row's present format. */
const FORMAT = 3;
const rowSchema = z.object({ format: z.literal(FORMAT), state: z.record(z.string(), z.unknown()) });

export class UserObject {
  readonly name: string;
  /** The revision of requests that do not name one. */
  revision: number;

  constructor(revision = 0, name = `user:${crypto.randomUUID()}`) {
    this.name = name;
    this.revision = revision;
  }

  /** A fresh stub: one of a killed object is broken for good. */
  get stub(): DurableObjectStub<UserLimiter> {
    return env.USER_LIMITER.getByName(this.name);
  }

  /** Decides several requests in one call. */
  async decideAll(given: readonly Partial<DecisionRequest>[]): Promise<Decision[]> {
    const requests = given.map((each) => request({ revision: this.revision, ...each }));
    const decisions: Decision[] = await this.stub.decide(requests);
    return decisions;
  }

  /** What the object throws instead of deciding these requests. Caught in the object, to keep it out of the logs. */
  async failureOf(...given: Partial<DecisionRequest>[]): Promise<string> {
    const requests = given.map((each) => request({ revision: this.revision, ...each }));
    return this.inside(async (object) => {
      const [decided] = await Promise.allSettled([object.decide(requests)]);
      return decided?.status === "rejected" ? messageOf(decided.reason) : "none";
    });
  }

  async decide(given: Partial<DecisionRequest> = {}): Promise<Decision> {
    const [decision] = await this.decideAll([given]);
    if (!decision) throw new Error("one request has one decision");
    return decision;
  }

  /** Decides the same request `count` times, in sequential calls. @returns how many were allowed. */
  async allowedOf(count: number, given: Partial<DecisionRequest> = {}): Promise<number> {
    let allowed = 0;
    for (let i = 0; i < count; i++) allowed += (await this.decide(given)).allowed ? 1 : 0;
    return allowed;
  }

  /** Decides one request and leases for more like it. @returns the lease's id. */
  async lease(wantMilli: number, given: Partial<DecisionRequest> = {}): Promise<string> {
    const question = { request: request({ revision: this.revision, ...given }), decide: true, wantMilli };
    const [repeated] = await this.stub.serve({ settlements: [], questions: [{ question, times: 1 }] });
    const id = repeated?.answer.lease?.id;
    if (id === undefined) throw new Error("nothing was leased");
    return id;
  }

  /** Tokens left of each limit by a peek, in the policy's order. */
  async remaining(given: Partial<DecisionRequest> = {}): Promise<number[]> {
    const { limits } = await this.decide({ ...given, peek: true });
    return limits.map(({ remaining }) => remaining);
  }

  async status(keyId: string | null = null): Promise<Extract<UserStatus, { kind: "status" }>> {
    const status: UserStatus = await this.stub.status({ revision: this.revision, tier: "free", keyId });
    if (status.kind !== "status") throw new Error(`the answer is not a status but ${status.kind}`);
    return status;
  }

  /** Lets the user pause: an isolate asks the object to write its exact state. */
  async pause(ms = PAUSE_MS): Promise<void> {
    later(ms);
    await this.stub.serve({ settlements: [], questions: [], checkpoint: true });
  }

  /** Evicts the object with its timers: without a pause before, its exact state is never written. */
  async evict(): Promise<void> {
    await evictDurableObject(this.stub);
    dropTimers();
  }

  /** Kills the object (and all others), as a crash or a deploy does. */
  async crash(): Promise<void> {
    await abortAllDurableObjects();
    dropTimers();
  }

  /** Kills the object and its isolate's memory: the object restarts in a new isolate. */
  async moveToNewIsolate(): Promise<void> {
    await this.crash();
    vi.resetModules();
  }

  /** Runs the alarm now if one is set. @returns whether one was. */
  ringAlarm(): Promise<boolean> {
    return runDurableObjectAlarm(this.stub);
  }

  alarmAtMs(): Promise<number | null> {
    return this.inside((_object, { storage }) => storage.getAlarm());
  }

  inside<R>(work: (object: UserLimiter, state: DurableObjectState) => R | Promise<R>): Promise<R> {
    return runInDurableObject(this.stub, work);
  }

  query(statement: string, ...bindings: SqlStorageValue[]): Promise<Row[]> {
    return this.inside((_object, { storage }) => storage.sql.exec(statement, ...bindings).toArray());
  }

  /** Names of the object's tables and values; empty if nothing was ever written. */
  async stored(): Promise<unknown[]> {
    const rows = await this.query(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' ORDER BY name",
    );
    const values = await this.inside((_object, { storage }) => [...storage.kv.list()].map(([key]) => key));
    return [...rows.map(({ name }) => name), ...values];
  }

  /** The state in its row; undefined if it was never written. */
  async state(): Promise<unknown> {
    const row = await this.inside((_object, { storage }) => storage.kv.get(STATE));
    return z.optional(rowSchema).parse(row)?.state;
  }

  /** Writes another state, in a row of this format. */
  async putState(state: unknown, format = FORMAT): Promise<void> {
    await this.inside((_object, { storage }) => storage.kv.put(STATE, { format, state }));
  }

  /** Rewrites the counters of the state row, for example as an older Worker would have written them. */
  async changeCounters(
    change: (counter: Record<string, unknown>) => Record<string, unknown>,
    format = FORMAT,
  ): Promise<void> {
    const state = z.looseObject({ counters: z.record(z.string(), z.record(z.string(), z.unknown())) });
    const { counters, ...rest } = state.parse(await this.state());
    const changed = Object.entries(counters).map(([name, counter]) => [name, change(counter)]);
    await this.putState({ ...rest, counters: Object.fromEntries(changed) }, format);
  }

  /** Makes the next write of the state row fail, once, as a failing disk would. */
  async failNextState(): Promise<void> {
    await this.inside((_object, { storage: { kv } }) => {
      const put = kv.put.bind(kv);
      const spy = vi.spyOn(kv, "put").mockImplementation((key, value) => {
        if (key !== STATE) return put(key, value);
        spy.mockRestore();
        throw new Error("disk failure");
      });
    });
  }

  /** Makes the next statement that contains `part` fail, once, as a failing disk would. */
  async failNextWrite(part: string): Promise<void> {
    await this.inside((_object, { storage: { sql } }) => {
      const exec = sql.exec.bind(sql);
      const spy = vi.spyOn(sql, "exec").mockImplementation((statement, ...bindings) => {
        if (!statement.includes(part)) return exec(statement, ...bindings);
        spy.mockRestore();
        throw new Error("disk failure");
      });
    });
  }
}
