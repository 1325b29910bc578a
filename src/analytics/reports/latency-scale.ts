/**
 * Rounds latencies to three significant digits. Both back ends store them so: their percentiles are exact over the stored values, equal,
 * and at most half a percent off the measured ones. A step of the scale is a small integer, so the embedded store finds percentiles by
 * counting, without sorting.
 */

/** Steps of one decade: 100 to 999. */
const STEPS = 900;
const MIN_EXPONENT = -3;
const MAX_EXPONENT = 6;
/** The longest latency of the scale: 9,990 s. */
const MAX_MS = 9.99e6;

/** Step 0 is 0 ms. */
export const SCALE_STEPS = (MAX_EXPONENT - MIN_EXPONENT + 1) * STEPS + 1;

/** The nearest value of the scale, ms. 0 for NaN and for less than a microsecond. */
export function scaledMs(ms: number): number {
  if (!(ms >= 10 ** MIN_EXPONENT)) return 0;
  return Number(Math.min(ms, MAX_MS).toPrecision(3));
}

/** The step of a latency. Longer latencies have higher steps. */
export function stepOfMs(ms: number): number {
  const scaled = scaledMs(ms);
  if (scaled === 0) return 0;
  const [digits = "0", exponent = "0"] = scaled.toExponential(2).split("e");
  return (Number(exponent) - MIN_EXPONENT) * STEPS + Math.round(Number(digits) * 100) - 100 + 1;
}

/** The latency of a step, ms: exactly the double that {@link scaledMs} returns. */
export function msOfStep(step: number): number {
  if (step <= 0) return 0;
  const exponent = Math.floor((step - 1) / STEPS) + MIN_EXPONENT;
  return Number(`${((step - 1) % STEPS) + 100}e${exponent - 2}`);
}
