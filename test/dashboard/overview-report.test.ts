/** What the dashboard reads and shows of figures. */
import { expect, test } from "vitest";
import { count, milliseconds, percent } from "../../dashboard/src/shell/format.ts";
import { parseOverview } from "../../dashboard/src/overview/overview-report.ts";

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

test("reads an overview, without latencies where none were measured", () => {
  const read = parseOverview({
    report: "overview",
    backend: "embedded",
    sampled: false,
    current: PERIOD,
    previous: PERIOD,
  });
  expect([read?.current.denied, read?.isEmbedded]).toEqual([1, true]);
  expect(read?.current.latencyMs).toBeUndefined();
});

test("takes nothing else for an overview", () => {
  const strange = { ...PERIOD, denied: "1" };
  expect(parseOverview({ report: "overview", current: strange, previous: PERIOD })).toBeNull();
  expect(parseOverview({ report: "tiers", current: PERIOD, previous: PERIOD })).toBeNull();
  expect(parseOverview(null)).toBeNull();
});

test("shows figures with units, and what is missing as a dash", () => {
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
