/**
 * A chart over time: areas on each other or lines. Says in one sentence what it shows, has the same figures as a table, and can be read
 * and zoomed by keyboard. Never asks for data.
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import "./charts.css";
import { ChartDrawing } from "./chart-drawing.tsx";
import { ChartLegend, spoken } from "./chart-legend.tsx";
import { type ChartModel, spanOf } from "./chart-model.ts";
import { BOTTOM, shapeOf, TOP } from "./chart-shape.ts";
import { ChartTable } from "./chart-table.tsx";

interface Props {
  /** What the figures are, as "Requests per second". */
  readonly title: string;
  /** One sentence of what there is to see, for whoever does not see it. */
  readonly summary: string;
  /** Should be the same object as long as it says the same: it is drawn anew for another. */
  readonly model: ChartModel;
  /** A span was chosen by dragging, or by Shift with the arrow keys and Enter; Unix ms. Without it nothing can be chosen. */
  readonly onZoom?: (fromMs: number, toMs: number) => void;
  /** CSS pixels, without the legend. */
  readonly height?: number;
}

const USUAL_HEIGHT = 240;
/** Least drag that is meant as one, CSS pixels. */
const LEAST_DRAG = 5;
const MINUTE_MS = 60_000;

export function TimeChart({ title, summary, model, onZoom, height = USUAL_HEIGHT }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [at, setAt] = useState<number | null>(null);
  /** Both ends of the choice, Unix ms, in the order in which they were chosen. */
  const [choice, setChoice] = useState<readonly [number, number] | null>(null);
  const [isRead, setRead] = useState(false);
  const canZoom = onZoom !== undefined;
  useEffect(() => {
    if (!host.current) return;
    const sizes = new ResizeObserver(([entry]) => entry && setWidth(Math.floor(entry.contentRect.width)));
    sizes.observe(host.current);
    return () => sizes.disconnect();
  }, []);
  const zoneMs = -new Date(model.timesMs[0] ?? 0).getTimezoneOffset() * MINUTE_MS;
  const shape = useMemo(() => shapeOf(model, width, height, zoneMs), [model, width, height, zoneMs]);
  const drawing = useMemo(
    () => width > 0 && <ChartDrawing model={model} shape={shape} width={width} height={height} />,
    [model, shape],
  );
  const timeOf = (event: PointerEvent) =>
    shape.timeAt(event.clientX - (host.current?.getBoundingClientRect().left ?? 0));
  const leave = () => {
    setAt(null);
    setChoice(null);
    setRead(false);
  };
  const choose = (from: number, to: number) => {
    leave();
    onZoom?.(Math.min(from, to), Math.max(from, to));
  };

  const onPointerDown = (event: PointerEvent) => {
    if (!canZoom || event.button !== 0 || event.pointerType === "touch") return;
    host.current?.setPointerCapture(event.pointerId);
    setChoice([timeOf(event), timeOf(event)]);
  };
  const onPointerMove = (event: PointerEvent) => {
    const ms = timeOf(event);
    setAt(shape.indexAt(ms));
    setRead(false);
    if (choice && event.buttons > 0) setChoice([choice[0], ms]);
  };
  const onPointerUp = () => {
    if (!choice) return;
    if (Math.abs(shape.x(choice[0]) - shape.x(choice[1])) < LEAST_DRAG) setChoice(null);
    else choose(...choice);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const last = model.timesMs.length - 1;
    if (last < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && choice) return choose(...choice);
    if (event.key === "Escape") return setChoice(null);
    const place = at ?? (event.key === "ArrowLeft" ? last + 1 : -1);
    const to = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(last, to));
    setAt(next);
    setRead(true);
    setChoice(event.shiftKey && canZoom ? chosen(model, choice, at ?? next, next) : null);
  };
  const keys = canZoom
    ? "Arrow keys read the values, Shift with them chooses a span, Enter zooms to it."
    : "Arrow keys read the values.";
  return (
    <figure class="chart">
      <figcaption>
        <strong>{title}</strong> <span class="quiet">{summary}</span>
      </figcaption>
      <div
        ref={host}
        class={canZoom ? "plot can-zoom" : "plot"}
        role="group"
        tabIndex={0}
        aria-label={`${title}, chart. ${keys}`}
        onKeyDown={onKeyDown}
        onBlur={leave}
        onPointerDown={onPointerDown}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerUp}
        onPointerCancel={leave}
        onPointerLeave={() => choice === null && setAt(null)}
      >
        <svg width={width} height={height} aria-hidden="true">
          {drawing}
          {at !== null && (
            <path class="cursor" d={`M${shape.x(model.timesMs[at] ?? 0)},${TOP}V${height - BOTTOM}`} />
          )}
          {choice && (
            <rect
              class="choice"
              x={Math.min(shape.x(choice[0]), shape.x(choice[1]))}
              y={TOP}
              width={Math.abs(shape.x(choice[0]) - shape.x(choice[1]))}
              height={height - TOP - BOTTOM}
            />
          )}
        </svg>
      </div>
      <ChartLegend model={model} at={at} />
      <p class="unseen" role="status">
        {at !== null && isRead ? spoken(model, at) : ""}
      </p>
      <ChartTable model={model} title={title} />
    </figure>
  );
}

/** The choice by keyboard: whole steps, from where Shift was held first to where the cursor is. */
function chosen(
  { timesMs, stepMs = 0, ...model }: ChartModel,
  choice: readonly [number, number] | null,
  fromIndex: number,
  toIndex: number,
): readonly [number, number] {
  const [firstMs, endMs] = spanOf({ timesMs, stepMs, ...model });
  const from = choice?.[0] ?? timesMs[fromIndex] ?? firstMs;
  const to = timesMs[toIndex] ?? firstMs;
  return [from, to < from ? to : Math.min(endMs, to + stepMs)];
}
