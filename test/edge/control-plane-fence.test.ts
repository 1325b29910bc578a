/**
 * Policy changes while KV lags: the isolate that made a change decides by it at once, every other one within a minute, and no object
 * ever returns to an older revision, whichever isolate calls it and wherever it wakes up.
 */
import { abortAllDurableObjects } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { dropTimers, hurry, later, START_MS, startClock, stopClock } from "../durable-objects/fixture.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import { makeKvLag } from "../fixtures/control-lagging-kv.ts";
import { Operator } from "../fixtures/control-operator.ts";
import { breakKvWrites } from "../fixtures/control-outages.ts";
import { newAddress } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { policyOfTier } from "../fixtures/edge-policy.ts";

// Many sequential calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(() => {
  startClock();
  hurry();
});
afterEach(stopClock);

/** A policy whose quota is its own number, so that a decision shows its policy. */
const MARK = 1_000_000;
const policyMarked = (mark: number): PolicyDocument =>
  policyOfTier({
    limits: [{ name: "mark", kind: "quota", amount: MARK + mark, per: "month" }],
    mode: "strict",
  });

const newEdge = (): Promise<Edge> => startEdge({ policy: null });

/** The mark of the policy that decided a request. Anything but an exact decision that allows it fails. */
async function decidedBy(edge: Edge, address: Record<string, string>): Promise<number> {
  const response = await edge.request("/identify", { headers: address });
  await edge.backgroundDone();
  expect(response.status).toBe(200);
  expect(response.headers.get("Server-Timing")).toContain('desc="strict"');
  const [, quota] = /"mark";q=(\d+)/.exec(response.headers.get("RateLimit-Policy") ?? "") ?? [];
  return Number(quota) - MARK;
}

/** Puts the next revision's policy, marked with its number. @returns the number. */
async function putNext(edge: Edge): Promise<number> {
  const operator = new Operator(edge);
  const next = (await operator.revision()) + 1;
  expect(await operator.putPolicy(policyMarked(next))).toBe(next);
  return next;
}

/** Makes all objects wake up in a new isolate that knows no policy yet. */
async function moveObjects(): Promise<void> {
  await abortAllDurableObjects();
  dropTimers();
  vi.resetModules();
}

describe("an object", () => {
  it("decides by the newer revision for every caller once one isolate has named it: a denial does not flap", async () => {
    const [taker, other] = [await newEdge(), await newEdge()];
    const address = newAddress();
    const operator = new Operator(taker);
    const limits = (burst: number) =>
      policyOfTier({ limits: [{ name: "day", kind: "bucket", tokens: 1, per: "day", burst }] });
    await operator.putPolicy(limits(9));
    makeKvLag(60_000, () => 1);
    const ask = async (edge: Edge) => (await edge.request("/identify", { headers: address })).status;
    expect([await ask(taker), await ask(other)]).toEqual([200, 200]);
    await operator.putPolicy(limits(2));
    later(1_000);
    const answers: number[] = [];
    for (let i = 0; i < 4; i++) answers.push(await ask(taker), await ask(other));
    expect(answers).toEqual(Array.from({ length: 8 }, () => 429));
    await moveObjects();
    expect([await ask(other), await ask(await newEdge())]).toEqual([429, 429]);
  });

  it("takes a revision that KV lacks from the registry, also when it wakes up again", async () => {
    const [taker, other] = [await newEdge(), await newEdge()];
    const address = newAddress();
    await putNext(taker);
    breakKvWrites();
    const next = await putNext(taker);
    expect(await decidedBy(taker, address)).toBe(next);
    await moveObjects();
    expect(await decidedBy(other, address)).toBe(next);
  });
});

const ADDRESSES = [newAddress(), newAddress()];
const EDGES = 3;
/** The same schedules each time: otherwise it is chance whether they meet a lagging KV often enough. */
const SEED = 20_261_121;
const step = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({
      kind: fc.constant("ask" as const),
      edge: fc.nat(EDGES - 1),
      address: fc.nat(ADDRESSES.length - 1),
    }),
  },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant("put" as const), edge: fc.nat(EDGES - 1) }) },
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant("later" as const),
      ms: fc.oneof(fc.nat(3_000), fc.nat(20_000), fc.constant(61_000)),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("new edge" as const), edge: fc.nat(EDGES - 1) }) },
  // Loads all modules again, which takes most of the test's time.
  { weight: 1, arbitrary: fc.constant({ kind: "move objects" as const }) },
);

describe.each([
  // The lifetime of KV's own cache, as the policy store requests it.
  { lagMs: 30_000, everywhereMs: 60_000, fromMs: 0 },
  // If KV is slower than that: the store adds 25 s.
  { lagMs: 60_000, everywhereMs: 85_000, fromMs: 1_000 * HOUR_MS },
])("while KV lags $lagMs ms", ({ lagMs, everywhereMs, fromMs }) => {
  it(`no decision goes back; the changing isolate decides by the newest at once, all others within ${everywhereMs} ms`, async () => {
    // Objects outlive a test: the operator's limit would not refill while the clock is behind that of the previous test.
    later(fromMs);
    let random = 1;
    // Mulberry32, so that a failing schedule fails again.
    const share = (): number => {
      random = (random + 0x6d2b79f5) | 0;
      let t = Math.imul(random ^ (random >>> 15), 1 | random);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
    makeKvLag(lagMs, share);
    let behind = 0;
    let late = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(step, { minLength: 20, maxLength: 60 }), async (seed, steps) => {
        dropTimers();
        random = seed;
        // Everything earlier is known everywhere, including documents.
        later(2 * HOUR_MS);
        const edges = await Promise.all(Array.from({ length: EDGES }, newEdge));
        const edgeAt = (i: number): Edge => edges[i] ?? expect.unreachable();
        let newest = await putNext(edgeAt(0));
        later(2 * HOUR_MS);
        let changedAtMs = Date.now();
        const taken = Array.from({ length: EDGES }, () => 0);
        const seen = ADDRESSES.map(() => 0);
        for (const each of steps) {
          switch (each.kind) {
            case "put":
              newest = await putNext(edgeAt(each.edge));
              changedAtMs = Date.now();
              taken[each.edge] = newest;
              break;
            case "later":
              later(each.ms);
              break;
            case "new edge":
              edges[each.edge] = await newEdge();
              taken[each.edge] = 0;
              break;
            case "move objects":
              await moveObjects();
              break;
            case "ask": {
              const mark = await decidedBy(edgeAt(each.edge), ADDRESSES[each.address] ?? {});
              expect(mark).toBeLessThanOrEqual(newest);
              expect(mark).toBeGreaterThanOrEqual(Math.max(taken[each.edge] ?? 0, seen[each.address] ?? 0));
              if (Date.now() - changedAtMs >= everywhereMs) {
                expect(mark).toBe(newest);
                late += 1;
              }
              if (mark < newest) behind += 1;
              seen[each.address] = mark;
            }
          }
        }
      }),
      { seed: SEED, numRuns: 15 },
    );
    // The schedules did call isolates with a lagging KV, and some after the deadline.
    expect(behind).toBeGreaterThan(5);
    expect(late).toBeGreaterThan(5);
    expect(Date.now()).toBeGreaterThan(START_MS);
  }, 60_000);
});
