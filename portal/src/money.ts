/** Amounts of money for people. Pure. An amount is a decimal string in the currency's major unit, as the API has it. */

const WHOLE = { minimumFractionDigits: 0, maximumFractionDigits: 0 };
/** A band that ends below this shows minor units, since whole units would be too coarse. */
const SMALL = 20;

/** "$71.20", "€117.81", "¥1,200" */
export function money(amount: string, currency: string): string {
  return formatted(Number(amount), currency);
}

/**
 * A band of amounts, "$120 to $180": rounded outwards, because a forecast is not exact to the cent. One amount if both are equal.
 */
export function moneyBand(low: string, high: string, currency: string): string {
  const [from, to] = [Number(low), Number(high)];
  if (from === to) return formatted(from, currency);
  if (to < SMALL) return `${formatted(from, currency)} to ${formatted(to, currency)}`;
  return `${formatted(Math.floor(from), currency, WHOLE)} to ${formatted(Math.ceil(to), currency, WHOLE)}`;
}

function formatted(amount: number, currency: string, digits: Intl.NumberFormatOptions = {}): string {
  return new Intl.NumberFormat("en", { style: "currency", currency, ...digits }).format(amount);
}
