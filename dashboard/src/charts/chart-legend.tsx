/** The legend: the names of the colours, and the values at the cursor. */
import { momentText } from "../shell/moment.ts";
import type { ChartBand, ChartModel, ColourToken } from "./chart-model.ts";

interface Props {
  readonly model: ChartModel;
  /** The index of the value that is pointed at; null for none. */
  readonly at: number | null;
  /** What can be done with the chart. */
  readonly hint: string;
}

export function ChartLegend({ model, at, hint }: Props) {
  const { lines, bands = [], timesMs, show } = model;
  const atMs = at === null ? undefined : timesMs[at];
  return (
    <div class={at === null ? "legend" : "legend is-reading"}>
      <ul>
        {lines.map(({ name, colour, values, isBound }) => {
          const value = at === null ? null : (values[at] ?? null);
          return (
            isBound !== true && (
              <Entry key={name} name={name} colour={colour} kind="line">
                {value === null ? "" : show(value)}
              </Entry>
            )
          );
        })}
        {bands.map(({ name, colour, isForecast, ...band }) => (
          <Entry key={name} name={name} colour={colour} kind={isForecast === true ? "forecast" : "band"}>
            {at === null ? "" : bandText(model, band, at)}
          </Entry>
        ))}
      </ul>
      <span class="caption">{atMs === undefined ? hint : momentText(atMs, Date.now())}</span>
    </div>
  );
}

interface EntryProps {
  readonly name: string;
  readonly colour: ColourToken;
  readonly kind: "line" | "band" | "forecast";
  /** The value at the cursor. */
  readonly children: string;
}

function Entry({ name, colour, kind, children }: EntryProps) {
  return (
    <li>
      <svg
        class={kind}
        width="10"
        height="10"
        aria-hidden="true"
        stroke={`var(${colour})`}
        fill={`var(${colour})`}
      >
        {kind === "forecast" ? (
          <path d="M0,10L10,0M0,5L5,0M5,10L10,5" />
        ) : (
          <rect width="10" height="10" rx="2" stroke="none" />
        )}
      </svg>
      {name} <span class="num">{children}</span>
    </li>
  );
}

function bandText(
  { lines, show }: ChartModel,
  { lower, upper }: Pick<ChartBand, "lower" | "upper">,
  at: number,
) {
  const valueOf = (wanted: string) => lines.find(({ name }) => name === wanted)?.values[at] ?? null;
  const [low, high] = [valueOf(lower), valueOf(upper)];
  return low === null || high === null ? "" : `${show(low)} – ${show(high)}`;
}

/** The values at the cursor in words, for screen readers. */
export function valuesText({ timesMs, lines, show }: ChartModel, at: number): string {
  const values = lines.map(({ name, values: of }) => {
    const value = of[at] ?? null;
    return `${name} ${value === null ? "unknown" : show(value)}`;
  });
  return `${momentText(timesMs[at] ?? 0, Date.now())}: ${values.join(", ")}`;
}
