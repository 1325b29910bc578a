/** The geometry of charts. */
import { expect, test } from "vitest";
import { axisTimes } from "../../dashboard/src/charts/axis-time.ts";
import {
  type ChartMark,
  type ChartModel,
  heightsOf,
  marksWithin,
  spanOf,
} from "../../dashboard/src/charts/chart-model.ts";
import { LEFT, MARK_HEIGHT, RIGHT, shapeOf, TOP } from "../../dashboard/src/charts/chart-shape.ts";
import { markGroups } from "../../dashboard/src/charts/mark-groups.ts";
import { timeTicks, valueTicks } from "../../dashboard/src/charts/ticks.ts";

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

test("stacks values on top of each other, an unknown one as 0", () => {
  expect(heightsOf(MODEL)).toEqual([
    [5, 0, 7],
    [6, 0, 9],
  ]);
});

test("keeps lines as they are, with a gap for unknown values", () => {
  expect(heightsOf({ ...MODEL, isStacked: false })[1]).toEqual([1, null, 2]);
  const short = { ...MODEL, isStacked: false, lines: [{ ...MODEL.lines[0]!, values: [5] }] };
  expect(heightsOf(short)).toEqual([[5, null, null]]);
});

test("spans the last step to its end, and has a span without values too", () => {
  expect(spanOf(MODEL)).toEqual([0, 3 * MINUTE_MS]);
  expect(spanOf({ ...MODEL, timesMs: [] })).toEqual([0, MINUTE_MS]);
  const { stepMs: _none, ...lines } = MODEL;
  expect(spanOf({ ...lines, timesMs: [9] })).toEqual([9, 10]);
});

const mark = (atMs: number, number: number): ChartMark => ({
  atMs,
  label: `policy ${number}`,
  short: String(number),
  detail: `policy ${number} by ann`,
  to: { screen: "policy", params: { revision: String(number) } },
});

test("marks only moments within the span, in order of time", () => {
  const marks = [mark(180_001, 9), mark(60_000, 2), mark(0, 1)];
  expect(marksWithin({ ...MODEL, marks }).map(({ label }) => label)).toEqual(["policy 1", "policy 2"]);
});

test("merges marks whose labels would overlap into one, as often as it takes, and keeps labels in the plot", () => {
  const x = (ms: number) => ms;
  const groups = (...at: number[]) =>
    markGroups(
      at.map((ms, i) => mark(ms, i + 1)),
      x,
      0,
      500,
    );
  expect(groups(50, 200, 400).map(({ label }) => label)).toEqual(["policy 1", "policy 2", "policy 3"]);
  expect(groups(50, 60, 400).map(({ label }) => label)).toEqual(["policy 1–2", "policy 3"]);
  // The label of two is wider, and reaches the third.
  const [merged] = groups(50, 100, 150);
  expect([merged?.label, merged?.marks.length]).toEqual(["policy 1–3", 3]);
  for (const { left, width } of groups(0, 250, 500)) {
    expect(left).toBeGreaterThanOrEqual(0);
    expect(left + width).toBeLessThanOrEqual(500);
  }
  const many = groups(...Array.from({ length: 100 }, (_none, i) => 5 * i));
  for (const [i, { left }] of many.entries()) {
    const before = many[i - 1];
    if (before) expect(left).toBeGreaterThan(before.left + before.width);
  }
  expect(many.flatMap(({ marks }) => marks)).toHaveLength(100);
});

test("labels the time axis as precisely as its ticks are apart, and dates the start of a day", () => {
  const midnight = Date.UTC(2026, 10, 21);
  const times = (gapMs: number, from = midnight - gapMs) =>
    axisTimes([from, from + gapMs, from + 2 * gapMs], "UTC");
  expect(times(10 * MINUTE_MS)).toEqual(["23:50", "21 Nov", "00:10"]);
  expect(times(10_000, midnight + 1_000)).toEqual(["00:00:01", "00:00:11", "00:00:21"]);
  expect(times(86_400_000)).toEqual(["20 Nov", "21 Nov", "22 Nov"]);
  expect(axisTimes([midnight + 60_000], "UTC")).toEqual(["00:01"]);
});

test("has round values on its axis, up to the first that covers the highest", () => {
  expect(valueTicks(7, 4)).toEqual([0, 2, 4, 6, 8]);
  expect(valueTicks(0.3, 3)).toEqual([0, 0.1, 0.2, 0.3]);
  expect(valueTicks(1_000, 5)).toEqual([0, 200, 400, 600, 800, 1_000]);
  expect([valueTicks(0, 4).at(-1), valueTicks(Infinity, 4).at(-1)]).toEqual([1, 1]);
});

