/** Chooses the time range of a screen: lengths until now, a span that was selected in a chart, and a way out of it. */
import { range as rangeText } from "../shell/format.ts";
import { LENGTHS, type TimeRange, zoomedOut } from "../shell/time-range.ts";

interface Props {
  readonly range: TimeRange;
  readonly onChoose: (to: TimeRange) => void;
}

export function RangeBar({ range, onChoose }: Props) {
  return (
    <div class="ranges" role="group" aria-label="Time">
      {range.kind === "between" && <span class="when">{rangeText(range.fromMs, range.toMs)}</span>}
      {LENGTHS.map((length) => (
        <button
          key={length.name}
          type="button"
          aria-pressed={range.kind === "last" && range.name === length.name}
          aria-label={`${length.name}, the last ${length.title}`}
          onClick={() => onChoose(length)}
        >
          {length.name}
        </button>
      ))}
      <button type="button" onClick={() => onChoose(zoomedOut(range, Date.now()))}>
        Zoom out
      </button>
    </div>
  );
}
