/** The legend: the names of the colours, and the values at the cursor. */
import { fullTime } from "./axis-time.ts";
import type { ChartModel } from "./chart-model.ts";

interface Props {
  readonly model: ChartModel;
  /** The index of the value that is pointed at; null for none. */
  readonly at: number | null;
}

export function ChartLegend({ model, at }: Props) {
  const { lines, timesMs, show } = model;
  const atMs = at === null ? undefined : timesMs[at];
  return (
    <ul class="legend">
      {lines.map(({ name, colour, values }) => {
        const value = at === null ? null : (values[at] ?? null);
        return (
          <li key={name}>
            <svg width="10" height="10" aria-hidden="true">
              <rect width="10" height="10" rx="2" fill={`var(${colour})`} />
            </svg>
            {name} <span class="number">{value === null ? "" : show(value)}</span>
          </li>
        );
      })}
      <li class="quiet">{atMs === undefined ? "" : fullTime(atMs)}</li>
    </ul>
  );
}

/** The values at the cursor in words, for screen readers. */
export function valuesText({ timesMs, lines, show }: ChartModel, at: number): string {
  const values = lines.map(({ name, values: of }) => {
    const value = of[at] ?? null;
    return `${name} ${value === null ? "unknown" : show(value)}`;
  });
  return `${fullTime(timesMs[at] ?? 0)}: ${values.join(", ")}`;
}
