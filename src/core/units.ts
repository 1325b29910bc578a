/**
 * Units of the core, and the few integer operations that keep it exact.
 *
 * Costs and amounts are whole millitokens, so a cost may be as small as 0.001 tokens; times are whole milliseconds of Unix
 * time. Everything here is an integer below 2^53, so a double holds it exactly. Never rounds in the caller's favour.
 */

/** Millitokens in a token: the finest cost is 0.001 tokens. A finer scale would shrink the largest exact limit alike. */
export const MILLI = 1000;

/**
 * The largest count a limit's state may reach. Half of Number.MAX_SAFE_INTEGER, because a state plus one more cost of at
 * most that size must stay exact.
 */
export const MAX_EXACT = 2 ** 52;

/** The largest number of tokens that is told apart from its neighbours of 0.001. */
const MAX_MILLI = 2 ** 50;

/** Tokens as whole millitokens, or null where the number is negative, not finite, above 2^50 or finer than 0.001. */
export function toMilli(tokens: number): number | null {
  const scaled = tokens * MILLI;
  const milli = Math.round(scaled);
  if (!(tokens >= 0 && milli <= MAX_MILLI) || (milli === 0 && tokens > 0)) return null;
  // The product of a decimal and 1000 is off by a rounding error, so 0.3 * 1000 still counts as whole.
  return Math.abs(scaled - milli) <= Math.max(1e-6, milli * 2 ** -50) ? milli : null;
}

/** Millitokens as tokens, for people and for the wire. */
export function toTokens(milli: number): number {
  return milli / MILLI;
}

/** Ceiling of a / b for integers 0 <= a <= 2^53, b >= 1, in integers throughout. */
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
