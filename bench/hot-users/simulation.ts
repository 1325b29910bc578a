/**
 * One user whom many isolates serve at once: the real Limiter in each, the real UserLimiter behind a network. Time, network and disk are
 * simulated (test/history). Counts the calls that reach the object, and what was admitted.
 */
import { UserLimiter } from "../../durable-objects/user-limiter.ts";
import { MetricDeltas } from "../../src/analytics/metrics/metric-deltas.ts";
import type { DecisionRequest, DecisionSource } from "../../src/core/decision.ts";
import { DEFAULT_DEADLINE_MS, Limiter } from "../../src/limiter/limiter.ts";
import { compilePolicy, type Policy } from "../../src/policy/compile.ts";
import type { LimitDocument } from "../../src/policy/schema.ts";
import { Disk, type Handle, storageOf } from "../../test/history/sqlite-storage.ts";
import { FastTime } from "./fast-time.ts";

/** The middle of an hour: no lease ends early. */
const START_MS = Date.UTC(2027, 0, 15, 10, 30);
/** Requests come evenly, in steps of this time. */
const STEP_MS = 1;
const NEAREST_MS = 2;
const FARTHEST_MS = 120;
/** The part of the burst that is spent before the first request. */
const SPENT_FIRST = 0.9;

export interface Load {
  readonly perSecond: number;
  readonly isolates: number;
  readonly limits: readonly LimitDocument[];
  /** Not measured: all isolates start at once. */
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

export interface Measured {
  /** Calls to the object in a second. */
  readonly callsPerSecond: number;
  /** In the busiest tenth of a second, as a rate. */
  readonly peakPerSecond: number;
  readonly admitted: number;
  /** Requests by where they were decided, and those that were rejected as `overloaded`. */
  readonly bySource: ReadonlyMap<DecisionSource | "overloaded", number>;
  readonly requests: number;
}

/** All runs share a policy store, in which revisions only grow. */
let revision = 0;
const documents = new Map<number, string>();

const bindings = {
  CONFIG: {
    get: async (key: string) => documents.get(Number(/^policy:rev:(\d+)$/.exec(key)?.[1])) ?? null,
  },
  POLICY_REGISTRY: { getByName: () => ({ revision: async () => null }) },
  METRICS_HUB: { getByName: () => ({ record: async () => undefined }) },
} as unknown as Env;

export async function simulate(load: Load): Promise<Measured> {
  const time = new FastTime(START_MS);
  const uninstall = time.install();
  try {
    return await new Simulation(time, load).run();
  } finally {
    uninstall();
  }
}

class Simulation {
  readonly #time: FastTime;
  readonly #load: Load;
  readonly #policy: Policy;
  readonly #disk = new Disk();
  readonly #object: UserLimiter;
  readonly #isolates: Limiter[] = [];
  /** When each measured call reached the object. */
  readonly #calls: number[] = [];
  readonly #bySource = new Map<DecisionSource | "overloaded", number>();
  #admitted = 0;
  #requests = 0;
  #next = 0;

  constructor(time: FastTime, load: Load) {
    this.#time = time;
    this.#load = load;
    this.#policy = published(load.limits);
    const handle: Handle = {
      isReplaced: false,
      failNextWrite: false,
      onFailure: () => undefined,
      onAudit: () => undefined,
    };
    const ctx = {
      storage: storageOf(this.#disk, handle, () => undefined),
      id: { name: "user:hot" },
      waitUntil: () => undefined,
    };
    this.#object = new UserLimiter(ctx as unknown as DurableObjectState, bindings);
    for (let i = 0; i < load.isolates; i++) this.#isolates.push(this.#isolate(i));
  }

  async run(): Promise<Measured> {
    const { warmUpMs, measuredMs, perSecond } = this.#load;
    await this.#spendBurst();
    for (let atMs = 0; atMs < warmUpMs + measuredMs; atMs += STEP_MS) {
      this.#time.at(START_MS + atMs, () => {
        const isMeasured = atMs >= warmUpMs;
        for (let i = 0; i < (perSecond * STEP_MS) / 1_000; i++) this.#request(isMeasured);
      });
      await this.#time.run(START_MS + atMs);
    }
    // The last requests' answers.
    await this.#time.run(START_MS + warmUpMs + measuredMs + 2 * DEFAULT_DEADLINE_MS);
    const fromMs = START_MS + warmUpMs;
    const calls = this.#calls.filter((atMs) => atMs >= fromMs && atMs < fromMs + measuredMs);
    const tenths = new Map<number, number>();
    for (const atMs of calls) {
      const tenth = Math.floor((atMs - fromMs) / 100);
      tenths.set(tenth, (tenths.get(tenth) ?? 0) + 1);
    }
    return {
      callsPerSecond: Math.round((1_000 * calls.length) / measuredMs),
      peakPerSecond: 10 * Math.max(0, ...tenths.values()),
      admitted: this.#admitted,
      bySource: this.#bySource,
      requests: this.#requests,
    };
  }

