/** A line without axes, for a trend at a glance: an area up to each value, with gaps for unknown ones. Text beside it says the same. */
import "./sparkline.css";
import { sparkPaths } from "./spark-path.ts";
import type { Tone } from "./tone.ts";

interface Props {
  /** Oldest first; none is negative. Null: unknown. */
  readonly values: readonly (number | null)[];
  /** The content in one sentence, for screen readers. */
  readonly label: string;
  readonly tone?: Tone;
}

const WIDTH = 100;
const HEIGHT = 24;

export function Sparkline({ values, label, tone = "info" }: Props) {
  const { line, area } = sparkPaths(values, WIDTH, HEIGHT);
  return (
    <svg
      class="sparkline"
      data-tone={tone}
      role="img"
      aria-label={label}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
    >
      <path class="spark-area" d={area} />
      <path class="spark-line" d={line} />
    </svg>
  );
}
