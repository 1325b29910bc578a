/** How the limiter calls objects: it keeps each call going after the client has left, and lets the runtime retry within the deadline. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { UserLimiter } from "../../durable-objects/user-limiter.ts";
import { MetricDeltas } from "../../src/analytics/metrics/metric-deltas.ts";
import type { Decision } from "../../src/core/decision.ts";
import { Limiter } from "../../src/limiter/limiter.ts";
import type { RepeatedAnswer, ObjectCall } from "../../src/objects/object-call.ts";
import { embeddedPolicy } from "../../src/policy/policy-store.ts";

const policy = embeddedPolicy();

// A request that waits for a millisecond, even for the compiler, has a deadline of its own.
beforeEach(() => vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => vi.useRealTimers());

/** A limiter whose objects allow every request and lend nothing. `ask` returns how often the request was kept going. */
function limiterOf(tier: string) {
  const calls: ObjectCall[] = [];
  const options: unknown[] = [];
  const decision: Decision = {
    outcome: "allowed",
    allowed: true,
    cost: 1,
    limits: [],
    retryAfterMs: 0,
    violated: [],
    source: "strict",
    tier,
    revision: policy.revision,
    decisionId: "any",
    holds: [],
  };
  const serve = async (call: ObjectCall): Promise<RepeatedAnswer[]> => {
    calls.push(call);
    return call.questions.map(() => ({ answer: { decision, lease: null }, further: [], times: 0 }));
  };
  const getByName = (_name: string, given: unknown) => {
    options.push(given);
    return { serve };
  };
  const objects = { getByName } as unknown as DurableObjectNamespace<UserLimiter>;
  const limiter = new Limiter(objects, 1_000, () => undefined, new MetricDeltas());
  const ask = async (): Promise<number> => {
    const kept: Promise<unknown>[] = [];
    const costs = { costMilli: 1_000, peek: false, idempotencyKey: null };
    const request = { revision: policy.revision, tier, route: null, keyId: null, ...costs };
    await limiter.decide("user", request, policy, Date.now(), (work) => kept.push(work));
    return kept.length;
  };
  return { ask, calls, options };
}

it("keeps every call going, since others may wait for its answer, spend its lease, or learn from it that the object is alive", async () => {
  const { ask, calls } = limiterOf("enterprise");
  // Before the first, nothing is known of the user, so it asks for no lease.
  expect([await ask(), await ask()]).toEqual([1, 1]);
  expect(calls.map(({ questions }) => (questions[0]?.question.wantMilli ?? 0) > 0)).toEqual([false, true]);
});

it("lets the runtime retry a call that has not reached its object at most once, within the deadline", async () => {
  const { ask, options } = limiterOf("pro");
  await ask();
  expect(options).toEqual([{ retry: { maxRetries: 1, timeoutMs: 1_000 } }]);
});
