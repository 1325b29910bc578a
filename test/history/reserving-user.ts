/**
 * One user who reserves: the real UserLimiter class over a simulated disk, by a clock that the test sets, beside a model in whole numbers
 * that charges each reservation what it has cost, when it was made. Asserts nothing.
 */
import * as z from "zod/mini";
import { UserLimiter } from "../../durable-objects/user-limiter.ts";
import type { Decision, DecisionRequest, Slot } from "../../src/core/decision.ts";
import { DAY_MS } from "../../src/core/time.ts";
import type { UnitCosts } from "../../src/core/unit-costs.ts";
import { expandAnswers } from "../../src/limiter/wire.ts";
import type { ReservationAnswer, ReservationCall } from "../../src/objects/reservation.ts";
import type { LimitStatus } from "../../src/objects/user-status.ts";
import { documentKey } from "../../src/policy/policy-store.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { Disk, type Handle, storageOf } from "./sqlite-storage.ts";

const OPERATOR = { actor: "ann", reason: "" };
const clock = { nowMs: 0 };
/** All users share a policy store, as the objects of an isolate do: revisions continue from user to user. */
const documents = new Map<string, string>();
let revision = 0;
/** Emptied for each user: a new one costs more than a history. */
const disk = new Disk();

const bindings = {
  CONFIG: {
    get: async (key: string) => documents.get(key) ?? null,
    put: async () => undefined,
    delete: async () => undefined,
  },
  POLICY_REGISTRY: { getByName: () => ({ revision: async () => null }) },
  ACCOUNT_DIRECTORY: { getByName: () => ({ put: async () => undefined }) },
};

/** Stops the clock, and all waiting. @returns what starts them again. */
export function stopClock(): () => void {
  const { now } = Date;
  const scheduler: unknown = Reflect.get(globalThis, "scheduler");
  Date.now = () => clock.nowMs;
  Object.assign(globalThis, { scheduler: { wait: async () => undefined } });
  return () => {
    Date.now = now;
    Object.assign(globalThis, { scheduler });
  };
}

const unitsSchema = z.optional(z.array(z.tuple([z.string(), z.number()])));
const stateSchema = z.object({
  state: z.object({ openCells: z.array(z.object({ requests: z.number(), units: unitsSchema })) }),
});
const sumSchema = z.object({ sum: z.nullable(z.number()) });

export class ReservingUser {
  #object: UserLimiter | null = null;
  #handle: Handle | null = null;

  constructor(startMs: number) {
    clock.nowMs = startMs;
    disk.wipe();
  }

  get nowMs(): number {
    return clock.nowMs;
  }

  later(ms: number): void {
    clock.nowMs += ms;
  }

