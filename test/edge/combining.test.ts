/**
 * Combining: many requests of an isolate for one object become few calls, each gets its own answer once, and nothing that
 * happens to the sender blocks the others.
 */
import { describe, expect, it } from "vitest";
import { CombinedCallFailed, Combiner } from "../../src/limiter/combiner.ts";
import { withDeadline } from "../../src/deadline.ts";

const DEADLINE_MS = 100;

/** A call that answers after `waitMs`, and records its questions. */
function echo(waitMs: number): {
  calls: number[][];
  send: (questions: readonly number[]) => Promise<number[]>;
} {
  const calls: number[][] = [];
  return {
    calls,
    send: async (questions) => {
      calls.push([...questions]);
      await scheduler.wait(waitMs);
      return questions.map((question) => question * 10);
    },
  };
}

const never = (): Promise<number[]> => new Promise(() => undefined);
/** For requests whose question another request sends. */
const sendsNothing = (): Promise<number[]> => Promise.reject(new Error("another request should have sent"));
/** The request stays alive, so nothing has to be kept going. */
const waitUntil = (): void => undefined;

it("sends a lone question at once and alone", async () => {
  const combiner = new Combiner<number, number>(DEADLINE_MS);
  const { calls, send } = echo(0);
  expect(await combiner.ask("user", 7, send, waitUntil)).toBe(70);
  expect(calls).toEqual([[7]]);
  expect(combiner.size).toBe(0);
});

it("gives each of many questions its own answer, in few calls, and sends each once", async () => {
  const combiner = new Combiner<number, number>(1_000);
  const { calls, send } = echo(5);
  const questions = Array.from({ length: 64 }, (_, i) => i);
  const answers = await Promise.all(
    questions.map((question) => combiner.ask("user", question, send, waitUntil)),
  );
  expect(answers).toEqual(questions.map((question) => question * 10));
  expect(calls.flat().toSorted((a, b) => a - b)).toEqual(questions);
  expect(calls.length).toBeLessThan(10);
  expect(combiner.size).toBe(0);
});

it("never combines questions for different objects", async () => {
  const combiner = new Combiner<number, number>(DEADLINE_MS);
  const [a, b] = [echo(5), echo(5)];
  expect(
    await Promise.all([combiner.ask("a", 1, a.send, waitUntil), combiner.ask("b", 2, b.send, waitUntil)]),
  ).toEqual([10, 20]);
  expect([a.calls, b.calls]).toEqual([[[1]], [[2]]]);
});

describe("if the sender's call", () => {
  it("fails, all its questions fail, the next call succeeds, and no question is sent twice", async () => {
    const combiner = new Combiner<number, number>(DEADLINE_MS);
    const sent: number[] = [];
    const failing = async (questions: readonly number[]): Promise<number[]> => {
      sent.push(...questions);
      await scheduler.wait(5);
      throw new Error("the object is gone");
    };
    const asked = await Promise.allSettled(
      [1, 2, 3].map((question) => combiner.ask("user", question, failing, waitUntil)),
    );
    expect(asked.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    // The two senders get the reason; the follower gets CombinedCallFailed.
    const followers = asked.filter(
      (one) => one.status === "rejected" && one.reason instanceof CombinedCallFailed,
    );
    expect(followers).toHaveLength(1);
    expect(sent.toSorted()).toEqual([1, 2, 3]);
    expect(await combiner.ask("user", 4, echo(0).send, waitUntil)).toBe(40);
  });

  it("never ends, since the runtime ended its request, another request takes over after the deadline", async () => {
    const combiner = new Combiner<number, number>(DEADLINE_MS);
    void combiner.ask("user", 1, never, waitUntil);
    await scheduler.wait(20);
    const { calls, send } = echo(0);
    expect(await combiner.ask("user", 2, send, waitUntil)).toBe(20);
    expect(calls).toEqual([[2]]);
  });

  it("never ends with others' questions in it, those fail at their own deadline and are not sent again", async () => {
    const combiner = new Combiner<number, number>(DEADLINE_MS);
    const sent: number[] = [];
    // As limiter.ts calls: within a deadline.
    const hang = (questions: readonly number[]): Promise<number[]> => {
      if (questions.includes(1)) return echo(10).send(questions);
      sent.push(...questions);
      return withDeadline(never(), DEADLINE_MS, "test");
    };
    const first = combiner.ask("user", 1, hang, waitUntil);
    const others = [2, 3, 4].map((question) => combiner.ask("user", question, hang, waitUntil));
    // Before the first is awaited: on a busy machine they may fail before it ends.
    const allOthers = Promise.allSettled(others);
    expect(await first).toBe(10);
    const settled = await allOthers;
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(sent.toSorted()).toEqual([2, 3, 4]);
    const { calls, send } = echo(0);
    expect(await combiner.ask("user", 5, send, waitUntil)).toBe(50);
    expect(calls).toEqual([[5]]);
    expect(combiner.size).toBe(0);
  });

  it("outlives its cancelled request, it completes and the others get their answers", async () => {
    const combiner = new Combiner<number, number>(1_000);
    const kept: Promise<unknown>[] = [];
    const { calls, send } = echo(20);
    // Nothing awaits the first: its request is gone, and only its `waitUntil` work continues.
    void combiner.ask("user", 1, send, (work) => kept.push(work));
    expect(await combiner.ask("user", 2, send, waitUntil)).toBe(20);
    expect(calls).toEqual([[1], [2]]);
    await Promise.all(kept);
    // Its own call, and the one for the second.
    expect(kept).toHaveLength(2);
  });
});

describe("the sender also sends the questions queued meanwhile", () => {
  it("after its own answer, which waits for none of them", async () => {
    // So long that its call is not overdue on a busy machine.
    const combiner = new Combiner<number, number>(8_000);
    const kept: Promise<unknown>[] = [];
    const { calls, send } = echo(5);
    const first = combiner.ask("user", 0, send, (work) => kept.push(work));
    const others = Array.from({ length: 9 }, (_, i) => combiner.ask("user", i + 1, sendsNothing, waitUntil));
    expect(await first).toBe(0);
    expect(calls).toEqual([[0], [1, 2, 3, 4, 5, 6, 7, 8, 9]]);
    expect(await Promise.all(others)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90]);
    expect(kept).toHaveLength(2);
    await Promise.all(kept);
    expect(combiner.size).toBe(0);
  });

  it("at most 16 times, then the first waiting request sends", async () => {
    const combiner = new Combiner<number, number>(1_000);
    let others = 0;
    const followers: Promise<number>[] = [];
    const { calls, send } = echo(0);
    /** A question arrives during each call. */
    const crowded = async (questions: readonly number[]): Promise<number[]> => {
      if (++others <= 20) followers.push(combiner.ask("user", others, send, waitUntil));
      const answers = questions.map((question) => question * 10);
      await scheduler.wait(0);
      return answers;
    };
    await combiner.ask("user", 0, crowded, waitUntil);
    await expect.poll(() => followers.length).toBe(17);
    expect(await Promise.all(followers)).toEqual(Array.from({ length: 17 }, (_, i) => 10 * (i + 1)));
    expect(calls).toEqual([[17]]);
    expect(combiner.size).toBe(0);
  });
});
