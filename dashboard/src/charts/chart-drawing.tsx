/** The drawing of a chart: axes, areas or lines, and bands, in the colours of the theme. Hidden from screen readers. */
import { useId } from "preact/hooks";
import { axisTimes } from "./axis-time.ts";
import type { ChartModel } from "./chart-model.ts";
import { BOTTOM, type ChartShape, LEFT, RIGHT } from "./chart-shape.ts";

interface Props {
  readonly model: ChartModel;
  readonly shape: ChartShape;
  readonly width: number;
  readonly height: number;
}

export function ChartDrawing({ model, shape, width, height }: Props) {
  const { lines, isStacked, show, tick = show } = model;
  const clocks = axisTimes(shape.times);
  return (
    <g aria-hidden="true">
      {shape.values.map((value) => (
        <g key={value}>
          <path class="grid" d={`M${LEFT},${shape.y(value)}H${width - RIGHT}`} />
          <text x={LEFT - 8} y={shape.y(value)} class="tick value">
            {tick(value)}
          </text>
        </g>
      ))}
      {shape.times.map((ms, i) => (
        <g key={ms}>
          <path class="grid" d={`M${shape.x(ms)},${height - BOTTOM}v4`} />
          <text x={shape.x(ms)} y={height - 6} class="tick">
            {clocks[i]}
          </text>
        </g>
      ))}
      <Bands model={model} shape={shape} />
      {shape.outlines.map(({ name, path, edge }, i) => {
        const { colour = "--neutral", isDashed, isCalm, isBound } = lines[i] ?? {};
        if (isBound === true) return null;
        const paint = `var(${colour})`;
        return isStacked === true ? (
          <g key={name}>
            <path d={path} fill={paint} class={isCalm === true ? "area calm" : "area"} />
            {isCalm === true && <path d={edge} class="line thin" stroke={paint} />}
          </g>
        ) : (
          <path key={name} d={path} class={isDashed === true ? "line dashed" : "line"} stroke={paint} />
        );
      })}
    </g>
  );
}

/** The areas between two lines: plain for what was measured, hatched for what is expected. */
function Bands({ model: { bands = [] }, shape }: Pick<Props, "model" | "shape">) {
  const id = useId();
  return (
    <>
      {shape.bands.map(({ name, path }, i) => {
        const { colour = "--neutral", isForecast = false } = bands[i] ?? {};
        const paint = `var(${colour})`;
        return (
          <g key={name}>
            {isForecast && (
              <pattern
                id={`${id}-${i}`}
                width="6"
                height="6"
                patternUnits="userSpaceOnUse"
                patternTransform="rotate(45)"
              >
                <path d="M0,0V6" stroke={paint} stroke-width="3" />
              </pattern>
            )}
            <path d={path} class="band" fill={isForecast ? `url(#${id}-${i})` : paint} />
          </g>
        );
      })}
    </>
  );
}
