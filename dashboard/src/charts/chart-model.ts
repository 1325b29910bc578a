/** The content of a chart as plain data, and the values derived from it for drawing. Pure: no DOM, no clock. */
import type { PageAddress } from "../shell/page-address.ts";

/** A custom property of tokens.css, such as `--denied`: the theme defines the colour. */
export type ColourToken = `--${string}`;

export interface ChartLine {
  /** Unique in its chart; shown in the legend and in the head of the table. */
  readonly name: string;
  readonly colour: ColourToken;
  /** One for each of the chart's times; null for an unknown value, which leaves a gap. */
  readonly values: readonly (number | null)[];
  readonly isDashed?: boolean;
  /** In a stack: a light area, so that what is on top of it stands out. */
  readonly isCalm?: boolean;
  /** Only an edge of a band: in the table, but neither drawn as a line nor in the legend. */
  readonly isBound?: boolean;
}

/** The area between two lines, by their names. */
export interface ChartBand {
  /** In the legend. */
  readonly name: string;
  readonly upper: string;
  readonly lower: string;
  readonly colour: ColourToken;
  /** Hatched, so that what is expected never looks like what was measured. */
  readonly isForecast?: boolean;
}

/** An event, drawn as a vertical line with a label: for example a change of the policy. Marks that would overlap become one. */
export interface ChartMark {
  /** Unix ms. */
  readonly atMs: number;
  /** A word or two, drawn on the chart, such as "policy 7". */
  readonly label: string;
  /** The last part of the label of several: "7" in "policy 3–7". */
  readonly short: string;
  /** Who and why: on hover and focus, and in the list below the table. */
  readonly detail: string;
  /** What it leads to. */
  readonly to: PageAddress;
}

export interface ChartModel {
  /** Unix ms, ascending. */
  readonly timesMs: readonly number[];
  /** If stacked, from the bottom up. */
  readonly lines: readonly ChartLine[];
  /** Draws areas on top of each other; a null counts as 0. */
  readonly isStacked?: boolean;
  /** The width of a step, ms: each value holds from its time to the next. Without it, straight lines join the values. */
  readonly stepMs?: number;
  readonly bands?: readonly ChartBand[];
  readonly marks?: readonly ChartMark[];
  /** A value with its unit, for the legend, the table and, without `tick`, the axis. */
  readonly show: (value: number) => string;
  /** A value for the axis, which has room for eight characters. */
  readonly tick?: (value: number) => string;
}

/** The heights to draw, by line: running sums if stacked. */
export function heightsOf({ lines, isStacked, timesMs }: ChartModel): (number | null)[][] {
  if (isStacked !== true) return lines.map(({ values }) => timesMs.map((_at, i) => values[i] ?? null));
  const below = timesMs.map(() => 0);
  return lines.map(({ values }) =>
    timesMs.map((_at, i) => {
      below[i] = (below[i] ?? 0) + (values[i] ?? 0);
      return below[i] ?? 0;
    }),
  );
}

/** The first and the last moment shown, Unix ms, including the last step. They differ, even for an empty chart. */
export function spanOf({ timesMs, stepMs = 0 }: ChartModel): readonly [number, number] {
  const first = timesMs[0] ?? 0;
  const last = (timesMs.at(-1) ?? first) + stepMs;
  return [first, last > first ? last : first + 1];
}

/** The marks within the span shown, in order of time. */
export function marksWithin(model: ChartModel): readonly ChartMark[] {
  const [fromMs, toMs] = spanOf(model);
  return (model.marks ?? [])
    .filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
    .toSorted((a, b) => a.atMs - b.atMs);
}
