/** Requests over time as bars, allowed and denied. The table below has the same figures. */
import { exact } from "../../../dashboard/src/shell/format.ts";

interface Props {
  /** Oldest first. */
  readonly steps: readonly { readonly name: string; readonly allowed: number; readonly denied: number }[];
}

const STEP = 10;
const BAR = 8;
const HEIGHT = 60;

export function UsageBars({ steps }: Props) {
  const top = Math.max(1, ...steps.map(({ allowed, denied }) => allowed + denied));
  const height = (requests: number) => (HEIGHT * requests) / top;
  const most = steps.reduce((found, step) => (step.allowed > found.allowed ? step : found), {
    name: "",
    allowed: 0,
  });
  const total = steps.reduce((sum, { allowed }) => sum + allowed, 0);
  return (
    <figure>
      <svg
        class="bars"
        viewBox={`0 0 ${steps.length * STEP} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${exact(total)} requests allowed in all, at most ${exact(most.allowed)}: ${most.name}`}
      >
        {steps.map(({ name, allowed, denied }, i) => (
          <g key={name}>
            <rect
              class="used"
              x={i * STEP + 1}
              y={HEIGHT - height(allowed)}
              width={BAR}
              height={height(allowed)}
            />
            <rect
              class="denied"
              x={i * STEP + 1}
              y={HEIGHT - height(allowed + denied)}
              width={BAR}
              height={height(denied)}
            />
          </g>
        ))}
      </svg>
      <figcaption>
        <p class="axis caption">
          <span>{steps[0]?.name}</span>
          <span>{steps.at(-1)?.name}</span>
        </p>
        <ul class="legend caption">
          <li class="used">allowed</li>
          <li class="denied">denied</li>
        </ul>
      </figcaption>
    </figure>
  );
}
