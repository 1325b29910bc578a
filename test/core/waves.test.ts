/** A request with much work yields its isolate to others between two waves of calls. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { NOWHERE } from "../../src/analytics/place.ts";
import { checkMany } from "../../src/api/decisions/check.ts";
import { inWaves } from "../../src/api/decisions/waves.ts";
import type { Decision, DecisionRequest } from "../../src/core/decision.ts";
import type { Services } from "../../src/edge/services.ts";
import { embeddedPolicy } from "../../src/policy/policy-store.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  vi.stubGlobal("scheduler", { wait: (ms: number) => new Promise((done) => setTimeout(done, ms)) });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Processes this many items, each of which keeps the thread for `busyMs` and then waits for `awayMs`. */
async function run(count: number, busyMs: number, awayMs: number) {
  let underWay = 0;
  const widths: number[] = [];
  const done: number[] = [];
  const items = Array.from({ length: count }, (_, i) => i);
  const all = inWaves(items, async (item) => {
    underWay += 1;
    widths.push(underWay);
    vi.setSystemTime(Date.now() + busyMs);
    await new Promise((answered) => setTimeout(answered, awayMs));
    underWay -= 1;
    done.push(item);
  });
  await vi.advanceTimersByTimeAsync(60_000);
  await all;
  return { widths, done, items };
}

it("does each item once, whatever the width", async () => {
  for (const count of [0, 1, 7, 8, 9, 100]) {
    const { done, items } = await run(count, 0, 5);
    expect(done.toSorted((a, b) => a - b)).toEqual(items);
  }
});

it("calls distant objects 32 at a time: they delay nobody", async () => {
  const { widths } = await run(200, 0, 200);
  expect(Math.max(...widths)).toBe(32);
});

it("calls one at a time if each call keeps the isolate busy", async () => {
  const { widths } = await run(200, 30, 0);
  expect(Math.max(...widths)).toBe(8);
  expect(widths.slice(-150).every((width) => width === 1)).toBe(true);
});

it("waits for the isolate's other work between two waves", async () => {
  const order: string[] = [];
  const all = inWaves([1, 2, 3, 4, 5, 6, 7, 8, 9], async (item) => void order.push(String(item)));
  setTimeout(() => order.push("another request"), 0);
  await vi.advanceTimersByTimeAsync(1_000);
  await all;
  expect(order).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "another request", "9"]);
});

it("lets other requests in after every 32 users of a batch, even if their objects answer at once", async () => {
  const policy = embeddedPolicy();
  const decision: Decision = {
    outcome: "allowed",
    allowed: true,
    cost: 1,
    limits: [],
    retryAfterMs: null,
    violated: [],
    source: "strict",
    tier: policy.defaultTier,
    revision: policy.revision,
    decisionId: "any",
    holds: [],
  };
  let decided = 0;
  const decideAll = async (_subject: string, requests: readonly DecisionRequest[]) => {
    decided += 1;
    return requests.map(() => decision);
  };
  const services = { limiter: { decideAll }, recorder: {} } as unknown as Services;
  const operations = Array.from({ length: 1_000 }, (_, i) => ({ user: `new-${i}`, peek: true }));
  const origin = {
    operationsBefore: 0,
    caller: "any",
    account: "",
    method: "POST",
    place: NOWHERE,
    requestId: "any",
  };
  const whenOthersRun = [0];
  const others = setInterval(() => whenOthersRun.push(decided), 1);
  const results = checkMany(operations, services, policy, () => undefined, origin);
  await vi.advanceTimersByTimeAsync(1_000);
  clearInterval(others);
  expect((await results).map(({ kind }) => kind)).toEqual(operations.map(() => "decision"));
  const between = whenOthersRun.map((count, i) => count - (whenOthersRun[i - 1] ?? 0));
  expect(Math.max(...between)).toBe(32);
});
