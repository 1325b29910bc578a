/** A row of small bars without axes, for the last values at a glance. The text beside it says what it shows. */

interface Props {
  /** Oldest first; none is negative. */
  readonly values: readonly number[];
  /** The content in one sentence, for screen readers. */
  readonly label: string;
}

const HEIGHT = 32;
const BAR = 4;

export function Sparkline({ values, label }: Props) {
  const highest = Math.max(1, ...values);
  return (
    <svg
      class="sparkline"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${values.length * BAR} ${HEIGHT}`}
      preserveAspectRatio="none"
    >
      {values.map((value, i) => {
        const height = (value / highest) * HEIGHT;
        return <rect key={i} x={i * BAR} y={HEIGHT - height} width={BAR - 1} height={height} />;
      })}
    </svg>
  );
}
