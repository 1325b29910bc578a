/** A page of accounts that are asked for their open periods: bounded in calls and time, and complete, or it says who is missing. */
import { expect, it } from "vitest";
import { runningPage } from "../../src/api/billing/running-page.ts";
import type { RunningAnswer } from "../../src/objects/billing.ts";

const ids = (count: number) => Array.from({ length: count }, (_none, i) => ({ id: `a${i}` }));

function periodOf(id: string): RunningAnswer {
  const amounts = { base: "1.00", subtotal: "1.00", overage: "0.00", requests: Number(id.slice(1)) };
  const running = { tier: "pro", currency: "USD", ...amounts, periodStartMs: 0, periodEndMs: 1 };
  return { kind: "running", running };
}

it("has all accounts in order, with at most 32 calls at once", async () => {
  let [open, most] = [0, 0];
  const page = await runningPage(ids(100), async (id) => {
    most = Math.max(most, ++open);
    await scheduler.wait(id.endsWith("7") ? 5 : 1);
    open -= 1;
    return periodOf(id);
  });
  expect(page.periods.map(({ account, running }) => [account.id, running.requests])).toEqual(
    ids(100).map(({ id }, i) => [id, i]),
  );
  expect([page.failed, page.fault]).toEqual([[], null]);
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(32);
});

it("names each account that rejects, has no period or does not answer in time, and leaves out deleted ones", async () => {
  const answers: Record<string, () => Promise<RunningAnswer>> = {
    a1: () => Promise.reject(new Error("its storage fails")),
    a3: () => new Promise(() => undefined),
    a4: async () => ({ kind: "not-billed" }),
    a5: async () => ({ kind: "absent" }),
  };
  const call = async (id: string) => (await answers[id]?.()) ?? periodOf(id);
  const page = await runningPage(ids(7), call, { callMs: 50, pageMs: 60_000 });
  expect(page.periods.map(({ account }) => account.id)).toEqual(["a0", "a2", "a6"]);
  expect(page.failed).toEqual(["a1", "a3", "a4"]);
  expect(page.fault).toBe("Error: its storage fails");
});

it("asks no account after the page's deadline, and names those that it did not ask", async () => {
  const asked: string[] = [];
  const call = async (id: string) => {
    asked.push(id);
    await scheduler.wait(30);
    return periodOf(id);
  };
  const page = await runningPage(ids(60), call, { callMs: 10_000, pageMs: 20 });
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.length).toBeLessThan(60);
  expect(page.periods.map(({ account }) => account.id)).toEqual(asked);
  expect(page.failed).toEqual(ids(60).flatMap(({ id }) => (asked.includes(id) ? [] : [id])));
  expect(page.fault).not.toBeNull();
});
