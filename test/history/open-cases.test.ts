/**
 * Schedules that break a guarantee according to the judge, and are not explained yet: either the judge or the product is wrong. A case
 * whose cause is found moves to named.test.ts.
 */
import { expect, it } from "vitest";
import { violationsOf } from "./judge.ts";
import type { Schedule } from "./schedule.ts";
import { World } from "./world.ts";

const ASK = {
  kind: "ask",
  isolate: 0,
  route: "/one",
  costMilli: null,
  key: null,
  asBatch: false,
  peek: false,
  idempotencyKey: null,
  leavesAfterMs: null,
  againAfterMs: null,
  computesMs: 0,
  count: 1,
} as const;

const REPLACED_AND_CHANGED: Schedule = {
  tier: "free",
  skewsMs: [0, 0],
  slowPpm: [0],
  startMs: 0,
  flushMs: 0,
  travels: [{ upMs: 0, downMs: 0, fate: "answered" }],
  steps: [
    { afterMs: 5, what: { kind: "stream", ask: { ...ASK, costMilli: 7_000 }, times: 17, everyMs: 120 } },
    { afterMs: 120, what: { kind: "object-is-replaced", forMs: 601, followers: 13 } },
    { afterMs: 0, what: ASK },
    { afterMs: 0, what: { kind: "stream", ask: ASK, times: 1, everyMs: 3 } },
    { afterMs: 5, what: ASK },
    { afterMs: 5, what: { kind: "change", isolate: 3, change: { kind: "tier", tier: "leased" } } },
  ],
};

const TWO_OF_THREE_CALLS_LOST: Schedule = {
  tier: "ample",
  skewsMs: [0, 0],
  slowPpm: [0],
  startMs: 0,
  flushMs: 0,
  travels: [
    { upMs: 0, downMs: 2, fate: "answered" },
    { upMs: 6, downMs: 10, fate: "lost" },
    { upMs: 0, downMs: 0, fate: "hangs" },
  ],
  steps: [
    { afterMs: 5, what: { kind: "stream", ask: { ...ASK, againAfterMs: 9 }, times: 11, everyMs: 120 } },
    { afterMs: 1, what: { kind: "stream", ask: ASK, times: 11, everyMs: 3 } },
    { afterMs: 25, what: { ...ASK, computesMs: 36 } },
    { afterMs: 0, what: { kind: "stream", ask: { ...ASK, isolate: 3 }, times: 42, everyMs: 60 } },
  ],
};

it.fails.each([
  ["G1: an object that is replaced and changed at once admits no more than the limit", REPLACED_AND_CHANGED],
  ["G5: what was spent from a lease is billed even if two of three calls are lost", TWO_OF_THREE_CALLS_LOST],
])("%s", async (_name, schedule) => {
  expect(violationsOf(await new World(schedule).run())).toEqual([]);
});
