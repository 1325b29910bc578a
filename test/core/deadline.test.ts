/** Deadlines count the time in which the isolate can receive the answer. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { DeadlineExceeded, withDeadline } from "../../src/deadline.ts";

beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => vi.useRealTimers());

/** Advances the clock without firing timers, as in a busy isolate. */
function beBusy(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** Waits for an answer that comes after this time. @returns when the wait ended, and how. */
async function outcomeOf(
  answerAfterMs: number,
  during: () => void,
): Promise<[atMs: number, outcome: string]> {
  const answer = new Promise<string>((done) => void setTimeout(done, answerAfterMs, "answered"));
  const ended = withDeadline(answer, 1_000, "call").then(
    (value): [number, string] => [Date.now() - 1_000_000, value],
    (fault: unknown): [number, string] => [
      Date.now() - 1_000_000,
      fault instanceof DeadlineExceeded ? `busy: ${fault.wasBusy}` : String(fault),
    ],
  );
  during();
  await vi.advanceTimersByTimeAsync(20_000);
  return ended;
}

it("a call without answer ends at its deadline", async () => {
  expect(await outcomeOf(5_000, () => undefined)).toEqual([1_000, "busy: false"]);
});

it("an answer that arrives while the isolate is busy is accepted after the deadline", async () => {
  const [, outcome] = await outcomeOf(1_500, () => beBusy(700));
  expect(outcome).toBe("answered");
});

it("reports a busy isolate if it was busy for longer than the deadline", async () => {
  const [, outcome] = await outcomeOf(60_000, () => beBusy(1_200));
  expect(outcome).toBe("busy: true");
});

it("ends after three times its length, however busy the isolate is", async () => {
  const [atMs, outcome] = await outcomeOf(60_000, () => beBusy(50_000));
  expect(outcome).toBe("busy: true");
  // Its timer first fired after fifty seconds.
  expect(atMs).toBe(50_000 + 1_000 + 2_000);
});
