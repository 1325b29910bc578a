/**
 * Thousands of requests of one user at once, in virtual time: nothing that a client does makes the limiter fail, so nothing is
 * admitted beyond the limit, whatever the tier's failure policy. The object decides by the core; time and network are simulated.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { UserLimiter } from "../../durable-objects/user-limiter.ts";
import { MetricDeltas } from "../../src/analytics/metrics/metric-deltas.ts";
import type { Decision, DecisionRequest, DecisionOutcome } from "../../src/core/decision.ts";
import type { LimitState } from "../../src/core/limit.ts";
import { decidePlan } from "../../src/core/plan.ts";
import { Limiter } from "../../src/limiter/limiter.ts";
import type { RepeatedAnswer, ObjectCall } from "../../src/objects/object-call.ts";
import { compactAnswers, expandQuestions } from "../../src/limiter/wire.ts";
import { chargesFor } from "../../src/policy/charges.ts";
import { compilePolicy, type Policy, tierOf } from "../../src/policy/compile.ts";

const START_MS = Date.UTC(2031, 4, 14);
const DEADLINE_MS = 1_000;
const AMOUNT = 150;
/** Batches that each caller sends, one after the other. */
const ROUNDS = 4;

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS });
  vi.stubGlobal("scheduler", { wait: (ms: number) => new Promise((done) => setTimeout(done, ms)) });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const BUCKET = { name: "main", kind: "bucket", tokens: 1, per: "day", burst: AMOUNT };
const QUOTA = { name: "main", kind: "quota", amount: AMOUNT, per: "day" };

function policyOf(limit: object, onLimiterFailure: string): Policy {
  const tier = { limits: [limit], onLimiterFailure };
  const document = {
    schema: 1,
    tiers: { only: tier },
    routes: [],
    anonymousTier: "only",
    defaultTier: "only",
  };
  const compiled = compilePolicy(document, 1);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  return compiled.value;
}

/** The fate of a call. */
type Fate = "answered" | "overloaded" | "lost" | "error";

/** One user's object, and isolates that ask it. */
class Fleet {
  /** Requests that the object has charged. */
  charged = 0;
  calls = 0;
  /** How long a call occupies the object. */
  turnMs = 0;
  #idle = Promise.resolve();
  fate: (call: number) => Fate = () => "answered";
  readonly limiters: readonly Limiter[];
  readonly #policy: Policy;
  readonly #states = new Map<string, LimitState>();

  constructor(policy: Policy, isolates: number, distanceMs: number) {
    this.#policy = policy;
    const serve = async (call: ObjectCall): Promise<RepeatedAnswer[]> => {
      const fate = this.fate(++this.calls);
      await passed(distanceMs / 2);
      await this.#turn();
      if (fate === "overloaded") throw Object.assign(new Error("too many calls"), { overloaded: true });
      if (fate === "error") throw new Error("broken");
      if (fate === "lost") return new Promise(() => undefined);
      const answers = expandQuestions(call.questions).map(({ request }) => ({
        decision: this.#decide(request),
        lease: null,
      }));
      await passed(distanceMs / 2);
      return compactAnswers(call.questions, answers);
    };
    const status = async (): Promise<object> => {
      await passed(distanceMs);
      await this.#turn();
      return { kind: "status", status: "active" };
    };
    const keyStanding = async (): Promise<string> => (await status(), "good");
    const objects = {
      getByName: () => ({ serve, status, keyStanding }),
    } as unknown as DurableObjectNamespace<UserLimiter>;
    this.limiters = Array.from(
      { length: isolates },
      () => new Limiter(objects, DEADLINE_MS, () => undefined, new MetricDeltas()),
    );
  }

