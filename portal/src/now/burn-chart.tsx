/** The burn-down of the quota that is billed: past usage, the forecast to the period's end, and a table of the same figures. */
import { useState } from "preact/hooks";
import { Table } from "../../../dashboard/src/kit/table.tsx";
import { When } from "../../../dashboard/src/kit/time.tsx";
import { exact } from "../../../dashboard/src/shell/format.ts";
import { dayText, lastDay } from "../../../dashboard/src/shell/moment.ts";
import { BURN_HEIGHT, BURN_WIDTH, type BurnInput, burnLines } from "./burn.ts";

interface Props {
  readonly of: BurnInput;
  readonly unit: string;
}

export function BurnChart({ of: input, unit }: Props) {
  const [isOpen, setOpen] = useState(false);
  const { past, expected, band, includedY, stopY, points } = burnLines(input);
  const { startMs, endMs, nowMs, used, forecast } = input;
  const end = lastDay(new Date(endMs).toISOString(), nowMs);
  return (
    <figure>
      <svg
        class="burn"
        viewBox={`0 0 ${BURN_WIDTH} ${BURN_HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${exact(used)} ${unit} used since ${dayText(startMs, nowMs, "UTC")}${
          forecast ? `, about ${exact(Math.round(forecast.usage.expected))} expected by ${end}` : ""
        }`}
      >
        {band !== "" && <path class="burn-band" d={band} />}
        {includedY !== null && <path class="burn-included" d={`M0,${includedY}H${BURN_WIDTH}`} />}
        {stopY !== null && <path class="burn-stop" d={`M0,${stopY}H${BURN_WIDTH}`} />}
        {expected !== "" && <path class="burn-expected" d={expected} />}
        <path class="burn-past" d={past} />
      </svg>
      <figcaption>
        <p class="axis caption">
          <span>{dayText(startMs, nowMs, "UTC")}</span>
          <span>{end}</span>
        </p>
        <ul class="legend caption">
          <li class="burn-past">used</li>
          {forecast && <li class="burn-expected">expected</li>}
          {includedY !== null && <li class="burn-included">included</li>}
          {stopY !== null && <li class="burn-stop">requests stop</li>}
        </ul>
        <details onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>Show as table</summary>
          {isOpen && (
            <Table
              label="Usage over the period"
              heads={[
                ["Until", "name"],
                [`${unit} used`, "num"],
              ]}
            >
              {points.map(({ atMs, used: until }) => (
                <tr key={atMs}>
                  <th scope="row">
                    <When iso={atMs} />
                  </th>
                  <td class="num">{exact(until)}</td>
                </tr>
              ))}
            </Table>
          )}
        </details>
      </figcaption>
    </figure>
  );
}
