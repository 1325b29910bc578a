/** What a chart shows, as plain data, and what is worked out of it before it is drawn. Pure: no DOM, no clock. */

/** A custom property of page.css, as `--denied`: the theme decides what it looks like. */
export type ColourToken = `--${string}`;

export interface ChartLine {
  /** Unique in its chart; the legend and the table head say it. */
  readonly name: string;
  readonly colour: ColourToken;
  /** One for each of the chart's times; null where nothing is known, which leaves a gap. */
  readonly values: readonly (number | null)[];
  readonly isDashed?: boolean;
}

/** The ground between two lines, as a forecast's band. By the names of lines. */
export interface ChartBand {
  readonly upper: string;
  readonly lower: string;
  readonly colour: ColourToken;
}

/** A moment worth knowing, drawn as a vertical line: the policy changed. */
export interface ChartMark {
  /** Unix ms. */
  readonly atMs: number;
  /** On the chart, so a word or two. */
  readonly label: string;
  /** In the list below it; the label where left out. */
  readonly detail?: string;
}

export interface ChartModel {
  /** Unix ms, ascending. */
  readonly timesMs: readonly number[];
  /** The lowest first, where stacked. */
  readonly lines: readonly ChartLine[];
  /** Draws areas on top of each other; a null counts as nothing. */
  readonly isStacked?: boolean;
  /** Width of a step, ms: each value holds from its time to the next. Without it, values are joined by straight lines. */
  readonly stepMs?: number;
  readonly bands?: readonly ChartBand[];
  readonly marks?: readonly ChartMark[];
  /** A value with its unit, for legend and table, and for the axis where it has no shorter one. */
  readonly show: (value: number) => string;
  /** For the axis: eight letters at most, there is no room for more. */
  readonly tick?: (value: number) => string;
}

/** The heights to draw, line by line: running sums where stacked. */
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

/** First and last moment shown, Unix ms; the last step has its width. Two different moments, also for a chart of nothing. */
export function spanOf({ timesMs, stepMs = 0 }: ChartModel): readonly [number, number] {
  const first = timesMs[0] ?? 0;
  const last = (timesMs.at(-1) ?? first) + stepMs;
  return [first, last > first ? last : first + 1];
}

/** The marks that lie within what is shown, in order of time, the newest where there are too many to read. */
export function marksWithin(model: ChartModel): readonly ChartMark[] {
  const [fromMs, toMs] = spanOf(model);
  return (model.marks ?? [])
    .filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
    .toSorted((a, b) => a.atMs - b.atMs)
    .slice(-MOST_MARKS);
}

const MOST_MARKS = 20;
