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
import { ChartMarks } from "./chart-marks.tsx";
import type { ChartModel } from "./chart-model.ts";
import { BOTTOM, type ChartShape, shapeOf } from "./chart-shape.ts";
import { ChartTable } from "./chart-table.tsx";
import { type ChartInput, type OnSpan, useChartInput } from "./use-chart-input.ts";

interface Props {
  /** What the figures are, such as "Requests per second". */
  readonly title: string;
  /** Whether a heading above the chart says the title already. */
  readonly isUnderHeading?: boolean;
  /** The chart in one sentence, also for those who cannot see it. */
  readonly summary: string;
  /** Pass the same object as long as nothing changes: another object redraws the chart. */
  readonly model: ChartModel;
  /** Called with a span that was selected by dragging, or with Shift, the arrow keys and Enter. */
  readonly onZoom?: OnSpan;
  /** Called with a step that was clicked, or chosen with the arrow keys and Enter: opens what is behind it. */
  readonly onOpen?: OnSpan;
  /** What `onOpen` opens, such as "its decisions". */
  readonly opens?: string;
  /** CSS pixels, without the legend. */
  readonly height?: number;
}

const DEFAULT_HEIGHT = 220;

export function TimeChart(props: Props) {
  const { title, isUnderHeading = false, summary, model, onZoom, onOpen, height = DEFAULT_HEIGHT } = props;
  const host = useRef<HTMLDivElement>(null);
  const width = useWidth(host);
  const zoneMs = -new Date(model.timesMs[0] ?? 0).getTimezoneOffset() * MINUTE_MS;
  const shape = useMemo(() => shapeOf(model, width, height, zoneMs), [model, width, height, zoneMs]);
  const drawing = useMemo(
    () => width > 0 && <ChartDrawing model={model} shape={shape} width={width} height={height} />,
    [model, shape],
  );
  const input = useChartInput(model, shape, host, onZoom, onOpen);
  const { at, isKeyboard, handlers } = input;
  const hints = hintsOf(props);
  return (
    <figure class="chart">
      <figcaption>
        <strong class={isUnderHeading ? "unseen" : ""}>{title}</strong> <span class="quiet">{summary}</span>
      </figcaption>
      <div
        ref={host}
        class={onZoom === undefined ? "plot" : "plot can-zoom"}
        role="group"
        tabIndex={0}
        aria-label={`${title}, chart. ${hints.keyboard}`}
        {...handlers}
      >
        <svg width={width} height={height}>
          {drawing}
          <Cursor model={model} shape={shape} input={input} height={height} />
          {width > 0 && <ChartMarks model={model} shape={shape} width={width} height={height} />}
        </svg>
      </div>
      <ChartLegend model={model} at={at} hint={hints.pointer} />
      <p class="unseen" role="status">
        {at !== null && isKeyboard ? valuesText(model, at) : ""}
      </p>
      <ChartTable model={model} title={title} onOpen={onOpen} />
    </figure>
  );
}

/** What can be done with the chart, by pointer and by keyboard. */
function hintsOf({ onZoom, onOpen, opens = "" }: Props): {
  readonly pointer: string;
  readonly keyboard: string;
} {
  const pointer = [
    ...(onZoom ? ["Drag to zoom in"] : []),
    ...(onOpen ? [`${onZoom ? "click" : "Click"} a step for ${opens}`] : []),
  ].join(", ");
  const keyboard = [
    "Arrow keys read the values.",
    ...(onZoom ? ["Shift with them selects a span, Enter zooms to it."] : []),
    ...(onOpen ? [`Enter without a span opens ${opens}.`] : []),
  ].join(" ");
  return { pointer, keyboard };
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
    <g aria-hidden="true">
      {at !== null && (
        <path class="cursor" d={`M${shape.x(model.timesMs[at] ?? 0)},${shape.top}V${height - BOTTOM}`} />
      )}
      {selection && (
        <rect
          class="selection"
          x={Math.min(shape.x(selection[0]), shape.x(selection[1]))}
          y={shape.top}
          width={Math.abs(shape.x(selection[0]) - shape.x(selection[1]))}
          height={height - shape.top - BOTTOM}
        />
      )}
    </g>
  );
}