test("has times on its axis that are round in the viewer's time zone", () => {
  const midnight = Date.UTC(2026, 10, 21);
  const hours = (ticks: readonly number[]) => ticks.map((ms) => (ms - midnight) / 3_600_000);
  expect(hours(timeTicks(midnight + 1, midnight + 86_400_000, 8, 0))).toEqual([3, 6, 9, 12, 15, 18, 21, 24]);
  expect(hours(timeTicks(midnight, midnight + 86_400_000, 4, 3_600_000))).toEqual([5, 11, 17, 23]);
  expect(timeTicks(0, 93 * 86_400_000, 10, 0)).toHaveLength(7);
  expect(timeTicks(0, 7 * 86_400_000, 3, 0)).toHaveLength(3);
});

const WIDTH = LEFT + RIGHT + 300;
const HEIGHT = TOP + 100 + 24;

test("has no fractions on the axis of a count", () => {
  const ticks = (...values: number[]) =>
    shapeOf({ ...MODEL, lines: [{ ...MODEL.lines[0]!, values }] }, WIDTH, HEIGHT, 0).values;
  expect(ticks(1, 0, 0)).toEqual([0, 1]);
  expect(ticks(0, 0, 0)).toEqual([0, 1]);
  expect(ticks(1, 0.25, 0)).toEqual([0, 0.5, 1]);
});

test("draws each area of a stack on the one below it, in steps of their width", () => {
  const { outlines, y } = shapeOf(MODEL, WIDTH, HEIGHT, 0);
  const [base, five, seven] = [y(0), y(5), y(7)];
  const [a, b, c, d] = [LEFT, LEFT + 100, LEFT + 200, LEFT + 300];
  const upper = `M${a},${five}L${b},${five}L${b},${base}L${c},${base}L${c},${seven}L${d},${seven}`;
  const lower = `L${d},${base}L${c},${base}L${c},${base}L${b},${base}L${b},${base}L${a},${base}Z`;
  expect(outlines[0]).toEqual({ name: "Allowed", path: upper + lower, edge: upper });
  expect(outlines[1]?.path).toContain(`M${a},${y(6)}L`);
});

test("makes room above the plot for the labels of marks, only if there are any", () => {
  expect(shapeOf(MODEL, WIDTH, HEIGHT, 0).top).toBe(TOP);
  const marked = shapeOf({ ...MODEL, marks: [mark(60_000, 1)] }, WIDTH, HEIGHT, 0);
  expect(marked.top).toBe(TOP + MARK_HEIGHT);
  expect(marked.y(marked.values.at(-1)!)).toBe(marked.top);
});

test("leaves a gap in lines and bands for unknown values", () => {
  const { stepMs: _none, isStacked: _stacked, ...rest } = MODEL;
  const bands = [{ name: "range", upper: "Allowed", lower: "Denied", colour: "--quiet" }] as const;
  const lines = [{ ...MODEL.lines[0]!, values: [5, null, 7] }, MODEL.lines[1]!];
  const shape = shapeOf({ ...rest, bands, lines }, WIDTH, HEIGHT, 0);
  const [first, last] = [LEFT, LEFT + 300];
  expect(shape.outlines[0]?.path).toBe(`M${first},${shape.y(5)}M${last},${shape.y(7)}`);
  expect(shape.bands[0]?.path).toBe(
    `M${first},${shape.y(5)}L${first},${shape.y(1)}ZM${last},${shape.y(7)}L${last},${shape.y(2)}Z`,
  );
});

test("finds the step at a position, and the nearest point of a line", () => {
  const { timeAt, indexAt } = shapeOf(MODEL, WIDTH, HEIGHT, 0);
  const at = (place: number) => indexAt(timeAt(LEFT + place));
  expect([at(-50), at(99), at(100), at(299), at(900)]).toEqual([0, 0, 1, 2, 2]);
  const { stepMs: _none, ...line } = MODEL;
  const points = shapeOf(line, WIDTH, HEIGHT, 0);
  expect([points.indexAt(0.4 * MINUTE_MS), points.indexAt(0.6 * MINUTE_MS)]).toEqual([0, 1]);
  expect(shapeOf({ ...MODEL, timesMs: [] }, WIDTH, HEIGHT, 0).indexAt(0)).toBeNull();
});
