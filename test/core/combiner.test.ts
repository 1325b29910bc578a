/** Combining, with a fake clock: when calls are sent, and how often waiters check for their answer. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Combiner, QueueFull } from "../../src/limiter/combiner.ts";

const DEADLINE_MS = 1_000;

beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** An object with these durations of calls (the last for all further ones), and a log of its calls. */
function slow(callsMs: readonly number[]) {
  const calls: { readonly atMs: number; readonly questions: readonly number[] }[] = [];
  const combiner = new Combiner<number, number>(DEADLINE_MS);
  const answered: number[] = [];
  const send = async (questions: readonly number[]): Promise<number[]> => {
    calls.push({ atMs: Date.now(), questions });
    const callMs = callsMs[Math.min(calls.length, callsMs.length) - 1];
    await new Promise((done) => setTimeout(done, callMs));
    return questions.map((question) => question * 10);
  };
  const ask = (question: number, by = send): void => {
    void combiner.ask("user", question, by, () => undefined).then((answer) => answered.push(answer));
  };
  return { ask, calls, answered, combiner };
}

it("a waiter checks when its answer is due by the duration of recent calls, not every millisecond", async () => {
  const { ask, calls } = slow([16]);
  const timers = vi.spyOn(globalThis, "setTimeout");
  const looks: number[] = [];
  for (let i = 0; i < 12; i++) {
    const before = calls.length;
    ask(i);
    await vi.advanceTimersByTimeAsync(8);
    looks.push(timers.mock.calls.length - (calls.length - before));
    timers.mockClear();
  }
  // More often while the duration of a call is unknown; then a few times near the end of a call.
  expect(looks[1]).toBeGreaterThanOrEqual(5);
  expect(Math.max(...looks.slice(4))).toBeLessThanOrEqual(3);
});

it("a lone request calls at once and sets no timer", async () => {
  const { ask, calls, answered } = slow([5]);
  const timers = vi.spyOn(globalThis, "setTimeout");
  ask(1);
  await vi.advanceTimersByTimeAsync(5);
  expect(calls).toEqual([{ atMs: 1_000_000, questions: [1] }]);
  expect(answered).toEqual([10]);
  expect(timers).toHaveBeenCalledTimes(1);
});

it("a lone call that never ends delays later requests by a sixteenth of the deadline, not all of it", async () => {
  const { ask, calls, answered } = slow([5]);
  ask(1, () => new Promise(() => undefined));
  await vi.advanceTimersByTimeAsync(3);
  ask(2);
  ask(3);
  await vi.advanceTimersByTimeAsync(DEADLINE_MS / 16 + 5);
  // And a millisecond until it is certain that the sender is kept.
  expect(calls).toEqual([{ atMs: 1_000_000 + Math.ceil(DEADLINE_MS / 16) + 1, questions: [2, 3] }]);
  await vi.advanceTimersByTimeAsync(10);
  expect(answered).toEqual([20, 30]);
});

it("a lone call that never ends delays later requests by at most a quarter of the deadline, however far the object is", async () => {
  const { ask, answered } = slow([120]);
  ask(1);
  await vi.advanceTimersByTimeAsync(65);
  // Concurrent with the overdue first, so that the lane knows the duration of a call when the third comes.
  ask(2);
  await vi.advanceTimersByTimeAsync(65);
  ask(3, () => new Promise(() => undefined));
  await vi.advanceTimersByTimeAsync(10);
  ask(4);
  await vi.advanceTimersByTimeAsync(DEADLINE_MS / 4 + 120 + 20);
  expect(answered).toEqual([10, 20, 40]);
});

it("no request waits longer than the deadline, even if the previous call fails only then", async () => {
  const combiner = new Combiner<number, number>(DEADLINE_MS);
  const hanging = (): Promise<number[]> =>
    new Promise((_answer, fail) => void setTimeout(() => fail(new Error("no answer")), DEADLINE_MS));
  const waitedMs: number[] = [];
  const kept: Promise<unknown>[] = [];
  for (let i = 0; i < 30; i++) {
    const fromMs = Date.now();
    const asked = combiner.ask("user", i, hanging, (work) => kept.push(work));
    void asked.catch(() => waitedMs.push(Date.now() - fromMs));
    await vi.advanceTimersByTimeAsync(10);
  }
  await vi.advanceTimersByTimeAsync(5 * DEADLINE_MS);
  expect(waitedMs).toHaveLength(30);
  expect(Math.max(...waitedMs)).toBeLessThanOrEqual(DEADLINE_MS);
  expect(combiner.size).toBe(0);
  await Promise.all(kept);
});

it("one slow call does not delay the answers of later ones", async () => {
  const { ask, answered } = slow([400, 2]);
  ask(1);
  await vi.advanceTimersByTimeAsync(390);
  // Concurrent with the overdue one.
  ask(2);
  ask(3);
  await vi.advanceTimersByTimeAsync(10);
  ask(4);
  await vi.advanceTimersByTimeAsync(25);
  expect(answered.toSorted()).toEqual([10, 20, 30, 40]);
});

it("calls that are always slow run one after the other, except for one concurrent with the overdue first", async () => {
  const { ask, calls, answered } = slow([150]);
  for (let i = 0; i < 100; i++) {
    ask(i);
    await vi.advanceTimersByTimeAsync(10);
  }
  await vi.advanceTimersByTimeAsync(500);
  expect(answered).toHaveLength(100);
  const beside = calls.filter(({ atMs }, i) => atMs - (calls[i - 1]?.atMs ?? -Infinity) < 150);
  expect(beside).toHaveLength(1);
  expect(calls.flatMap(({ questions }) => questions).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 100 }, (_, i) => i),
  );
});

