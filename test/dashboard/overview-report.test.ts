/** The overview report. */
import { expect, test } from "vitest";
import { parseOverview } from "../../dashboard/src/overview/overview-report.ts";

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
