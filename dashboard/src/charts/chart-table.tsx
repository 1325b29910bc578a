/** The figures of a chart as a table, for those who cannot see the chart or want the numbers. Rendered only while open. */
import { useState } from "preact/hooks";
import { When } from "../kit/time.tsx";
import { type ChartModel, marksWithin } from "./chart-model.ts";

export function ChartTable({ model, title }: { readonly model: ChartModel; readonly title: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="chart-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Show as table</summary>
      {isOpen && <Rows model={model} title={title} />}
    </details>
  );
}

function Rows({ model, title }: { readonly model: ChartModel; readonly title: string }) {
  const { timesMs, lines, show } = model;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`${title}, table`}>
      <table>
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {lines.map(({ name }) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {timesMs.map((atMs, i) => (
            <tr key={atMs}>
              <th scope="row">
                <When iso={atMs} />
              </th>
              {lines.map(({ name, values }) => {
                const value = values[i] ?? null;
                return (
                  <td key={name} class="number">
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
