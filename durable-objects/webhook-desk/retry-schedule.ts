/** When a delivery that has failed is tried again. Pure. */
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../../src/core/time.ts";

/** Delays after the first attempt, the second, … They end after three days, so a weekend's outage loses nothing. */
const DELAYS_MS: readonly number[] = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];

/** Spreads the retries of many deliveries that failed at the same moment. */
const JITTER = 0.2;

/**
 * How long after its last attempt a delivery is tried again; null: it is dead.
 * @param attempts so far, at least 1.
 * @param random from 0 up to 1.
 */
export function retryDelayMs(attempts: number, random: number): number | null {
  const delayMs = DELAYS_MS[attempts - 1];
  return delayMs === undefined ? null : Math.round(delayMs * (1 - JITTER + 2 * JITTER * random));
}

/** Attempts after which a delivery is dead. */
export const MAX_ATTEMPTS = DELAYS_MS.length + 1;
