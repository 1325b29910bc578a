/** The simulator: its period, the answers it accepts, and its summary. */
import { expect, test } from "vitest";
import { deniedChart, deniedSummary } from "../../dashboard/src/simulator/denied-chart.ts";
import {
  isBusy,
  parseSimulation,
  type SimulationResult,
  periodOf,
  signed,
  summaryOf,
} from "../../dashboard/src/simulator/simulation.ts";

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2026, 10, 21, 12);

const ROW = {
  requests: 1_000,
  deniedBefore: 0,
  deniedAfter: 1,
  newlyDenied: 1,
  newlyAllowed: 0,
  overageBefore: 0,
  overageAfter: 0,
};

function result(
  before: number,
  after: number,
  changed: SimulationResult["changedAccounts"],
  shadowed = 0,
): SimulationResult {
  return {
    from: "",
    to: "",
    revision: 7,
    decisions: 1_000,
    sampled: false,
    truncated: false,
    firstAt: null,
    lastAt: null,
    totals: {
      recorded: { allowed: 1_000, denied: 0 },
      before: { allowed: 1_000 - before, denied: before, overage: 0, shadowed: 0 },
      after: { allowed: 1_000 - after, denied: after, overage: 0, shadowed },
    },
    series: {
      from: "2026-11-21T11:00:00.000Z",
      intervalSeconds: 60,
      requests: [600, 400],
      deniedBefore: [before, 0],
      deniedAfter: [0, after],
    },
    tiers: [{ tier: "free", ...ROW, changedAccounts: changed }],
    routes: [{ route: "/identify", ...ROW, changedAccounts: changed }],
    newlyDenied: [{ account: "user:ann", tier: "free", routes: ["/identify"], ...ROW }],
    newlyAllowed: [],
    changedAccounts: changed,
  };
}

test("asks for the period in the URL, but for no more than is recorded", () => {
  const last = (seconds: number) => periodOf({ kind: "last", name: "", title: "", seconds }, NOW_MS);
  expect(last(900)).toEqual({ from: "2026-11-21T11:45:00.000Z", to: "2026-11-21T12:00:00.000Z" });
  expect(last(604_800)).toEqual({ from: "2026-11-20T12:00:00.000Z", to: "2026-11-21T12:00:00.000Z" });
  expect(periodOf({ kind: "between", fromMs: NOW_MS - HOUR_MS, toMs: NOW_MS - 1 }, NOW_MS)).toEqual({
    from: "2026-11-21T11:00:00.000Z",
    to: "2026-11-21T11:59:59.999Z",
  });
});

test("reads simulations, also of an invalid policy, and rejects anything else", () => {
  const found = { valid: true, errors: [], result: result(1, 2, { denied: 1, allowed: 0 }) };
  expect(parseSimulation(found)).toEqual(found);
  const faulty = { valid: false, errors: [{ path: "/tiers", message: "is missing" }], result: null };
  expect(parseSimulation(faulty)).toEqual(faulty);
  expect(parseSimulation({ ...found, result: { ...found.result, totals: {} } })).toBeNull();
  expect(parseSimulation({ ...found, result: { ...found.result, newlyDenied: [{}] } })).toBeNull();
  expect(parseSimulation({ ...found, result: { ...found.result, series: { from: "now" } } })).toBeNull();
  expect(parseSimulation({ result: null })).toBeNull();
});

test.each([
  [10, 10, 0, 0, "Every recorded request would be decided as by the policy in force."],
  [
    10,
    60,
    3,
    0,
    "50 more requests (5 % of all) would be denied. 3 users would be denied requests that are allowed now.",
  ],
  [
    60,
    59,
    0,
    1,
    "1 fewer request (0.1 % of all) would be denied. One user would be allowed requests that are denied now.",
  ],
  [
    9,
    9,
    1,
    1,
    "As many requests would be denied as now, but different ones. One user would be denied requests that are allowed now. One user would be allowed requests that are denied now.",
  ],
])(
  "summarizes %d denied before and %d after, for %d and %d users",
  (before, after, denied, allowed, summary) => {
    expect(summaryOf(result(before, after, { denied, allowed }))).toBe(summary);
  },
);

test("says what limits in shadow would deny, apart from what is denied", () => {
  const none = { denied: 0, allowed: 0 };
  expect(summaryOf(result(0, 0, none, 7))).toBe(
    "Every recorded request would be decided as by the policy in force. Limits in shadow would deny 7 of them if enforced.",
  );
  expect(summaryOf(result(10, 60, none, 7))).toMatch(/Limits in shadow would deny 7 more if enforced\.$/);
});

test("retries only if another simulation is running, or there were too many", () => {
  const failed = (status: number, body: unknown) =>
    isBusy({ kind: "failed", status, detail: "", body, retryAfterMs: null });
  expect(failed(429, { code: "quota_exceeded" })).toBe(true);
  expect(failed(503, { code: "temporary_reduced_capacity" })).toBe(true);
  expect(failed(503, { code: "not_configured" })).toBe(false);
  expect(failed(0, null)).toBe(false);
});

test("calls an estimate an estimate", () => {
  const sampled = { ...result(10, 60, { denied: 1, allowed: 0 }), sampled: true };
  expect(summaryOf(sampled)).toMatch(/^About 50 more requests/);
});

test("draws both policies' denied requests over time, and says when the most would be denied", () => {
  const { series } = result(10, 60, { denied: 1, allowed: 0 });
  const { timesMs, stepMs, lines } = deniedChart(series, "your draft");
  expect([timesMs, stepMs]).toEqual([[NOW_MS - HOUR_MS, NOW_MS - HOUR_MS + 60_000], 60_000]);
  expect(lines.map(({ name, values }) => [name, values])).toEqual([
    ["Denied by the policy in force", [10, 0]],
    ["Denied by your draft", [0, 60]],
  ]);
  expect(deniedSummary(series, "your draft")).toMatch(
    /^your draft denies at most 60 in 60 s, at \d\d:01; the policy in force at most 10\.$/,
  );
  expect(deniedSummary({ ...series, deniedBefore: [0, 0], deniedAfter: [0, 0] }, "your draft")).toBe(
    "Neither policy denies any request.",
  );
});

test("writes a difference with its sign", () => {
  expect([signed(0), signed(1_200), signed(-3)]).toEqual(["0", "+1,200", "−3"]);
});
