/** A row of small bars without axes: a glance at the last values. The text beside it says what it shows. */

interface Props {
  /** Oldest first, none below 0. */
  readonly values: readonly number[];
  /** What it shows, in a sentence. */
  readonly label: string;
}

const HEIGHT = 32;
const BAR = 4;

export function Sparkline({ values, label }: Props) {
  const most = Math.max(1, ...values);
  return (
    <svg
      class="sparkline"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${values.length * BAR} ${HEIGHT}`}
      preserveAspectRatio="none"
    >
      {values.map((value, i) => {
        const height = (value / most) * HEIGHT;
        return <rect key={i} x={i * BAR} y={HEIGHT - height} width={BAR - 1} height={height} />;
      })}
    </svg>
  );
}
