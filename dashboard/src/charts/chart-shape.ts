/** The geometry of a chart of a given size: scales, ticks, and the outlines of areas, lines and bands. Pure. */
import { type ChartModel, heightsOf, marksWithin, spanOf } from "./chart-model.ts";
import { timeTicks, valueTicks } from "./ticks.ts";

/** Margins for the labels of the axes, CSS pixels. */
export const LEFT = 56;
export const RIGHT = 24;
export const TOP = 8;
export const BOTTOM = 24;
/** Above the plot, for the labels of marks. */
export const MARK_HEIGHT = 22;
/** The shortest distances between ticks, CSS pixels. */
const TICK_WIDTH = 64;
const TICK_HEIGHT = 44;

export interface Outline {
  readonly name: string;
  /** SVG path data: the area in a stack or a band, the line otherwise. */
  readonly path: string;
  /** The upper edge of an area. */
  readonly edge: string;
}

export interface ChartShape {
  /** The upper edge of the plot, CSS pixels. */
  readonly top: number;
  readonly x: (ms: number) => number;
  readonly y: (value: number) => number;
  /** The moment at a horizontal position, clamped to the span shown. */
  readonly timeAt: (x: number) => number;
  /** The index of the value at a moment: its step, or the nearest point; null without values. */
  readonly indexAt: (ms: number) => number | null;
  readonly times: readonly number[];
  readonly values: readonly number[];
  readonly outlines: readonly Outline[];
  readonly bands: readonly Outline[];
}

export function shapeOf(model: ChartModel, width: number, height: number, zoneMs: number): ChartShape {
  const { timesMs, lines, bands = [], stepMs, isStacked } = model;
  const heights = heightsOf(model);
  const [fromMs, toMs] = spanOf(model);
  const plotWidth = Math.max(1, width - LEFT - RIGHT);
  const edge = marksWithin(model).length > 0 ? TOP + MARK_HEIGHT : TOP;
  const plotHeight = Math.max(1, height - edge - BOTTOM);
  const highest = heights.flat().reduce<number>((greatest, value) => Math.max(greatest, value ?? 0), 0);
  const areWhole = heights.flat().every((value) => Number.isInteger(value ?? 0));
  // There is no half of a request.
  const values = valueTicks(highest, Math.floor(plotHeight / TICK_HEIGHT)).filter(
    (value) => !areWhole || Number.isInteger(value),
  );
  const top = values.at(-1) ?? 1;
  const x = (ms: number) => LEFT + ((ms - fromMs) / (toMs - fromMs)) * plotWidth;
  const y = (value: number) => edge + plotHeight * (1 - value / top);
  const trace = (line: readonly (number | null)[]) => traceOf(timesMs, line, x, y, stepMs);
  const nothing = timesMs.map(() => 0);
  const heightOf = (name: string) => heights[lines.findIndex((line) => line.name === name)] ?? nothing;
  return {
    top: edge,
    x,
    y,
    timeAt: (position) => {
      const share = (position - LEFT) / plotWidth;
      return fromMs + Math.min(1, Math.max(0, share)) * (toMs - fromMs);
    },
    indexAt: (ms) => indexAt(timesMs, ms, stepMs),
    times: timeTicks(fromMs, toMs, Math.max(2, Math.floor(plotWidth / TICK_WIDTH)), zoneMs),
    values,
    outlines: lines.map(({ name }, i) => {
      const line = heights[i] ?? nothing;
      const upper = lineOf(trace(line));
      const path = isStacked === true ? areaOf(trace(line), trace(heights[i - 1] ?? nothing)) : upper;
      return { name, path, edge: upper };
    }),
    bands: bands.map(({ name, upper, lower }) => ({
      name,
      path: areaOf(trace(heightOf(upper)), trace(heightOf(lower))),
      edge: lineOf(trace(heightOf(upper))),
    })),
  };
}

type Point = readonly [number, number];

/** The points of a line, as strokes: a gap ends a stroke. A step has its width. */
function traceOf(
  timesMs: readonly number[],
  line: readonly (number | null)[],
  x: (ms: number) => number,
  y: (value: number) => number,
  stepMs: number | undefined,
): Point[][] {
  const strokes: Point[][] = [];
  let stroke: Point[] = [];
  timesMs.forEach((ms, i) => {
    const value = line[i] ?? null;
    if (value === null) {
      stroke = [];
      return;
    }
    if (stroke.length === 0) strokes.push(stroke);
    stroke.push([x(ms), y(value)]);
    if (stepMs !== undefined) stroke.push([x(timesMs[i + 1] ?? ms + stepMs), y(value)]);
  });
  return strokes;
}

function lineOf(strokes: readonly Point[][]): string {
  return strokes.map((stroke) => `M${points(stroke)}`).join("");
}

/** The area between an upper and a lower line, which have the same gaps. */
function areaOf(upper: readonly Point[][], lower: readonly Point[][]): string {
  return upper.map((stroke, i) => `M${points([...stroke, ...(lower[i] ?? []).toReversed()])}Z`).join("");
}

function points(stroke: readonly Point[]): string {
  return stroke.map(([x, y]) => `${round(x)},${round(y)}`).join("L");
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

function indexAt(timesMs: readonly number[], ms: number, stepMs: number | undefined): number | null {
  const after = timesMs.findIndex((time) => time > ms);
  const before = (after === -1 ? timesMs.length : after) - 1;
  if (timesMs.length === 0) return null;
  if (before < 0) return 0;
  const next = timesMs[before + 1];
  const isNearer = stepMs === undefined && next !== undefined && next - ms < ms - (timesMs[before] ?? 0);
  return isNearer ? before + 1 : before;
}
