/** The figures of a chart as a table, for those who cannot see the chart or want the numbers. Rendered only while open. */
import { useState } from "preact/hooks";
import { When } from "../kit/time.tsx";
import { type ChartModel, marksWithin } from "./chart-model.ts";
import type { OnSpan } from "./use-chart-input.ts";

interface Props {
  readonly model: ChartModel;
  readonly title: string;
  /** Opens what is behind a step. */
  readonly onOpen: OnSpan | undefined;
}

export function ChartTable(props: Props) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="chart-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Show as table</summary>
      {isOpen && <Rows {...props} />}
    </details>
  );
}

function Rows({ model, title, onOpen }: Props) {
  const { timesMs, stepMs, lines, show } = model;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`${title}, table`}>
      <table>
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {lines.map(({ name }) => (
              <th key={name} scope="col" class="num">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {timesMs.map((atMs, i) => (
            <tr key={atMs}>
              <th scope="row">
                {onOpen && stepMs !== undefined ? (
                  <button type="button" class="plain" onClick={() => onOpen(atMs, atMs + stepMs)}>
                    <When iso={atMs} />
                  </button>
                ) : (
                  <When iso={atMs} />
                )}
              </th>
              {lines.map(({ name, values }) => {
                const value = values[i] ?? null;
                return (
                  <td key={name} class="num">
                    {value === null ? "–" : show(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {marksWithin(model).map(({ atMs, label, detail }) => (
        <p key={`${atMs} ${label}`}>
          <When iso={atMs} />: {detail}
        </p>
      ))}
    </div>
  );
}
