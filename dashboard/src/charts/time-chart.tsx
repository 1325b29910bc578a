/**
 * A chart over time: areas on each other or lines, by uPlot. Says in one sentence what it shows, has the same figures as a table, and
 * can be read and zoomed by keyboard. Never asks for data.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import "./charts.css";
import { fullTime } from "./axis-time.ts";
import { type ChartModel, spanOf } from "./chart-model.ts";
import { ChartTable } from "./chart-table.tsx";
import { onThemeChange } from "./colours.ts";
import { Plot } from "./plot.ts";

interface Props {
  /** What the figures are, as "Requests per second". */
  readonly title: string;
  /** One sentence of what there is to see, for whoever does not see it. */
  readonly summary: string;
  readonly model: ChartModel;
  /** A span was chosen by dragging, or by Shift with the arrow keys and Enter; Unix ms. Without it nothing can be chosen. */
  readonly onZoom?: (fromMs: number, toMs: number) => void;
  /** CSS pixels, without the legend. */
  readonly height?: number;
}

const USUAL_HEIGHT = 260;

export function TimeChart({ title, summary, model, onZoom, height = USUAL_HEIGHT }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const zoom = useRef(onZoom);
  const [at, setAt] = useState<number | null>(null);
  const [from, setFrom] = useState<number | null>(null);
  zoom.current = onZoom;
  const canZoom = onZoom !== undefined;
  useEffect(() => {
    if (!host.current) return;
    const events = { onZoom: (fromMs: number, toMs: number) => zoom.current?.(fromMs, toMs) };
    const drawn = new Plot(host.current, model, host.current.clientWidth, height, events);
    plot.current = drawn;
    const sizes = new ResizeObserver(([entry]) => entry && drawn.resize(Math.floor(entry.contentRect.width)));
    sizes.observe(host.current);
    const stop = onThemeChange(() => drawn.redraw());
    return () => {
      stop();
      sizes.disconnect();
      drawn.destroy();
      plot.current = null;
    };
  }, [height]);
  useEffect(() => plot.current?.show(model), [model]);

  const onKeyDown = (event: KeyboardEvent) => {
    const last = model.timesMs.length - 1;
    if (last < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && from !== null && at !== null) {
      const { timesMs } = model;
      const [, endMs] = spanOf(model);
      const [first, end] = [Math.min(from, at), Math.max(from, at) + 1];
      setFrom(null);
      return onZoom?.(timesMs[first] ?? 0, timesMs[end] ?? endMs);
    }
    const place = at ?? (event.key === "ArrowLeft" ? last + 1 : -1);
    const to = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(last, to));
    const start = event.shiftKey && canZoom ? (from ?? at ?? next) : null;
    setAt(next);
    setFrom(start);
    plot.current?.point(next, start);
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
        onBlur={() => setAt(null)}
      />
      <p class="unseen" role="status">
        {at === null ? "" : said(model, at)}
      </p>
      <ChartTable model={model} title={title} />
    </figure>
  );
}

function said({ timesMs, lines, show }: ChartModel, index: number): string {
  const values = lines.map(({ name, values: of }) => {
    const value = of[index] ?? null;
    return `${name} ${value === null ? "unknown" : show(value)}`;
  });
  return `${fullTime(timesMs[index] ?? 0)}: ${values.join(", ")}`;
}
