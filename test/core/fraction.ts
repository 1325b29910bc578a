/**
 * Fractions of unlimited size, for the reference model: slow, and exact because nothing is ever rounded.
 *
 * Never imports the code under test.
 */

/** n / d in lowest terms, d > 0. */
export interface Fraction {
  readonly n: bigint;
  readonly d: bigint;
}

export function fraction(numerator: number | bigint, denominator: number | bigint = 1n): Fraction {
  const n = BigInt(numerator);
  const d = BigInt(denominator);
  if (d <= 0n) throw new RangeError("a denominator is positive here");
  const divisor = greatestCommonDivisor(n < 0n ? -n : n, d);
  return { n: n / divisor, d: d / divisor };
}

export function plus(a: Fraction, b: Fraction): Fraction {
  return fraction(a.n * b.d + b.n * a.d, a.d * b.d);
}

export function minus(a: Fraction, b: Fraction): Fraction {
  return fraction(a.n * b.d - b.n * a.d, a.d * b.d);
}

export function times(a: Fraction, b: Fraction): Fraction {
  return fraction(a.n * b.n, a.d * b.d);
}

/** a / b for b > 0. */
export function over(a: Fraction, b: Fraction): Fraction {
  return fraction(a.n * b.d, a.d * b.n);
}

export function isLess(a: Fraction, b: Fraction): boolean {
  return a.n * b.d < b.n * a.d;
}

export function least(a: Fraction, b: Fraction): Fraction {
  return isLess(b, a) ? b : a;
}

/** The largest integer that is not above `a`. */
export function floor(a: Fraction): bigint {
  const quotient = a.n / a.d; // BigInt division cuts towards zero.
  return quotient * a.d > a.n ? quotient - 1n : quotient;
}

/** The smallest integer that is not below `a`. */
export function ceiling(a: Fraction): bigint {
  return -floor({ n: -a.n, d: a.d });
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestCommonDivisor(b, a % b);
}
