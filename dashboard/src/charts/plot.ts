/** One drawing by uPlot: made of a model, kept while only its figures change. Never holds anything that the model does not. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { axisTimes, fullTime } from "./axis-time.ts";
import {
  type ChartLine,
  type ChartModel,
  heightsOf,
  marksWithin,
  spanOf,
  structureOf,
} from "./chart-model.ts";
import { colourOf } from "./colours.ts";

export interface PlotEvents {
  /** A span was chosen, Unix ms. */
  readonly onZoom: (fromMs: number, toMs: number) => void;
}

const SECOND_MS = 1_000;
/** Least drag that is meant as one, CSS pixels. */
const LEAST_DRAG = 5;
const FONT = "12px system-ui, sans-serif";

export class Plot {
  #model: ChartModel;
  #width: number;
  #plot: uPlot;
  readonly #host: HTMLElement;
  readonly #height: number;
  readonly #events: PlotEvents;

  constructor(host: HTMLElement, model: ChartModel, width: number, height: number, events: PlotEvents) {
    this.#host = host;
    this.#model = model;
    this.#width = width;
    this.#height = height;
    this.#events = events;
    this.#plot = this.#draw();
  }

  /** Shows other figures; draws anew only where more than figures changed. */
  show(model: ChartModel): void {
    const isAlike = structureOf(model) === structureOf(this.#model);
    this.#model = model;
    if (isAlike) this.#plot.setData(this.#data());
    else this.redraw();
  }

  /** Draws anew, as with another theme's colours. */
  redraw(): void {
    this.#plot.destroy();
    this.#plot = this.#draw();
  }

  resize(width: number): void {
    if (width === this.#width) return;
    this.#width = width;
    this.#plot.setSize({ width, height: this.#height });
  }

  /** Puts the cursor to a value; with `from`, the span from that one to it is chosen. */
  point(index: number, from: number | null): void {
    const left = this.#leftOf(index);
    this.#plot.setCursor({ left, top: this.#height / 2 });
    const start = from === null ? left : this.#leftOf(from);
    const height = from === null ? 0 : this.#plot.over.clientHeight;
    const select = { left: Math.min(left, start), width: Math.abs(left - start), top: 0, height };
    this.#plot.setSelect(select, false);
  }

  destroy(): void {
    this.#plot.destroy();
  }

  #leftOf(index: number): number {
    return this.#plot.valToPos((this.#model.timesMs[index] ?? 0) / SECOND_MS, "x");
  }

  /** uPlot's order: what is drawn first comes first, so the top of a stack. */
  #data(): uPlot.AlignedData {
    const heights = heightsOf(this.#model);
    return [this.#model.timesMs.map((ms) => ms / SECOND_MS), ...this.#ordered(heights)];
  }

  #ordered<T>(items: readonly T[]): T[] {
    return this.#model.isStacked === true ? items.toReversed() : [...items];
  }

  #draw(): uPlot {
    const colour = (token: `--${string}`) => colourOf(token, this.#host);
    const { lines, bands = [] } = this.#model;
    const ordered = this.#ordered(lines);
    const placeOf = (name: string) => ordered.findIndex((line) => line.name === name) + 1;
    const axis: uPlot.Axis = {
      stroke: colour("--quiet"),
      font: FONT,
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
    };
    const [ink, ground] = [colour("--ink"), colour("--surface")];
    const options: uPlot.Options = {
      width: this.#width,
      height: this.#height,
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false, dist: LEAST_DRAG },
      },
      scales: {
        x: { time: true, range: () => toSeconds(spanOf(this.#model)) },
        y: { range: (_plot, _least, most) => [0, most > 0 ? uPlot.rangeNum(0, most, 0.1, true)[1] : 1] },
      },
      axes: [
        { ...axis, size: 30, values: (_plot, ticks) => axisTimes(ticks.map((tick) => tick * SECOND_MS)) },
        { ...axis, size: 64, values: (_plot, ticks) => ticks.map((tick) => this.#model.show(tick)) },
      ],
      series: [
        { label: "Time", value: (_plot, at) => (at === null ? "" : fullTime(at * SECOND_MS)) },
        ...ordered.map((line) => this.#seriesOf(line, colour(line.colour))),
      ],
      bands: bands.map((band) => ({
        series: [placeOf(band.upper), placeOf(band.lower)],
        fill: colour(band.colour),
      })),
      hooks: {
        draw: [(plot) => this.#drawMarks(plot, ink, ground)],
        setSelect: [(plot) => this.#zoomed(plot)],
      },
    };
    return new uPlot(options, this.#data(), this.#host);
  }

  #seriesOf({ name, isDashed }: ChartLine, colour: string): uPlot.Series {
    const { isStacked, stepMs } = this.#model;
    const stepped = uPlot.paths.stepped?.({ align: 1, extend: true });
    return {
      label: name,
      stroke: colour,
      width: isStacked === true ? 1 : 2,
      points: { show: false },
      value: (_plot, _height, at, index) => this.#valueAt(at - 1, index),
      ...(isStacked === true ? { fill: colour } : {}),
      ...(isDashed === true ? { dash: [6, 4] } : {}),
      ...(stepMs !== undefined && stepped ? { paths: stepped } : {}),
    };
  }

  /** What was put in, not its height in the stack. */
  #valueAt(place: number, index: number | null): string {
    if (index === null) return "";
    const value = this.#ordered(this.#model.lines)[place]?.values[index];
    return value === null || value === undefined ? "–" : this.#model.show(value);
  }

  #drawMarks(plot: uPlot, ink: string, ground: string): void {
    const { ctx, bbox } = plot;
    const pad = 4 * uPlot.pxRatio;
    ctx.save();
    ctx.font = `${12 * uPlot.pxRatio}px system-ui, sans-serif`;
    ctx.textBaseline = "top";
    for (const { atMs, label } of marksWithin(this.#model)) {
      const x = Math.round(plot.valToPos(atMs / SECOND_MS, "x", true));
      ctx.strokeStyle = ink;
      ctx.lineWidth = uPlot.pxRatio;
      ctx.setLineDash([3 * uPlot.pxRatio, 3 * uPlot.pxRatio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const { width } = ctx.measureText(label);
      // Beside the line; on its left where the right has no room.
      const left = x + width + 3 * pad > bbox.left + bbox.width ? x - width - 2 * pad : x;
      ctx.fillStyle = ground;
      ctx.fillRect(left, bbox.top, width + 2 * pad, 12 * uPlot.pxRatio + 2 * pad);
      ctx.fillStyle = ink;
      ctx.fillText(label, left + pad, bbox.top + pad);
    }
    ctx.restore();
  }

  #zoomed(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < LEAST_DRAG) return;
    const [fromMs, toMs] = [left, left + width].map((x) => plot.posToVal(x, "x") * SECOND_MS);
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    if (fromMs !== undefined && toMs !== undefined) this.#events.onZoom(fromMs, toMs);
  }
}

function toSeconds([fromMs, toMs]: readonly [number, number]): [number, number] {
  return [fromMs / SECOND_MS, toMs / SECOND_MS];
}
