/**
 * Units of the core, and the few integer operations that keep it exact.
 *
 * Costs and amounts are whole millitokens, so the smallest cost is 0.001 tokens; times are whole milliseconds of Unix time. All are
 * integers below 2^53, which a double holds exactly. Never rounds in the caller's favour.
 */

/** Millitokens in a token. A finer scale would reduce the largest exact limit by the same factor. */
export const MILLI = 1000;

/** The largest count of a limit's state. Half of Number.MAX_SAFE_INTEGER, because a state plus one cost of that size must stay exact. */
export const MAX_EXACT = 2 ** 52;

/** The largest number of millitokens at which a double of tokens still distinguishes steps of 0.001. */
export const MAX_MILLI = 2 ** 50;

/** Tokens as whole millitokens; null if the number is negative, not finite, above 2^50 millitokens, or finer than 0.001. */
export function toMilli(tokens: number): number | null {
  const scaled = tokens * MILLI;
  const milli = Math.round(scaled);
  if (!(tokens >= 0 && milli <= MAX_MILLI) || (milli === 0 && tokens > 0)) return null;
  // The product of a decimal and 1000 has a rounding error, so a tiny difference still counts as whole.
  return Math.abs(scaled - milli) <= Math.max(1e-6, milli * 2 ** -50) ? milli : null;
}

/** Millitokens as tokens, for people and for the wire. */
export function toTokens(milli: number): number {
  return milli / MILLI;
}

/** Ceiling of a / b for integers 0 <= a <= 2^53, b >= 1, without fractions. */
export function ceilDiv(a: number, b: number): number {
  const rest = a % b;
  return (a - rest) / b + (rest > 0 ? 1 : 0);
}

/** Greatest common divisor of two positive integers (Euclid). */
export function gcd(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return x;
}
