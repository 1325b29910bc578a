/** The checks: state, figure now and over time, what it means, and where the instruction is. */
import { Badge } from "../kit/badge.tsx";
import { Sparkline } from "../kit/sparkline.tsx";
import type { Tone } from "../kit/tone.ts";
import { count } from "../shell/format.ts";
import { Link } from "../shell/page.tsx";
import { figureOver, type HealthReading } from "./health-reading.ts";
import type { SystemCheck } from "./system-checks.ts";

const STATES: Readonly<Record<SystemCheck["state"], readonly [Tone, string]>> = {
  ok: ["allowed", "OK"],
  attention: ["error", "Needs attention"],
  unknown: ["neutral", "Unknown"],
};

interface Props {
  readonly checks: readonly SystemCheck[];
  readonly readings: readonly HealthReading[];
}

export function CheckList({ checks, readings }: Props) {
  return (
    <ul class="checks">
      {checks.map((check) => {
        const [tone, word] = STATES[check.state];
        return (
          <li key={check.name}>
            <span class="check-name">
              <strong>{check.name}</strong> <Badge tone={tone}>{word}</Badge>
            </span>
            <span class="check-text">
              {check.to ? <Link to={check.to}>{check.detail}</Link> : check.detail}
              <span class="caption">{check.meaning}</span>
            </span>
            <Trend check={check} readings={readings} tone={tone} />
            <code>{check.instruction}</code>
          </li>
        );
      })}
    </ul>
  );
}

interface TrendProps {
  readonly check: SystemCheck;
  readonly readings: readonly HealthReading[];
  readonly tone: Tone;
}

function Trend({ check: { name, figure }, readings, tone }: TrendProps) {
  const values = figure === undefined ? [] : figureOver(readings, figure);
  const highest = values.reduce<number | null>(
    (most, value) => (value === null ? most : Math.max(most ?? 0, value)),
    null,
  );
  if (highest === null) return <span class="trend" />;
  const text = `${name} since you opened this page: at most ${count(highest)}`;
  return (
    <span class="trend">
      <Sparkline values={values} label={text} tone={tone} />
      <span class="caption">max {count(highest)}</span>
    </span>
  );
}
