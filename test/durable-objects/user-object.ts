/**
 * One user's object as a test handles it: asks it, pauses, evicts or kills it, and looks into its storage.
 *
 * Each has a name of its own. Judges nothing.
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
import type { UserStatus } from "../../src/objects/user-status.ts";
import { dropTimers, request } from "./fixture.ts";

/** The pause after which an object writes its exact state (SETTLE_MS of the object). */
export const PAUSE_MS = 1_000;

type Row = Record<string, SqlStorageValue>;

/** The name of the state row, and what is around the state in it. */
const STATE = "state";
const rowSchema = z.object({ format: z.literal(1), state: z.record(z.string(), z.unknown()) });

export class UserObject {
  readonly name: string;
  /** What it is asked by where a request names no revision of its own. */
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

  /** Why these requests are not decided: what the object throws. Caught in the object, so that no log is full of it. */
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

  /** Decides `count` times the same, one call after the other. @returns how many were allowed. */
  async allowedOf(count: number, given: Partial<DecisionRequest> = {}): Promise<number> {
    let allowed = 0;
    for (let i = 0; i < count; i++) allowed += (await this.decide(given)).allowed ? 1 : 0;
    return allowed;
  }

  /** Decides one request and leases for more like it. @returns the lease's id. */
  async lease(wantMilli: number, given: Partial<DecisionRequest> = {}): Promise<string> {
    const question = { request: request({ revision: this.revision, ...given }), decide: true, wantMilli };
    const [run] = await this.stub.serve({ settlements: [], questions: [{ question, times: 1 }] });
    const id = run?.answer.lease?.id;
    if (id === undefined) throw new Error("nothing was leased");
    return id;
  }

  /** Tokens left of each limit, in the policy's order, as a peek says. */
  async remaining(given: Partial<DecisionRequest> = {}): Promise<number[]> {
    const { limits } = await this.decide({ ...given, peek: true });
    return limits.map(({ remaining }) => remaining);
  }

  async status(keyId: string | null = null): Promise<Extract<UserStatus, { kind: "status" }>> {
    const status: UserStatus = await this.stub.status({ revision: this.revision, tier: "free", keyId });
    if (status.kind !== "status") throw new Error(`no status but ${status.kind}`);
    return status;
  }

  /** Lets the user pause for so long: the object's timers fire, so it settles. */
  async pause(ms = PAUSE_MS): Promise<void> {
    await this.inside(() => void vi.advanceTimersByTime(ms));
  }

  /** Drops the object from memory as it is. Its timers go with it, so without a pause before it never settles. */
  async evict(): Promise<void> {
    await evictDurableObject(this.stub);
    dropTimers();
  }

  /** Kills the object (and all others), as a crash or a deploy does. */
  async crash(): Promise<void> {
    await abortAllDurableObjects();
    dropTimers();
  }

  /** Kills the object and forgets all that the isolate knew: its next life is in a new isolate. */
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

  /** Names of the object's tables and values; none where it was never written. */
  async stored(): Promise<unknown[]> {
    const rows = await this.query(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' ORDER BY name",
    );
    const values = await this.inside((_object, { storage }) => [...storage.kv.list()].map(([key]) => key));
    return [...rows.map(({ name }) => name), ...values];
  }

  /** The state as its row has it; undefined where it was never written. */
  async state(): Promise<unknown> {
    const row = await this.inside((_object, { storage }) => storage.kv.get(STATE));
    return z.optional(rowSchema).parse(row)?.state;
  }

  /** Writes another state, in a row of this format. */
  async putState(state: unknown, format = 1): Promise<void> {
    await this.inside((_object, { storage }) => storage.kv.put(STATE, { format, state }));
  }

  /** The counters of the state row, each as an older Worker would have written it, say. */
  async changeCounters(change: (counter: Record<string, unknown>) => Record<string, unknown>): Promise<void> {
    const state = z.looseObject({ counters: z.record(z.string(), z.record(z.string(), z.unknown())) });
    const { counters, ...rest } = state.parse(await this.state());
    const changed = Object.entries(counters).map(([name, counter]) => [name, change(counter)]);
    await this.putState({ ...rest, counters: Object.fromEntries(changed) });
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
