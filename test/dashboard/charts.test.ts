/** What a chart works out before it is drawn. */
import { expect, test } from "vitest";
import { axisTimes } from "../../dashboard/src/charts/axis-time.ts";
import {
  type ChartModel,
  heightsOf,
  marksWithin,
  spanOf,
  structureOf,
} from "../../dashboard/src/charts/chart-model.ts";

const MINUTE_MS = 60_000;
const MODEL: ChartModel = {
  timesMs: [0, MINUTE_MS, 2 * MINUTE_MS],
  stepMs: MINUTE_MS,
  isStacked: true,
  lines: [
    { name: "Allowed", colour: "--allowed", values: [5, 0, 7] },
    { name: "Denied", colour: "--denied", values: [1, null, 2] },
  ],
  show: String,
};

test("puts the parts of a stack on top of each other, an unknown one as nothing", () => {
  expect(heightsOf(MODEL)).toEqual([
    [5, 0, 7],
    [6, 0, 9],
  ]);
});

test("leaves lines as they are, with a gap where nothing is known", () => {
  expect(heightsOf({ ...MODEL, isStacked: false })[1]).toEqual([1, null, 2]);
  const short = { ...MODEL, isStacked: false, lines: [{ ...MODEL.lines[0]!, values: [5] }] };
  expect(heightsOf(short)).toEqual([[5, null, null]]);
});

test("shows the last step to its end, and has a span also for nothing", () => {
  expect(spanOf(MODEL)).toEqual([0, 3 * MINUTE_MS]);
  expect(spanOf({ ...MODEL, timesMs: [] })).toEqual([0, MINUTE_MS]);
  const { stepMs: _none, ...lines } = MODEL;
  expect(spanOf({ ...lines, timesMs: [9] })).toEqual([9, 10]);
});

test("is drawn anew for other lines, not for other figures or marks", () => {
  const figures = { ...MODEL, timesMs: [1], lines: MODEL.lines.map((line) => ({ ...line, values: [3] })) };
  expect(structureOf({ ...figures, marks: [{ atMs: 1, label: "r2" }] })).toBe(structureOf(MODEL));
  expect(structureOf({ ...MODEL, lines: MODEL.lines.slice(1) })).not.toBe(structureOf(MODEL));
  expect(structureOf({ ...MODEL, isStacked: false })).not.toBe(structureOf(MODEL));
});

test("marks only moments that are shown, in order, the newest twenty", () => {
  const marks = Array.from({ length: 25 }, (_none, i) => ({ atMs: 170_000 - i * 1_000, label: `r${i}` }));
  const shown = marksWithin({ ...MODEL, marks: [{ atMs: 180_001, label: "later" }, ...marks] });
  expect([shown.length, shown[0]?.label, shown.at(-1)?.label]).toEqual([20, "r19", "r0"]);
});

test("labels the time axis as finely as its ticks are apart, and says where a day begins", () => {
  const midnight = Date.UTC(2026, 10, 21);
  const times = (gapMs: number, from = midnight - gapMs) =>
    axisTimes([from, from + gapMs, from + 2 * gapMs], "UTC", "en");
  expect(times(10 * MINUTE_MS)).toEqual(["23:50", "Nov 21", "00:10"]);
  expect(times(10_000, midnight + 1_000)).toEqual(["00:00:01", "00:00:11", "00:00:21"]);
  expect(times(86_400_000)).toEqual(["Nov 20", "Nov 21", "Nov 22"]);
  expect(axisTimes([midnight + 60_000], "UTC", "en")).toEqual(["00:01"]);
});
