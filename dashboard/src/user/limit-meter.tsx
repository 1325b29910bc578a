/**
 * One limit as a meter: a bucket that fills, a quota that empties, or slots that are taken. Between two answers it moves at the
 * limit's own pace, unless the viewer prefers reduced motion. The text says the same, and updates once a second.
 */
import { SECOND_MS } from "../shell/durations.ts";
import type { RefObject } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Badge } from "../kit/badge.tsx";
import type { LimitReading } from "../shell/answers.ts";
import { decisionsIn } from "../shell/decision-log.ts";
import { Link } from "../shell/page.tsx";
import { LENGTHS, type TimeRange } from "../shell/time-range.ts";
import { drawnAt, levelAt, MOVE_MS, shareOf } from "./limit-level.ts";
import { levelParts, levelText, motionText, shortageOf } from "./limit-text.ts";

interface Props {
  /** The user. */
  readonly id: string;
  readonly reading: LimitReading;
  /** By performance.now(). */
  readonly answeredAtMs: number;
}

const KINDS: Readonly<Record<LimitReading["kind"], string>> = {
  bucket: "token bucket",
  quota: "quota",
  concurrency: "slots",
};

const BUCKET = "M4 4 L60 4 L52 68 L12 68 Z";
const BUCKET_TOP = 6;
const BUCKET_HEIGHT = 62;
const BAR_WIDTH = 160;
/** More slots are drawn as a bar. */
const MAX_SLOTS = 20;

export function LimitMeter({ id, reading, answeredAtMs }: Props) {
  const fill = useRef<SVGRectElement>(null);
  const elapsedMs = useMovingFill(fill, reading, answeredAtMs);
  const level = levelAt(reading, elapsedMs);
  const shortage = shortageOf(reading, level);
  const { name, kind, limit } = reading;
  const [figure, rest] = levelParts(reading, level);
  return (
    <div class="limit" data-tone={shortage?.tone ?? "info"}>
      <div
        class="meter"
        role="meter"
        aria-label={`${name}, what is left`}
        aria-valuemin={0}
        aria-valuemax={limit}
        aria-valuenow={Math.round(level)}
        aria-valuetext={levelText(reading, level)}
      >
        {kind === "bucket" && <Bucket fill={fill} />}
        {(kind === "quota" || (kind === "concurrency" && limit > MAX_SLOTS)) && <Bar fill={fill} />}
        {kind === "concurrency" && limit <= MAX_SLOTS && (
          <Slots limit={limit} taken={limit - Math.floor(level)} />
        )}
      </div>
      <div class="limit-text">
        <h3>
          {name} <span class="caption">{KINDS[kind]}</span>
        </h3>
        <p>
          <Link to={decisionsIn(windowOf(reading), { account: `user:${id}` })}>
            <strong>{figure}</strong>
          </Link>{" "}
          <span class="quiet">{rest}</span>
        </p>
        <p class="caption">{motionText(reading, elapsedMs)}</p>
        {shortage && <Badge tone={shortage.tone}>{shortage.text}</Badge>}
      </div>
    </div>
  );
}

/** The shortest range that contains what a full limit can have been spent in. */
function windowOf({ windowMs }: LimitReading): TimeRange {
  return LENGTHS.find(({ seconds }) => seconds * SECOND_MS >= windowMs) ?? LENGTHS[4];
}

/** Moves the fill with the level. @returns the time since the answer, updated once a second. */
function useMovingFill(
  fill: RefObject<SVGRectElement | null>,
  reading: LimitReading,
  answeredAtMs: number,
): number {
  const drawn = useRef<number | null>(null);
  const [elapsedMs, setElapsedMs] = useState(0);
  useEffect(() => {
    const elapsed = () => performance.now() - answeredAtMs;
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const from = isStill ? levelAt(reading, 0) : (drawn.current ?? levelAt(reading, 0));
    const paint = () => {
      drawn.current = drawnAt(reading, from, elapsed());
      paintFill(fill.current, reading.kind, shareOf(drawn.current, reading));
    };
    let frame = 0;
    const move = () => {
      paint();
      const isMoving = elapsed() < MOVE_MS || levelAt(reading, elapsed()) < reading.limit;
      if (isMoving) frame = requestAnimationFrame(move);
    };
    const tick = () => {
      setElapsedMs(elapsed());
      if (isStill) paint();
    };
    tick();
    if (!isStill) move();
    const timer = setInterval(tick, SECOND_MS);
    return () => {
      cancelAnimationFrame(frame);
      clearInterval(timer);
    };
  }, [reading, answeredAtMs]);
  return elapsedMs;
}

/** Sets attributes, which the CSP allows, and needs no render per frame. */
function paintFill(rect: SVGRectElement | null, kind: LimitReading["kind"], share: number): void {
  if (!rect) return;
  if (kind !== "bucket") return rect.setAttribute("width", (share * BAR_WIDTH).toFixed(2));
  const height = share * BUCKET_HEIGHT;
  rect.setAttribute("y", (BUCKET_TOP + BUCKET_HEIGHT - height).toFixed(2));
  rect.setAttribute("height", height.toFixed(2));
}

interface FillProps {
  readonly fill: RefObject<SVGRectElement | null>;
}

function Bucket({ fill }: FillProps) {
  const clip = useId();
  return (
    <svg class="bucket" viewBox="0 0 64 72" aria-hidden="true">
      <clipPath id={clip}>
        <path d={BUCKET} />
      </clipPath>
      <rect ref={fill} class="fill" x="0" width="64" clip-path={`url(#${clip})`} />
      <path class="edge" d={BUCKET} />
    </svg>
  );
}

function Bar({ fill }: FillProps) {
  return (
    <svg class="bar" viewBox={`0 0 ${BAR_WIDTH} 16`} preserveAspectRatio="none" aria-hidden="true">
      <rect class="ground" width={BAR_WIDTH} height="16" />
      <rect ref={fill} class="fill" height="16" />
    </svg>
  );
}

function Slots({ limit, taken }: { readonly limit: number; readonly taken: number }) {
  return (
    <svg class="slots" viewBox={`0 0 ${limit * 20} 16`} aria-hidden="true">
      {Array.from({ length: limit }, (_, i) => (
        <rect
          key={i}
          class={i < taken ? "taken" : "ground"}
          x={i * 20 + 1}
          y="1"
          width="16"
          height="14"
          rx="3"
        />
      ))}
    </svg>
  );
}