  /** The current copy of the object. */
  get object(): UserLimiter {
    if (this.#object) return this.#object;
    const ignore = (): void => undefined;
    const handle: Handle = { isReplaced: false, failNextWrite: false, onFailure: ignore, onAudit: ignore };
    const ctx = {
      storage: storageOf(disk, handle, ignore),
      id: { name: "user:ann" },
      waitUntil: (work: Promise<unknown>) => void work.catch(ignore),
    };
    this.#handle = handle;
    this.#object = new UserLimiter(ctx as unknown as DurableObjectState, bindings as unknown as Env);
    return this.#object;
  }

  /** Kills the object: what was only in memory is lost. */
  crash(): void {
    disk.flush();
    if (this.#handle) this.#handle.isReplaced = true;
    this.#object = null;
  }

  /** Puts a policy into force: calls from now on name its revision. */
  publish(document: PolicyDocument): void {
    revision += 1;
    documents.set(documentKey(revision), JSON.stringify(document));
  }

  async create(tier: string): Promise<void> {
    await this.object.createAccount("ann", { name: "", tier }, OPERATOR, revision);
    disk.flush();
  }

  async moveTo(tier: string): Promise<void> {
    await this.object.changeAccount({ tier }, OPERATOR, revision);
    disk.flush();
  }

  async delete(): Promise<void> {
    await this.object.deleteAccount(OPERATOR);
    disk.flush();
  }

  async reset(): Promise<void> {
    await this.object.reset(null, OPERATOR);
    disk.flush();
  }

  async ask(costMilli: number, units: UnitCosts | null, ttlMs: number | null): Promise<Decision> {
    const request: DecisionRequest = {
      revision,
      tier: "wide",
      route: null,
      costMilli,
      ...(units ? { units } : {}),
      ...(ttlMs === null ? {} : { reserve: { ttlMs } }),
      keyId: null,
      peek: false,
      idempotencyKey: null,
    };
    const question = { request, decide: true, wantMilli: 0 };
    const answers = await this.object.serve({ settlements: [], questions: [{ question, times: 1 }] });
    disk.flush();
    const [answer] = expandAnswers(answers);
    if (!answer?.decision) throw new Error("a request has a decision");
    return answer.decision;
  }

  async settle(call: ReservationCall): Promise<ReservationAnswer> {
    const [answer] = await this.object.settle([call], revision);
    disk.flush();
    if (!answer) throw new Error("a settlement has an answer");
    return answer;
  }

  release(slots: readonly Slot[]): void {
    this.object.release(slots);
    disk.flush();
  }

  /** The limits as the object has them. */
  async limits(): Promise<readonly LimitStatus[]> {
    const status = await this.object.status({ revision, tier: "wide", keyId: null });
    if (status.kind !== "status") throw new Error("the user has a status");
    return status.limits;
  }

  /** All usage in this unit that storage has, or the number of requests (null). */
  ledger(unit: string | null): number {
    const cells = z.optional(stateSchema).parse(disk.kv.get("state"))?.state.openCells ?? [];
    const [query, bound]: [string, string[]] =
      unit === null
        ? ["SELECT sum(requests) AS sum FROM usage", []]
        : ["SELECT sum(cost_milli) AS sum FROM usage_units WHERE unit = ?", [unit]];
    const stored = sumSchema.parse(disk.exec(query, bound)[0]).sum ?? 0;
    return cells.reduce((sum, { requests, units = [] }) => {
      const milli = units.find(([name]) => name === unit)?.[1] ?? 0;
      return sum + (unit === null ? requests : milli);
    }, stored);
  }
}

/** What was charged for a request. */
export interface ModelCharge {
  readonly atMs: number;
  /** What it costs: what is reserved until it is settled. */
  milli: number;
  readonly inBucket: boolean;
  /** When the request was made: the day in which it counts. */
  readonly madeAtMs: number;
}

/** A bucket and a quota per day, charged what requests have cost in the end. */
export class Model {
  readonly #charges: ModelCharge[] = [];
  readonly #rates: { readonly atMs: number; readonly milliPerMs: number }[] = [];
  #resetMs = -Infinity;
  /** Charges before this one are forgiven. */
  #resetAt = 0;

  rate(atMs: number, milliPerMs: number): void {
    this.#rates.push({ atMs, milliPerMs });
  }

  charge(atMs: number, milli: number, inBucket: boolean, madeAtMs = atMs): ModelCharge {
    const charge = { atMs, milli, inBucket, madeAtMs };
    this.#charges.push(charge);
    return charge;
  }

  reset(atMs: number): void {
    this.#resetMs = atMs;
    this.#resetAt = this.#charges.length;
  }

  /** All usage, whatever was reset. */
  get usedMilli(): number {
    return this.#charges.reduce((sum, { milli }) => sum + milli, 0);
  }

  debtMilli(nowMs: number): number {
    let [debtMilli, atMs] = [0, this.#resetMs];
    for (const charge of this.#charges.slice(this.#resetAt)) {
      if (!charge.inBucket) continue;
      debtMilli = Math.max(0, debtMilli - this.#refillMilli(atMs, charge.atMs)) + charge.milli;
      atMs = charge.atMs;
    }
    return Math.max(0, debtMilli - this.#refillMilli(atMs, nowMs));
  }

  /** What counts in the quota of the day. */
  dayMilli(nowMs: number): number {
    const startMs = nowMs - (nowMs % DAY_MS);
    return this.#charges
      .slice(this.#resetAt)
      .reduce((sum, { madeAtMs, milli }) => (madeAtMs >= startMs ? sum + milli : sum), 0);
  }

  #refillMilli(fromMs: number, toMs: number): number {
    let milli = 0;
    this.#rates.forEach(({ atMs, milliPerMs }, i) => {
      const endMs = this.#rates[i + 1]?.atMs ?? Infinity;
      milli += Math.max(0, Math.min(toMs, endMs) - Math.max(fromMs, atMs)) * milliPerMs;
    });
    return milli;
  }
}
