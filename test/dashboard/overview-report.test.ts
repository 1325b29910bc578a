/** The overview report, and the figures of its tiles. */
import { expect, test } from "vitest";
import { figuresOf } from "../../dashboard/src/overview/figures.ts";
import { latencyChart, latencySummary, parseLatency } from "../../dashboard/src/overview/latency.ts";
import { parseOverview } from "../../dashboard/src/overview/overview-report.ts";
import { parseShadowReport, type ShadowReport } from "../../dashboard/src/shell/rankings.ts";

const HEAD = {
  report: "overview",
  backend: "embedded",
  sampled: false,
  from: "2026-11-21T11:00:00Z",
  to: "2026-11-21T12:00:00Z",
  intervalSeconds: 60,
};
const PERIOD = {
  requests: 3,
  allowed: 2,
  denied: 1,
  turnedAway: 0,
  errors: 0,
  decided: 3,
  cost: 2,
  perSecond: 0.1,
  coveredSeconds: 30,
  hopsSaved: 1,
  latencyMs: null,
};

test("reads an overview, without latencies if none were measured", () => {
  const overview = parseOverview({ ...HEAD, current: PERIOD, previous: PERIOD });
  expect([overview?.current.denied, overview?.backend]).toEqual([1, "embedded"]);
  expect(overview?.current.latencyMs).toBeNull();
});

test("rejects anything but an overview", () => {
  const strange = { ...PERIOD, denied: "1" };
  expect(parseOverview({ ...HEAD, current: strange, previous: PERIOD })).toBeNull();
  expect(parseOverview({ ...HEAD, report: "tiers", current: PERIOD, previous: PERIOD })).toBeNull();
  expect(parseOverview(null)).toBeNull();
});

const LATENCY = {
  ...HEAD,
  report: "latency",
  times: ["2026-11-21T11:00:00Z", "2026-11-21T11:01:00Z"],
  steps: { p50: [3, null], p95: [12, null], p99: [20, null] },
  sources: [],
  histogram: [],
};

const BUSY = {
  ...PERIOD,
  requests: 200,
  allowed: 150,
  denied: 40,
  turnedAway: 8,
  errors: 2,
  decided: 190,
  perSecond: 200 / 3_600,
  coveredSeconds: 3_600,
  latencyMs: { p50: 3, p95: 12.4, p99: 20 },
};

function figures(current: object, previous: object, fallbacks = 0, shadow: ShadowReport | null = null) {
  const overview = parseOverview({ ...HEAD, current, previous });
  const fallback = parseOverview({
    ...HEAD,
    current: { ...PERIOD, requests: fallbacks },
    previous: PERIOD,
  });
  return figuresOf({ overview: overview!, fallback, shadow, traffic: null, latency: parseLatency(LATENCY) });
}

test("shows the change against the period before, in the tone of what it means", () => {
  const before = { ...BUSY, requests: 100, denied: 10, errors: 5, latencyMs: { p50: 3, p95: 9, p99: 9 } };
  expect(figures(BUSY, before)[0]?.detail).toBe("3.3/min, 150 allowed, 8 turned away");
  expect(figures({ ...BUSY, turnedAway: 0 }, before)[0]?.detail).toBe("3.3/min, 150 allowed");
  expect(figures(BUSY, before).map(({ name, value, delta }) => [name, value, delta])).toEqual([
    ["Requests", "200", { text: "+100 %", tone: "neutral" }],
    ["Denied by limits", "21.1 %", { text: "+16 points", tone: "denied" }],
    ["Decision, p95", "12 ms", { text: "+3 ms", tone: "error" }],
    ["Errors", "2", { text: "−3", tone: "allowed" }],
  ]);
  expect(figures(BUSY, { ...before, requests: 10 })[0]?.delta?.text).toBe("×20");
});

test("shows no change if the period before is not stored in full, or had no requests", () => {
  for (const before of [
    { ...BUSY, coveredSeconds: 1_800 },
    { ...BUSY, requests: 0 },
  ]) {
    expect(figures(BUSY, before).map(({ delta }) => delta)).toEqual([null, null, null, null]);
  }
});

test("has a figure of what would be denied only if there is any", () => {
  const shadow = (requests: number) =>
    parseShadowReport({
      ...HEAD,
      report: "shadow-denials",
      requests,
      limits: requests === 0 ? [] : [{ limit: "hourly", requests, share: 0.1 }],
      top: [],
    });
  expect(figures(BUSY, PERIOD, 0, shadow(0))).toHaveLength(4);
  expect(figures(BUSY, PERIOD, 0, shadow(20))[2]).toMatchObject({
    name: "Would be denied",
    value: "20",
    detail: "in shadow, most by hourly",
    decisions: { reason: "shadow:hourly" },
  });
});

test("leads from a figure to its decisions, and warns of fallbacks even without errors", () => {
  expect(figures(BUSY, PERIOD).map(({ decisions }) => decisions)).toEqual([
    {},
    { outcome: "denied" },
    {},
    { outcome: "error" },
  ]);
  const errors = figures({ ...BUSY, errors: 0 }, PERIOD, 3)[3];
  expect([errors?.tone, errors?.detail, errors?.decisions]).toEqual([
    "warning",
    "3 decided by the fallback",
    { source: "fallback" },
  ]);
});

test("draws latency with a gap where nothing was decided, and a band from the median to p95", () => {
  const latency = parseLatency(LATENCY);
  const { lines, bands } = latencyChart(latency!);
  expect(lines.map(({ values }) => values[1])).toEqual([null, null, null]);
  expect(bands?.map(({ lower, upper }) => [lower, upper])).toEqual([["Median", "p95"]]);
  expect(latencySummary(latency!)).toBe("p95 of a step is at most 12 ms.");
  expect(parseLatency({ ...LATENCY, steps: null })).toBeNull();
});
