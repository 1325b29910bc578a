/** The drawing of a chart: axes, areas or lines, bands and marks, in the colours of the theme. Hidden from screen readers. */
import { axisTimes } from "./axis-time.ts";
import { type ChartModel, marksWithin } from "./chart-model.ts";
import { BOTTOM, type ChartShape, LEFT, RIGHT, TOP } from "./chart-shape.ts";

interface Props {
  readonly model: ChartModel;
  readonly shape: ChartShape;
  readonly width: number;
  readonly height: number;
}

/** The approximate width of a letter in the label of a mark, CSS pixels. */
const LETTER = 7;

export function ChartDrawing({ model, shape, width, height }: Props) {
  const { lines, bands = [], isStacked, show, tick = show } = model;
  const bottom = height - BOTTOM;
  const clocks = axisTimes(shape.times);
  return (
    <>
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
          <path class="grid" d={`M${shape.x(ms)},${TOP}V${bottom}`} />
          <text x={shape.x(ms)} y={height - 6} class="tick">
            {clocks[i]}
          </text>
        </g>
      ))}
      {shape.bands.map(({ name, path }, i) => (
        <path key={name} d={path} class="band" fill={`var(${bands[i]?.colour ?? "--quiet"})`} />
      ))}
      {shape.outlines.map(({ name, path }, i) => {
        const colour = `var(${lines[i]?.colour ?? "--quiet"})`;
        return isStacked === true ? (
          <path key={name} d={path} fill={colour} />
        ) : (
          <path
            key={name}
            d={path}
            class={lines[i]?.isDashed === true ? "line dashed" : "line"}
            stroke={colour}
          />
        );
      })}
      <Marks model={model} shape={shape} width={width} bottom={bottom} />
    </>
  );
}

function Marks({ model, shape, width, bottom }: Omit<Props, "height"> & { readonly bottom: number }) {
  let free = -Infinity;
  const marks = marksWithin(model);
  return (
    <>
      {marks.map(({ atMs, label }) => (
        <path key={`${atMs} ${label}`} class="mark" d={`M${shape.x(atMs)},${TOP}V${bottom}`} />
      ))}
      {/* After all lines, because a label can cover the lines of the next marks. */}
      {marks.map(({ atMs, label }) => {
        const x = shape.x(atMs);
        const room = label.length * LETTER;
        const isAtEnd = x + room > width;
        const left = isAtEnd ? x - room : x;
        // Labels never overlap; the list below the table has all of them.
        const isShown = left > free;
        if (isShown) free = left + room;
        if (!isShown) return null;
        return (
          <text
            key={`${atMs} ${label}`}
            x={isAtEnd ? x - 4 : x + 4}
            y={TOP + 12}
            class={isAtEnd ? "mark-label end" : "mark-label"}
          >
            {label}
          </text>
        );
      })}
    </>
  );
}
