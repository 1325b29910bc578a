/**
 * The level of a limit between two answers. Pure: no clock, no I/O. Never guesses what is spent in between: it adds only what the
 * limit refills, so the next answer can be lower.
 */

import type { LimitReading } from "../shell/answers.ts";

/** Tokens refilled per millisecond. */
export function refillPerMs({ kind, limit, windowMs }: LimitReading): number {
  return kind === "bucket" && windowMs > 0 ? limit / windowMs : 0;
}

/** What remains `elapsedMs` after the answer if nothing is spent. From 0 to the limit. */
export function levelAt(reading: LimitReading, elapsedMs: number): number {
  const { kind, limit, remaining, resetMs } = reading;
  if (kind === "quota" && elapsedMs >= resetMs) return limit;
  const level = remaining + refillPerMs(reading) * Math.max(0, elapsedMs);
  return Math.min(limit, Math.max(0, level));
}

/** How long the drawing moves to a new answer: long enough to be seen, shorter than a poll. */
export const MOVE_MS = 600;

/**
 * The level to draw: moves from the level drawn before to that of the answer, without a jump.
 * @param from the level that was drawn when the answer arrived.
 */
export function drawnAt(reading: LimitReading, from: number, elapsedMs: number): number {
  const left = Math.max(0, 1 - elapsedMs / MOVE_MS);
  const level = levelAt(reading, elapsedMs);
  return level + (from - levelAt(reading, 0)) * left ** 3;
}

/** The level as a fraction of the limit, 0 to 1. */
export function shareOf(level: number, { limit }: LimitReading): number {
  return limit > 0 ? Math.min(1, Math.max(0, level / limit)) : 0;
}
