/** Reading and zooming a chart by pointer and by keyboard: which value is pointed at, and which span is selected. */
import type { RefObject } from "preact";
import { useState } from "preact/hooks";
import { type ChartModel, spanOf } from "./chart-model.ts";
import type { ChartShape } from "./chart-shape.ts";

/** The shortest drag that selects a span, CSS pixels. */
const MIN_DRAG = 5;

/** Both ends of a selected span, Unix ms, in the order in which they were selected. */
export type Span = readonly [number, number];

export interface ChartInput {
  /** The index of the value that is pointed at; null for none. */
  readonly at: number | null;
  readonly selection: Span | null;
  /** Whether `at` was reached by keyboard, so that its values should be read out. */
  readonly isKeyboard: boolean;
  readonly handlers: {
    readonly onKeyDown: (event: KeyboardEvent) => void;
    readonly onBlur: () => void;
    readonly onPointerDown: (event: PointerEvent) => void;
    readonly onPointerMove: (event: PointerEvent) => void;
    readonly onPointerUp: () => void;
    readonly onPointerCancel: () => void;
    readonly onPointerLeave: () => void;
  };
}

/** Gets both ends of a span, earlier end first, Unix ms. */
export type OnSpan = (fromMs: number, toMs: number) => void;

/**
 * @param host the element that the handlers are for.
 * @param onZoom gets the selected span; without it, nothing can be selected.
 * @param onOpen gets the step that was clicked, or that Enter was pressed at.
 */
export function useChartInput(
  model: ChartModel,
  shape: ChartShape,
  host: RefObject<HTMLElement | null>,
  onZoom: OnSpan | undefined,
  onOpen: OnSpan | undefined,
): ChartInput {
  const [at, setAt] = useState<number | null>(null);
  const [selection, setSelection] = useState<Span | null>(null);
  const [isKeyboard, setKeyboard] = useState(false);
  const timeOf = (event: PointerEvent) =>
    shape.timeAt(event.clientX - (host.current?.getBoundingClientRect().left ?? 0));
  const leave = () => {
    setAt(null);
    setSelection(null);
    setKeyboard(false);
  };
  const zoom = ([from, to]: Span) => {
    leave();
    onZoom?.(Math.min(from, to), Math.max(from, to));
  };
  const open = (index: number | null) => {
    const fromMs = index === null ? undefined : model.timesMs[index];
    if (fromMs !== undefined && model.stepMs !== undefined) onOpen?.(fromMs, fromMs + model.stepMs);
  };
  const onPointerDown = (event: PointerEvent) => {
    if (!onZoom || event.button !== 0 || event.pointerType === "touch") return;
    host.current?.setPointerCapture(event.pointerId);
    setSelection([timeOf(event), timeOf(event)]);
  };
  const onPointerMove = (event: PointerEvent) => {
    const ms = timeOf(event);
    setAt(shape.indexAt(ms));
    setKeyboard(false);
    if (selection && event.buttons > 0) setSelection([selection[0], ms]);
  };
  const onPointerUp = () => {
    if (!selection) return;
    if (Math.abs(shape.x(selection[0]) - shape.x(selection[1])) >= MIN_DRAG) return zoom(selection);
    setSelection(null);
    open(shape.indexAt(selection[0]));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const last = model.timesMs.length - 1;
    if (last < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    // A mark within the chart is a link of its own.
    if (event.key === "Enter" && event.target === host.current) return selection ? zoom(selection) : open(at);
    if (event.key === "Escape") return setSelection(null);
    const next = indexAfter(event.key, at, last);
    if (next === undefined) return;
    event.preventDefault();
    setAt(next);
    setKeyboard(true);
    setSelection(event.shiftKey && onZoom ? extended(model, selection, at ?? next, next) : null);
  };
  const onPointerLeave = () => {
    if (selection === null) setAt(null);
  };
  return {
    at,
    selection,
    isKeyboard,
    handlers: {
      onKeyDown,
      onBlur: leave,
      onPointerDown,
      onPointerMove,
      onPointerUp,
      onPointerCancel: leave,
      onPointerLeave,
    },
  };
}

/** The index that a key moves to; undefined if the key does not move. */
function indexAfter(key: string, at: number | null, last: number): number | undefined {
  const from = at ?? (key === "ArrowLeft" ? last + 1 : -1);
  const to = { ArrowRight: from + 1, ArrowLeft: from - 1, Home: 0, End: last }[key];
  return to === undefined ? undefined : Math.max(0, Math.min(last, to));
}

/** The span selected by keyboard: whole steps, from where Shift was first pressed to the cursor. */
function extended(
  { timesMs, stepMs = 0, ...model }: ChartModel,
  selection: Span | null,
  fromIndex: number,
  toIndex: number,
): Span {
  const [firstMs, endMs] = spanOf({ timesMs, stepMs, ...model });
  const from = selection?.[0] ?? timesMs[fromIndex] ?? firstMs;
  const to = timesMs[toIndex] ?? firstMs;
  return [from, to < from ? to : Math.min(endMs, to + stepMs)];
}
