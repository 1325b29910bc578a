/**
 * One limit as a vessel: a bucket that fills, a quota that empties, slots that are taken. Moves between two answers by the limit's
 * own pace, and stands still for who wants less motion. The text says the same, and changes once a second.
 */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { drawnAt, levelAt, type LimitReading, SETTLE_MS, shareOf } from "./limit-level.ts";
import { levelText, motionText, shortageText } from "./limit-text.ts";

interface Props {
  readonly reading: LimitReading;
  /** By performance.now(). */
  readonly answeredAtMs: number;
}

const SECOND_MS = 1_000;
const BUCKET = "M4 4 L60 4 L52 68 L12 68 Z";
const BUCKET_TOP = 6;
const BUCKET_HEIGHT = 62;
const BAR_WIDTH = 160;
/** More are drawn as a bar. */
const MOST_SLOTS = 20;

export function LimitMeter({ reading, answeredAtMs }: Props) {
  const fill = useRef<SVGRectElement>(null);
  const drawn = useRef<number | null>(null);
  const clip = useId();
  const [elapsedMs, setElapsedMs] = useState(0);
  const level = levelAt(reading, elapsedMs);
  const shortage = shortageText(reading, level);
  const { name, kind, limit } = reading;

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
      const moves = elapsed() < SETTLE_MS || levelAt(reading, elapsed()) < reading.limit;
      if (moves) frame = requestAnimationFrame(move);
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

  return (
    <div class={`limit ${shortage !== null && kind !== "concurrency" ? "low" : ""}`}>
      <h3>
        {name} <span class="quiet">{kind === "bucket" ? "token bucket" : kind}</span>
      </h3>
      <div
        role="meter"
        aria-label={`${name}, what is left`}
        aria-valuemin={0}
        aria-valuemax={limit}
        aria-valuenow={Math.round(level)}
        aria-valuetext={levelText(reading, level)}
      >
        {kind === "bucket" && (
          <svg class="bucket" viewBox="0 0 64 72" aria-hidden="true">
            <clipPath id={clip}>
              <path d={BUCKET} />
            </clipPath>
            <rect ref={fill} class="fill" x="0" width="64" clip-path={`url(#${clip})`} />
            <path class="edge" d={BUCKET} />
          </svg>
        )}
        {kind !== "bucket" && (kind === "quota" || limit > MOST_SLOTS) && (
          <svg class="bar" viewBox={`0 0 ${BAR_WIDTH} 16`} preserveAspectRatio="none" aria-hidden="true">
            <rect class="ground" width={BAR_WIDTH} height="16" />
            <rect ref={fill} class="fill" height="16" />
          </svg>
        )}
        {kind === "concurrency" && limit <= MOST_SLOTS && (
          <svg class="slots" viewBox={`0 0 ${limit * 20} 16`} aria-hidden="true">
            {Array.from({ length: limit }, (_, i) => (
              <rect
                key={i}
                class={i < limit - Math.floor(level) ? "taken" : "ground"}
                x={i * 20 + 1}
                y="1"
                width="16"
                height="14"
                rx="3"
              />
            ))}
          </svg>
        )}
      </div>
      <p>
        <strong>{levelText(reading, level)}</strong>
        {shortage !== null && <span class="tag">{shortage}</span>}
      </p>
      <p class="quiet">{motionText(reading, elapsedMs)}</p>
    </div>
  );
}

/** By attributes, which the CSP allows, and not by a render for each frame. */
function paintFill(rect: SVGRectElement | null, kind: LimitReading["kind"], share: number): void {
  if (!rect) return;
  if (kind !== "bucket") return rect.setAttribute("width", (share * BAR_WIDTH).toFixed(2));
  const height = share * BUCKET_HEIGHT;
  rect.setAttribute("y", (BUCKET_TOP + BUCKET_HEIGHT - height).toFixed(2));
  rect.setAttribute("height", height.toFixed(2));
}
