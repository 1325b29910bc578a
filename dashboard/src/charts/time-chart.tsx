/**
 * A chart over time: stacked areas or lines, with a one-sentence summary and the same figures as a table. Can be read and zoomed by
 * keyboard. Never loads data.
 */
import { MINUTE_MS } from "../shell/durations.ts";
import type { RefObject } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import "./charts.css";
import { ChartDrawing } from "./chart-drawing.tsx";
import { ChartLegend, valuesText } from "./chart-legend.tsx";
import type { ChartModel } from "./chart-model.ts";
import { BOTTOM, type ChartShape, shapeOf, TOP } from "./chart-shape.ts";
import { ChartTable } from "./chart-table.tsx";
import { type ChartInput, useChartInput } from "./use-chart-input.ts";

interface Props {
  /** What the figures are, such as "Requests per second". */
  readonly title: string;
  /** The chart in one sentence, also for those who cannot see it. */
  readonly summary: string;
  /** Pass the same object as long as nothing changes: another object redraws the chart. */
  readonly model: ChartModel;
  /** Called with a span that was selected by dragging, or with Shift, the arrow keys and Enter; Unix ms. */
  readonly onZoom?: (fromMs: number, toMs: number) => void;
  /** CSS pixels, without the legend. */
  readonly height?: number;
}

const DEFAULT_HEIGHT = 240;

export function TimeChart({ title, summary, model, onZoom, height = DEFAULT_HEIGHT }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const width = useWidth(host);
  const zoneMs = -new Date(model.timesMs[0] ?? 0).getTimezoneOffset() * MINUTE_MS;
  const shape = useMemo(() => shapeOf(model, width, height, zoneMs), [model, width, height, zoneMs]);
  const drawing = useMemo(
    () => width > 0 && <ChartDrawing model={model} shape={shape} width={width} height={height} />,
    [model, shape],
  );
  const input = useChartInput(model, shape, host, onZoom);
  const { at, isKeyboard, handlers } = input;
  const hint =
    onZoom === undefined
      ? "Arrow keys read the values."
      : "Arrow keys read the values, Shift with them selects a span, Enter zooms to it.";
  return (
    <figure class="chart">
      <figcaption>
        <strong>{title}</strong> <span class="quiet">{summary}</span>
      </figcaption>
      <div
        ref={host}
        class={onZoom === undefined ? "plot" : "plot can-zoom"}
        role="group"
        tabIndex={0}
        aria-label={`${title}, chart. ${hint}`}
        {...handlers}
      >
        <svg width={width} height={height} aria-hidden="true">
          {drawing}
          <Cursor model={model} shape={shape} input={input} height={height} />
        </svg>
      </div>
      <ChartLegend model={model} at={at} />
      <p class="unseen" role="status">
        {at !== null && isKeyboard ? valuesText(model, at) : ""}
      </p>
      <ChartTable model={model} title={title} />
    </figure>
  );
}

/** The width of an element, CSS pixels; 0 before it is known. */
function useWidth(host: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!host.current) return;
    const sizes = new ResizeObserver(([entry]) => entry && setWidth(Math.floor(entry.contentRect.width)));
    sizes.observe(host.current);
    return () => sizes.disconnect();
  }, []);
  return width;
}

interface CursorProps {
  readonly model: ChartModel;
  readonly shape: ChartShape;
  readonly input: ChartInput;
  readonly height: number;
}

/** The line at the value that is pointed at, and the selected span. */
function Cursor({ model, shape, input: { at, selection }, height }: CursorProps) {
  return (
    <>
      {at !== null && (
        <path class="cursor" d={`M${shape.x(model.timesMs[at] ?? 0)},${TOP}V${height - BOTTOM}`} />
      )}
      {selection && (
        <rect
          class="selection"
          x={Math.min(shape.x(selection[0]), shape.x(selection[1]))}
          y={TOP}
          width={Math.abs(shape.x(selection[0]) - shape.x(selection[1]))}
          height={height - TOP - BOTTOM}
        />
      )}
    </>
  );
}
