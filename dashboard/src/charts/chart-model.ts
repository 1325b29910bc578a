/** The content of a chart as plain data, and the values derived from it for drawing. Pure: no DOM, no clock. */

/** A custom property of page.css, such as `--denied`: the theme defines the colour. */
export type ColourToken = `--${string}`;

export interface ChartLine {
  /** Unique in its chart; shown in the legend and in the head of the table. */
  readonly name: string;
  readonly colour: ColourToken;
  /** One for each of the chart's times; null for an unknown value, which leaves a gap. */
  readonly values: readonly (number | null)[];
  readonly isDashed?: boolean;
}

/** The area between two lines, by their names: for example the band of a forecast. */
export interface ChartBand {
  readonly upper: string;
  readonly lower: string;
  readonly colour: ColourToken;
}

/** An event, drawn as a vertical line: for example a change of the policy. */
export interface ChartMark {
  /** Unix ms. */
  readonly atMs: number;
  /** A word or two, drawn on the chart. */
  readonly label: string;
  /** In the list below the table; the label by default. */
  readonly detail?: string;
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

/** The marks within the span shown, in order of time; the newest ones if there are too many to read. */
export function marksWithin(model: ChartModel): readonly ChartMark[] {
  const [fromMs, toMs] = spanOf(model);
  return (model.marks ?? [])
    .filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
    .toSorted((a, b) => a.atMs - b.atMs)
    .slice(-MAX_MARKS);
}

const MAX_MARKS = 20;