  /** Spends most of the burst at once, so that the user soon is at the limit. */
  async #spendBurst(): Promise<void> {
    const [limit] = this.#load.limits;
    if (limit?.kind !== "bucket") return;
    const costMilli = Math.floor((limit.burst ?? limit.tokens) * SPENT_FIRST * 1_000);
    const question = { request: this.#asked(costMilli), decide: true, wantMilli: 0 };
    await this.#object.serve({ settlements: [], questions: [{ question, times: 1 }] });
  }

  #asked(costMilli: number): DecisionRequest {
    return {
      revision: this.#policy.revision,
      tier: "hot",
      route: null,
      costMilli,
      keyId: null,
      peek: false,
      idempotencyKey: null,
    };
  }

  #request(isMeasured: boolean): void {
    // A step that has no factor in common with the number of isolates spreads requests evenly.
    this.#next = (this.#next + 7_919) % this.#isolates.length;
    const isolate = this.#isolates[this.#next];
    if (!isolate) throw new Error("there are no isolates");
    const request = this.#asked(1_000);
    const decided = isolate.decide("user:hot", request, this.#policy, Date.now(), ignore);
    const count = (decision: Awaited<typeof decided>): void => {
      if (!isMeasured) return;
      const source = decision.outcome === "overloaded" ? "overloaded" : decision.source;
      this.#requests += 1;
      this.#admitted += Number(decision.allowed);
      this.#bySource.set(source, (this.#bySource.get(source) ?? 0) + 1);
    };
    if (decided instanceof Promise) void decided.then(count);
    else count(decided);
  }

  #isolate(index: number): Limiter {
    const oneWayMs = distanceMs(index, this.#load.isolates);
    const travel = (): Promise<void> =>
      new Promise((done) => void this.#time.at(this.#time.nowMs + oneWayMs, done));
    const stub = {
      serve: async (call: Parameters<UserLimiter["serve"]>[0]) => {
        await travel();
        this.#calls.push(this.#time.nowMs);
        const answers = await this.#object.serve(call);
        await travel();
        return answers;
      },
    };
    const objects = { getByName: () => stub } as unknown as ConstructorParameters<typeof Limiter>[0];
    return new Limiter(objects, DEFAULT_DEADLINE_MS, () => undefined, new MetricDeltas());
  }
}

/** Isolates are spread evenly over the distances. */
function distanceMs(index: number, isolates: number): number {
  return Math.round(NEAREST_MS + ((FARTHEST_MS - NEAREST_MS) * index) / Math.max(1, isolates - 1));
}

/** Puts a tier with these limits into force. It lends, as every tier does that says nothing else. */
function published(limits: readonly LimitDocument[]): Policy {
  revision += 1;
  const document = {
    schema: 1,
    tiers: { hot: { limits } },
    routes: [],
    anonymousTier: "hot",
    defaultTier: "hot",
  };
  documents.set(revision, JSON.stringify(document));
  const compiled = compilePolicy(document, revision);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  return compiled.value;
}

function ignore(): void {
  // Nothing ends before its time here.
}
