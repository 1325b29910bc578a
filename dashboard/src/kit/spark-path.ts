/** The outline of a sparkline. Pure. */

/** Room for half of the line's width above and below. */
const MARGIN = 1;

/**
 * From 0 at the bottom to the highest value at the top. A value alone between gaps has the width of a step.
 * @returns SVG path data of the line, and of the area below it; both empty without values.
 */
export function sparkPaths(
  values: readonly (number | null)[],
  width: number,
  height: number,
): { readonly line: string; readonly area: string } {
  const highest = values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
  const step = width / Math.max(1, values.length - 1);
  const bottom = height - MARGIN;
  const y = (value: number): number =>
    highest === 0 ? bottom : bottom - (value / highest) * (bottom - MARGIN);
  const strokes: string[][] = [];
  let stroke: string[] = [];
  values.forEach((value, i) => {
    if (value === null) {
      stroke = [];
      return;
    }
    if (stroke.length === 0) strokes.push(stroke);
    stroke.push(`${round(i * step)},${round(y(value))}`);
  });
  const drawn = strokes.map((points) => {
    const [first = ""] = points;
    const [x = "0", top = "0"] = first.split(",");
    return points.length > 1 ? points : [first, `${round(Math.min(width, Number(x) + step / 2))},${top}`];
  });
  return {
    line: drawn.map((points) => `M${points.join("L")}`).join(""),
    area: drawn
      .map((points) => {
        const [from] = (points[0] ?? "").split(",");
        const [to] = (points.at(-1) ?? "").split(",");
        return `M${from},${height}L${points.join("L")}L${to},${height}Z`;
      })
      .join(""),
  };
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