it("a clock that steps back delays no request for long", async () => {
  const { ask, answered } = slow([5]);
  ask(1);
  ask(2);
  vi.setSystemTime(1_000_000 - 60_000);
  await vi.advanceTimersByTimeAsync(50);
  expect(answered.toSorted()).toEqual([10, 20]);
});

it("a call that never ends delays others by two deadlines at most, although the clock steps back by a minute", async () => {
  const { ask, answered } = slow([5]);
  ask(1, () => new Promise(() => undefined));
  ask(2);
  vi.setSystemTime(1_000_000 - 60_000);
  await vi.advanceTimersByTimeAsync(2 * DEADLINE_MS);
  expect(answered).toEqual([20]);
});

it("nothing is sent for cancelled requests", async () => {
  const { ask, calls } = slow([5]);
  const never = new Promise<number[]>(() => undefined);
  ask(1, () => never);
  ask(2);
  await vi.advanceTimersByTimeAsync(DEADLINE_MS + 100);
  expect(calls.every(({ questions }) => questions.length > 0)).toBe(true);
});

it("rejects at once if too many wait for one object", async () => {
  const combiner = new Combiner<number, number>(DEADLINE_MS);
  const never = (): Promise<number[]> => new Promise(() => undefined);
  const ask = (question: number): Promise<unknown> =>
    combiner.ask("user", question, never, () => undefined).catch((fault: unknown) => fault);
  for (let i = 0; i <= 1_024; i++) void ask(i);
  const rejected = await ask(-1);
  expect(rejected).toBeInstanceOf(QueueFull);
  expect(String(rejected)).toContain("too many wait already");
  expect(Date.now()).toBe(1_000_000);
});

it("calls for others are at least a millisecond apart", async () => {
  const atMs: number[] = [];
  const combiner = new Combiner<number, number>(DEADLINE_MS);
  const quick = async (questions: readonly number[]): Promise<readonly number[]> => {
    atMs.push(Date.now() - 1_000_000);
    if (atMs.length <= 3) void combiner.ask("user", atMs.length, quick, () => undefined);
    return questions;
  };
  void combiner.ask("user", 0, quick, () => undefined);
  await vi.advanceTimersByTimeAsync(100);
  expect(atMs).toEqual([0, 1, 2, 3]);
});

it("lanes of cancelled requests are dropped at a thousand objects", async () => {
  const combiner = new Combiner<number, number>(DEADLINE_MS);
  const never = new Promise<number[]>(() => undefined);
  const cancelled = (name: string) =>
    void combiner.ask(
      name,
      1,
      () => never,
      () => undefined,
    );
  for (let i = 0; i < 1_000; i++) cancelled(`user-${i}`);
  expect(combiner.size).toBe(1_000);
  await vi.advanceTimersByTimeAsync(DEADLINE_MS);
  cancelled("another");
  expect(combiner.size).toBe(1);
});

it("calls to an object that is called too often are sent at its pace, and carry all that waits", async () => {
  const { ask, calls, combiner } = slow([5]);
  ask(0);
  combiner.pace("user", 50);
  for (let i = 1; i <= 200; i++) {
    await vi.advanceTimersByTimeAsync(1);
    ask(i);
  }
  await vi.advanceTimersByTimeAsync(60);
  const gaps = calls.slice(1).map(({ atMs }, i) => atMs - (calls[i]?.atMs ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(50);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(55);
  expect(calls.flatMap(({ questions }) => questions)).toHaveLength(201);
  // The object has time again.
  combiner.pace("user", 0);
  await vi.advanceTimersByTimeAsync(60);
  const before = calls.length;
  for (let i = 0; i < 20; i++) {
    ask(i);
    await vi.advanceTimersByTimeAsync(6);
  }
  expect(calls.length).toBeGreaterThanOrEqual(before + 19);
});

it("a request sends for others only as long as the runtime keeps it running, then the first waiter sends", async () => {
  const combiner = new Combiner<number, number>(5_000);
  const senders: number[] = [];
  const failed: unknown[] = [];
  const ask = (n: number): void => {
    const send = async (questions: readonly number[]): Promise<readonly number[]> => {
      senders.push(n);
      await new Promise((done) => setTimeout(done, questions.length > 1 ? 2_000 : 200));
      return questions;
    };
    void combiner.ask("user", n, send, () => undefined).catch((fault: unknown) => failed.push(fault));
  };
  ask(0);
  await vi.advanceTimersByTimeAsync(100);
  for (let n = 1; n <= 40; n += 2) {
    ask(n);
    ask(n + 1);
    await vi.advanceTimersByTimeAsync(1_000);
  }
  // Its own call, and eight that would end in time even if this isolate were busy: three deadlines later at most.
  expect(senders.filter((sender) => sender === 0)).toHaveLength(9);
  expect(senders.findIndex((sender) => sender > 0)).toBe(9);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(failed).toEqual([]);
});

it("waiting requests are sent although the isolate is so busy that each timer is late", async () => {
  const { ask, calls, answered } = slow([5]);
  ask(1, () => new Promise(() => undefined));
  const real = globalThis.setTimeout;
  vi.spyOn(globalThis, "setTimeout").mockImplementation(((run: () => void, ms = 0) =>
    real(run, ms + 30)) as typeof setTimeout);
  for (const n of [2, 3, 4, 5]) {
    ask(n);
    await vi.advanceTimersByTimeAsync(7);
  }
  await vi.advanceTimersByTimeAsync(DEADLINE_MS / 2);
  expect(answered).toEqual([2, 3, 4, 5].map((n) => 10 * n));
  expect(calls).toHaveLength(1);
});
