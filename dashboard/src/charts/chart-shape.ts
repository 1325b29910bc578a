/** Where things are in a drawing of some size: scales, ticks, and the outlines of areas, lines and bands. Pure. */
import { type ChartModel, heightsOf, spanOf } from "./chart-model.ts";
import { timeTicks, valueTicks } from "./ticks.ts";

/** CSS pixels. Room for the labels of the axes. */
export const LEFT = 60;
export const RIGHT = 28;
export const TOP = 8;
export const BOTTOM = 24;
/** Between ticks at least. */
const TICK_WIDTH = 64;
const TICK_HEIGHT = 44;

export interface Outline {
  readonly name: string;
  /** SVG path data. */
  readonly path: string;
}

export interface ChartShape {
  readonly x: (ms: number) => number;
  readonly y: (value: number) => number;
  /** The moment at a place, within what is shown. */
  readonly timeAt: (x: number) => number;
  /** The value that holds at a moment: the step that it lies in, or the nearest point; null where there are none. */
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
  const plotHeight = Math.max(1, height - TOP - BOTTOM);
  const most = heights.flat().reduce<number>((greatest, value) => Math.max(greatest, value ?? 0), 0);
  const values = valueTicks(most, Math.floor(plotHeight / TICK_HEIGHT));
  const top = values.at(-1) ?? 1;
  const x = (ms: number) => LEFT + ((ms - fromMs) / (toMs - fromMs)) * plotWidth;
  const y = (value: number) => TOP + plotHeight * (1 - value / top);
  const trace = (line: readonly (number | null)[]) => traceOf(timesMs, line, x, y, stepMs);
  const nothing = timesMs.map(() => 0);
  const heightOf = (name: string) => heights[lines.findIndex((line) => line.name === name)] ?? nothing;
  return {
    x,
    y,
    timeAt: (place) => {
      const share = (place - LEFT) / plotWidth;
      return fromMs + Math.min(1, Math.max(0, share)) * (toMs - fromMs);
    },
    indexAt: (ms) => indexAt(timesMs, ms, stepMs),
    times: timeTicks(fromMs, toMs, Math.max(2, Math.floor(plotWidth / TICK_WIDTH)), zoneMs),
    values,
    outlines: lines.map(({ name }, i) => {
      const line = heights[i] ?? nothing;
      const path =
        isStacked === true ? areaOf(trace(line), trace(heights[i - 1] ?? nothing)) : lineOf(trace(line));
      return { name, path };
    }),
    bands: bands.map(({ upper, lower }) => ({
      name: `${upper} to ${lower}`,
      path: areaOf(trace(heightOf(upper)), trace(heightOf(lower))),
    })),
  };
}

type Place = readonly [number, number];

/** The places that a line goes through, in runs: a gap ends one. A step has its width. */
function traceOf(
  timesMs: readonly number[],
  line: readonly (number | null)[],
  x: (ms: number) => number,
  y: (value: number) => number,
  stepMs: number | undefined,
): Place[][] {
  const runs: Place[][] = [];
  let run: Place[] = [];
  timesMs.forEach((ms, i) => {
    const value = line[i] ?? null;
    if (value === null) {
      run = [];
      return;
    }
    if (run.length === 0) runs.push(run);
    run.push([x(ms), y(value)]);
    if (stepMs !== undefined) run.push([x(timesMs[i + 1] ?? ms + stepMs), y(value)]);
  });
  return runs;
}

function lineOf(runs: readonly Place[][]): string {
  return runs.map((run) => `M${points(run)}`).join("");
}

/** Between an upper and a lower line, which have their gaps in the same places. */
function areaOf(upper: readonly Place[][], lower: readonly Place[][]): string {
  return upper.map((run, i) => `M${points([...run, ...(lower[i] ?? []).toReversed()])}Z`).join("");
}

function points(run: readonly Place[]): string {
  return run.map(([x, y]) => `${round(x)},${round(y)}`).join("L");
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
