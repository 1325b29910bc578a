/** One limit: what is left of it, and when it is full again. Between two polls, the level is extrapolated. */
import { useEffect, useState } from "preact/hooks";
import { Badge } from "../../../dashboard/src/kit/badge.tsx";
import type { LimitReading } from "../../../dashboard/src/shell/answers.ts";
import { levelAt, shareOf } from "../../../dashboard/src/user/limit-level.ts";
import { isUncapped, levelParts, motionText, shortageOf } from "../../../dashboard/src/user/limit-text.ts";
import { Bar } from "../bar.tsx";

interface Props {
  readonly reading: LimitReading;
  /** By performance.now(). */
  readonly answeredAtMs: number;
}

const EVERY_MS = 1_000;

export function LimitCard({ reading, answeredAtMs }: Props) {
  const elapsedMs = useElapsed(answeredAtMs);
  const level = levelAt(reading, elapsedMs);
  const shortage = isUncapped(reading) ? null : shortageOf(reading, level);
  const [figure, rest] = levelParts(reading, level);
  return (
    <li class="limit" data-tone={shortage?.tone ?? "info"}>
      <h3>
        {reading.name} {shortage && <Badge tone={shortage.tone}>{shortage.text}</Badge>}
      </h3>
      <p>
        <strong>{figure}</strong> {rest}
      </p>
      {!isUncapped(reading) && <Bar parts={[{ share: shareOf(level, reading), kind: "used" }]} />}
      <p class="caption">{motionText(reading, elapsedMs)}</p>
    </li>
  );
}

/** The time since the answer, once a second. */
function useElapsed(sinceMs: number): number {
  const [elapsedMs, setElapsedMs] = useState(0);
  useEffect(() => {
    const tick = () => setElapsedMs(performance.now() - sinceMs);
    tick();
    const timer = setInterval(tick, EVERY_MS);
    return () => clearInterval(timer);
  }, [sinceMs]);
  return elapsedMs;
}
