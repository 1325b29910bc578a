/** A request with much to do leaves its isolate to others between two waves of calls. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { inWaves } from "../../src/api/decisions/waves.ts";

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
