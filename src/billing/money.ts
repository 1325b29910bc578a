/**
 * Money as integers: decimal strings to and from BigInt, and the only places where an amount is rounded.
 *
 * An exact amount counts femto, 10^-15 of the currency's major unit: a unit price has at most 12 decimals and a quantity 3 (millitokens),
 * so their product is a whole number of femto. A payable amount counts minor units (cents; see currency.ts). Never uses a double.
 */

/** Decimals of an exact amount. Fewer could not hold a price of 12 decimals times a quantity of 3. */
const FEMTO_DECIMALS = 15;

/** Femto in one major unit of a currency. */
export const FEMTO = 10n ** BigInt(FEMTO_DECIMALS);

/** At most 12 digits before the point and 12 after it, without superfluous leading zeros. */
const MONEY = /^(-?)(0|[1-9]\d{0,11})(?:\.(\d{1,12}))?$/;

/** An amount as a policy or an API writes it, such as "0.0005" or "-12.50", in femto; null if it is not one. */
export function parseMoney(text: string): bigint | null {
  const match = MONEY.exec(text);
  if (match === null) return null;
  const [, sign, whole = "", decimals = ""] = match;
  const femto = BigInt(whole + decimals.padEnd(FEMTO_DECIMALS, "0"));
  return sign === "-" ? -femto : femto;
}

/** {@link parseMoney} for amounts that may not be negative. */
export function parsePrice(text: string): bigint | null {
  const femto = parseMoney(text);
  return femto === null || femto < 0n ? null : femto;
}

/** The shortest decimal string of an exact amount: "0.0005", "99", "-12.5". */
export function formatMoney(femto: bigint): string {
  const text = decimal(femto, FEMTO_DECIMALS);
  let end = text.length;
  while (text[end - 1] === "0") end -= 1;
  return text.slice(0, text[end - 1] === "." ? end - 1 : end);
}

/** A payable amount with all decimals of its currency: 33499n is "334.99" if the exponent is 2, and "33499" if it is 0. */
export function formatMinor(minor: bigint, exponent: number): string {
  return exponent === 0 ? String(minor) : decimal(minor, exponent);
}

/**
 * The exact amount `femto / divisor`, rounded to the minor unit, half away from zero. Call it once per line and once per tax rate.
 * @param divisor positive.
 */
export function roundToMinor(femto: bigint, exponent: number, divisor = 1n): bigint {
  return divideRounded(femto, divisor * femtoPerMinor(exponent));
}

/** The largest whole number of minor units that is at most `femto`: a cap must not be exceeded by a fraction of a cent. */
export function floorToMinor(femto: bigint, exponent: number): bigint {
  const unit = femtoPerMinor(exponent);
  const quotient = femto / unit; // BigInt division truncates towards zero.
  return quotient * unit > femto ? quotient - 1n : quotient;
}

/** A payable amount in femto. */
export function minorToFemto(minor: bigint, exponent: number): bigint {
  return minor * femtoPerMinor(exponent);
}

/** The sum of payable amounts. */
export function sumOf(amounts: readonly { readonly minor: bigint }[]): bigint {
  return amounts.reduce((sum, { minor }) => sum + minor, 0n);
}

/** n / d to the nearest integer, half away from zero. `d` is positive. */
export function divideRounded(n: bigint, d: bigint): bigint {
  const doubled = 2n * (n < 0n ? -n : n) + d;
  const magnitude = doubled / (2n * d);
  return n < 0n ? -magnitude : magnitude;
}

function femtoPerMinor(exponent: number): bigint {
  return 10n ** BigInt(FEMTO_DECIMALS - exponent);
}

function decimal(units: bigint, decimals: number): string {
  const digits = String(units < 0n ? -units : units).padStart(decimals + 1, "0");
  const sign = units < 0n ? "-" : "";
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
