/**
 * How full a limit is between two answers. Pure: no clock, no I/O. Never guesses what is spent in between: only what the limit
 * itself gives back is counted, so the next answer may lie lower.
 */

/** One limit as the status answers it: tokens (or slots) and milliseconds. */
export interface LimitReading {
  readonly name: string;
  readonly kind: "bucket" | "quota" | "concurrency";
  readonly limit: number;
  readonly remaining: number;
  /** For a quota: until its period ends. */
  readonly resetMs: number;
  /** In which an empty bucket fills, or the length of the quota's period. */
  readonly windowMs: number;
  /** The period that a quota counts in: RFC 3339 times, and tokens. */
  readonly period?: { readonly start: string; readonly end: string; readonly used: number } | undefined;
}

/** Tokens per millisecond that come back by themselves. */
export function refillPerMs({ kind, limit, windowMs }: LimitReading): number {
  return kind === "bucket" && windowMs > 0 ? limit / windowMs : 0;
}

/** What remains `elapsedMs` after the answer if nobody spends. 0 to the limit. */
export function levelAt(reading: LimitReading, elapsedMs: number): number {
  const { kind, limit, remaining, resetMs } = reading;
  if (kind === "quota" && elapsedMs >= resetMs) return limit;
  const level = remaining + refillPerMs(reading) * Math.max(0, elapsedMs);
  return Math.min(limit, Math.max(0, level));
}

/** How long a drawing takes to come down, or up, to a new answer: long enough to be seen, shorter than a poll. */
export const SETTLE_MS = 600;

/**
 * What is drawn: the level, which is reached from where the drawing was without a jump.
 * @param from what was drawn when the answer came.
 */
export function drawnAt(reading: LimitReading, from: number, elapsedMs: number): number {
  const left = Math.max(0, 1 - elapsedMs / SETTLE_MS);
  const level = levelAt(reading, elapsedMs);
  return level + (from - levelAt(reading, 0)) * left ** 3;
}

/** As a part of the whole, 0 to 1. */
export function shareOf(level: number, { limit }: LimitReading): number {
  return limit > 0 ? Math.min(1, Math.max(0, level / limit)) : 0;
}