  #turn(): Promise<void> {
    this.#idle = this.#idle.then(() => passed(this.turnMs));
    return this.#idle;
  }

  /** Asks this many times at once, from the isolates in turn. @returns the number of decisions by outcome. */
  async ask(
    count: number,
    request: Partial<DecisionRequest> = {},
  ): Promise<Partial<Record<DecisionOutcome, number>>> {
    const deciding = Array.from({ length: count }, async (_, i) => {
      const limiter = this.limiters[i % this.limiters.length];
      return limiter?.decide(
        "user:ann",
        { ...REQUEST, ...request },
        this.#policy,
        Date.now(),
        () => undefined,
      );
    });
    const all = Promise.all(deciding);
    await vi.advanceTimersByTimeAsync(2 * DEADLINE_MS);
    return tally(await all);
  }

  /** This many callers send batches one after the other, from the isolates in turn. @returns the number of decisions by outcome. */
  async askInBatches(count: number, size: number): Promise<Partial<Record<DecisionOutcome, number>>> {
    const requests = Array.from({ length: size }, () => REQUEST);
    const deciding = Array.from({ length: count }, async (_, i) => {
      const limiter = this.limiters[i % this.limiters.length];
      const decisions: Decision[] = [];
      const waitUntil = () => undefined;
      if (!limiter) return decisions;
      for (let round = 0; round < ROUNDS; round++) {
        decisions.push(
          ...(await limiter.decideAll("user:ann", requests, this.#policy, Date.now(), waitUntil)),
        );
      }
      return decisions;
    });
    const all = Promise.all(deciding);
    await vi.advanceTimersByTimeAsync(2 * ROUNDS * DEADLINE_MS);
    return tally((await all).flat());
  }

  #decide({ keyId }: DecisionRequest): Decision {
    const charges = chargesFor(tierOf(this.#policy, "only"), null, keyId);
    const plan = decidePlan(charges, this.#states, 1_000, Date.now());
    charges.forEach(({ counter }, i) => {
      const after = plan.after[i];
      if (after) this.#states.set(counter, after.state);
    });
    if (plan.allowed) this.charged += 1;
    return {
      outcome: plan.allowed ? "allowed" : "denied",
      allowed: plan.allowed,
      cost: 1,
      limits: [],
      retryAfterMs: plan.allowed ? 0 : plan.retryAtMs - Date.now(),
      violated: plan.violated,
      source: "strict",
      tier: "only",
      revision: 1,
      decisionId: "any",
      holds: [],
    };
  }
}

const REQUEST: DecisionRequest = {
  revision: 1,
  tier: "only",
  route: null,
  costMilli: null,
  keyId: null,
  peek: false,
  idempotencyKey: null,
};

function tally(decisions: readonly (Decision | undefined)[]): Partial<Record<DecisionOutcome, number>> {
  const outcomes: Partial<Record<DecisionOutcome, number>> = {};
  for (const decision of decisions) {
    if (decision) outcomes[decision.outcome] = (outcomes[decision.outcome] ?? 0) + 1;
  }
  return outcomes;
}

async function passed(ms: number): Promise<void> {
  if (ms > 0) await new Promise((done) => setTimeout(done, ms));
}

it.each([
  ["bucket", "local", 0, 1],
  ["bucket", "local", 120, 1],
  ["bucket", "local", 120, 4],
  ["quota", "local", 120, 4],
  ["bucket", "open", 40, 4],
  ["quota", "open", 450, 2],
  ["bucket", "closed", 900, 2],
])(
  "what is admitted is the limit: a %s, %s, from objects %i ms away and %i isolates",
  async (kind, choice, distanceMs, isolates) => {
    const fleet = new Fleet(policyOf(kind === "quota" ? QUOTA : BUCKET, choice), isolates, distanceMs);
    const outcomes = await fleet.ask(3_000 * Math.min(2, isolates));
    expect(outcomes.allowed).toBe(AMOUNT);
    expect(fleet.charged).toBe(AMOUNT);
    expect(outcomes.unavailable).toBeUndefined();
  },
);

it("a request that finds the queue full is rejected as overloaded once the object is known to be alive", async () => {
  const fleet = new Fleet(policyOf(BUCKET, "open"), 1, 120);
  const outcomes = await fleet.ask(3_000);
  // One that called, and 1,024 that waited.
  expect(outcomes).toEqual({ allowed: AMOUNT, denied: 1 + 1_024 - AMOUNT, overloaded: 3_000 - 1 - 1_024 });
});

it.each([
  [40, 20, 1],
  [40, 20, 4],
  [15, 1_000, 1],
])(
  "what is admitted is the limit: %i callers with batches of %i, each call of which takes the object 100 ms, from %i isolates",
  async (count, size, isolates) => {
    const fleet = new Fleet(policyOf(QUOTA, "open"), isolates, 10);
    fleet.turnMs = 100;
    const { allowed, denied = 0, overloaded = 0, ...others } = await fleet.askInBatches(count, size);
    expect([allowed, fleet.charged, others]).toEqual([AMOUNT, AMOUNT, {}]);
    expect(denied + overloaded).toBe(ROUNDS * count * size - AMOUNT);
  },
);

it.each(["status", "keyStanding"] as const)("a flood of %s does not make the limiter fail", async (what) => {
  const fleet = new Fleet(policyOf(QUOTA, "open"), 1, 10);
  fleet.turnMs = 3;
  const [limiter] = fleet.limiters;
  const waitUntil = () => undefined;
  const flood = Array.from({ length: 3_000 }, async () =>
    what === "status"
      ? limiter?.accounts.status(
          "user:ann",
          { revision: 1, tier: "only", keyId: "key" },
          Date.now(),
          waitUntil,
        )
      : limiter?.accounts.keyStanding("user:ann", "key", Date.now(), waitUntil),
  );
  let allowed = 0;
  for (let i = 0; i < 8; i++) allowed += (await fleet.ask(50)).allowed ?? 0;
  expect([allowed, fleet.charged]).toEqual([AMOUNT, AMOUNT]);
  await Promise.all(flood);
});

describe("an object that reports overload", () => {
  it("is alive: the failure policy admits nobody, even while its circuit is open", async () => {
    const fleet = new Fleet(policyOf(BUCKET, "open"), 1, 10);
    fleet.fate = () => "overloaded";
    for (let i = 0; i < 10; i++) expect(await fleet.ask(5)).toEqual({ overloaded: 5 });
  });
});

describe("an object that does not answer", () => {
  it("has failed after a whole deadline without answer: the tier's choice applies", async () => {
    const fleet = new Fleet(policyOf(BUCKET, "open"), 1, 10);
    expect(await fleet.ask(1)).toEqual({ allowed: 1 });
    fleet.fate = () => "lost";
    expect(await fleet.ask(2_000)).toEqual({ allowed: 2_000 });
    expect(fleet.charged).toBe(1);
  });

  it("has failed if it throws, however recently it answered", async () => {
    const fleet = new Fleet(policyOf(BUCKET, "closed"), 1, 10);
    expect(await fleet.ask(1)).toEqual({ allowed: 1 });
    fleet.fate = () => "error";
    expect(await fleet.ask(1)).toEqual({ unavailable: 1 });
  });
});
