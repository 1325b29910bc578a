/**
 * Tax: per rate, on the sum of all lines, rounded once per rate. Prices are before tax.
 *
 * Taxing each line and adding up would differ by a cent (lago-api#2643). Which rate applies to whom is the operator's decision; this
 * product looks up the customer's country and computes.
 */
import type { BillingFault } from "./fault.ts";
import { divideRounded, FEMTO, parsePrice } from "./money.ts";

/** A rate as the policy lists it. */
export interface TaxRate {
  /** ISO 3166-1, two capitals: the customer's. */
  readonly country: string;
  readonly name: string;
  /** A decimal string, "0" to "100". */
  readonly percent: string;
}

/** A rate with what it came to. */
export interface TaxAmount {
  readonly name: string;
  readonly percent: string;
  readonly minor: bigint;
}

const HUNDRED_PERCENT = 100n * FEMTO;

/** The rates that apply to a customer: those of their country; none if they are exempt or their country is unknown. */
export function ratesFor(
  rates: readonly TaxRate[],
  customer: { readonly country: string | null; readonly taxExempt: boolean },
): readonly TaxRate[] {
  return customer.taxExempt ? [] : rates.filter(({ country }) => country === customer.country);
}

/** The tax of each rate on a subtotal. The rates must be without faults. */
export function taxesOn(subtotalMinor: bigint, rates: readonly TaxRate[]): TaxAmount[] {
  return rates.map(({ name, percent }) => ({ name, percent, minor: taxMinor(subtotalMinor, percent) }));
}

/**
 * One rate's tax on an amount, rounded half away from zero.
 * @throws RangeError if the percentage is not one.
 */
export function taxMinor(minor: bigint, percent: string): bigint {
  const rate = parsePercent(percent);
  if (rate === null) throw new RangeError(`a wrong tax rate: ${percent}`);
  return divideRounded(minor * rate, HUNDRED_PERCENT);
}

/** The faults of a policy's rates, with paths from the list. */
export function taxFaults(rates: readonly TaxRate[]): BillingFault[] {
  const seen = new Set<string>();
  return rates.flatMap(({ country, name, percent }, index) => {
    const faults: BillingFault[] = [];
    if (parsePercent(percent) === null) {
      faults.push({ path: [index, "percent"], message: 'must be a string from "0" to "100"' });
    }
    const key = `${country} ${name}`;
    if (seen.has(key)) faults.push({ path: [index], message: `${key} is listed twice` });
    seen.add(key);
    return faults;
  });
}

/** Per cent in femto; null if it is not a decimal from 0 to 100. */
function parsePercent(text: string): bigint | null {
  const percent = parsePrice(text);
  return percent === null || percent > HUNDRED_PERCENT ? null : percent;
}
