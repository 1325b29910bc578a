/** The overview report, and figures with units. */
import { expect, test } from "vitest";
import { count, milliseconds, percent } from "../../dashboard/src/shell/format.ts";
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

test("shows figures with units, and missing ones as a dash", () => {
  expect([count(0), count(12 / 3600), count(9_999), count(12_345)]).toEqual([
    "0",
    "0.0033",
    "9,999",
    "12.3K",
  ]);
  expect([percent(1, 3), percent(0, 0)]).toEqual(["33.3 %", "–"]);
  expect([milliseconds(0.5), milliseconds(0), milliseconds(120.4), milliseconds(undefined)]).toEqual([
    "0.50 ms",
    "< 1 ms",
    "120 ms",
    "–",
  ]);
});
