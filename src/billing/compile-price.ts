/** From a price as a policy writes it to one that can be computed with, and every fault that a price can have by itself. */
import { toMilli } from "../core/units.ts";
import { type BillingFault, under } from "./fault.ts";
import { parsePrice } from "./money.ts";
import type { Price, PriceTier } from "./price.ts";

/** A tier of a graduated or volume price. Amounts are decimal strings; at least one of them is there. */
export interface PriceTierFields {
  /** The last amount of usage that the tier covers, in tokens; null in the last tier, and only there. */
  readonly upTo: number | null;
  /** Per token. Default: 0. */
  readonly unit?: string | undefined;
  /** Once, as soon as usage in the tier is above 0. Default: 0. */
  readonly flat?: string | undefined;
}

/** A price as a policy writes it. Amounts are decimal strings of the major unit, not negative; quantities are tokens. */
export type PriceFields =
  | { readonly model: "unit"; readonly unit: string }
  | { readonly model: "graduated" | "volume"; readonly tiers: readonly PriceTierFields[] }
  | {
      readonly model: "package";
      /** Tokens in a package. */
      readonly size: number;
      /** Of a package. */
      readonly price: string;
      /** Tokens before the first package. Default: 0. */
      readonly free?: number | undefined;
    };

export type CompiledPrice =
  | { readonly kind: "price"; readonly price: Price }
  | { readonly kind: "faults"; readonly faults: readonly BillingFault[] };

/** More would be a mistake. Bounds the work of rating. */
const MAX_PRICE_TIERS = 100;

/** What is wrong with an amount of money that may not be negative. */
export const MONEY_MESSAGE =
  'must be an amount as a string, such as "0.0005": at most 12 digits before and 12 after the point, not negative';

/** Compiles a price, or lists its faults, with paths from the price. */
export function compilePrice(fields: PriceFields): CompiledPrice {
  const faults: BillingFault[] = [];
  const price = priceOf(fields, faults);
  return faults.length === 0 ? { kind: "price", price } : { kind: "faults", faults };
}

/** Reports faults to `faults`; if there are any, the price means nothing. */
function priceOf(fields: PriceFields, faults: BillingFault[]): Price {
  switch (fields.model) {
    case "unit": {
      const unitFemto = money(fields.unit, ["unit"], faults);
      return { model: "graduated", tiers: [tierOf(0n, null, unitFemto, 0n)] };
    }
    case "package":
      return {
        model: "package",
        sizeMilli: milli(fields.size, 1, ["size"], faults),
        priceFemto: money(fields.price, ["price"], faults),
        freeMilli: milli(fields.free ?? 0, 0, ["free"], faults),
      };
    case "graduated":
    case "volume":
      faults.push(...under("tiers", orderFaults(fields.tiers)));
      return { model: fields.model, tiers: tiersOf(fields.tiers, faults) };
  }
}

function tiersOf(fields: readonly PriceTierFields[], faults: BillingFault[]): PriceTier[] {
  let fromMilli = 0n;
  return fields.map(({ upTo, unit = "0", flat = "0" }, index) => {
    const place = ["tiers", index];
    const upToMilli = upTo === null ? null : milli(upTo, 1, [...place, "upTo"], faults);
    const unitFemto = money(unit, [...place, "unit"], faults);
    const flatFemto = money(flat, [...place, "flat"], faults);
    const tier = tierOf(fromMilli, upToMilli, unitFemto, flatFemto);
    fromMilli = upToMilli ?? fromMilli;
    return tier;
  });
}

function tierOf(
  fromMilli: bigint,
  upToMilli: bigint | null,
  unitFemto: bigint,
  flatFemto: bigint,
): PriceTier {
  return { fromMilli, upToMilli, unitFemto: unitFemto / 1000n, flatFemto };
}

/** The faults of the tiers as a list: their number, their order, and tiers without an amount. */
function orderFaults(tiers: readonly PriceTierFields[]): BillingFault[] {
  const faults: BillingFault[] = [];
  if (tiers.length === 0 || tiers.length > MAX_PRICE_TIERS) {
    faults.push({ path: [], message: `must have 1 to ${MAX_PRICE_TIERS} price tiers` });
  }
  let before = 0;
  tiers.forEach(({ upTo, unit, flat }, index) => {
    const isLast = index === tiers.length - 1;
    const path = [index, "upTo"];
    if (unit === undefined && flat === undefined) {
      faults.push({ path: [index], message: "must have unit, flat or both" });
    }
    if (upTo === null) {
      if (!isLast) faults.push({ path, message: "may be null only in the last tier" });
      return;
    }
    if (isLast)
      faults.push({ path, message: "must be null in the last tier, so that all usage has a price" });
    else if (upTo <= before)
      faults.push({ path, message: `must be above ${before}, so that tiers increase` });
    before = upTo;
  });
  return faults;
}

function money(text: string, path: BillingFault["path"], faults: BillingFault[]): bigint {
  const femto = parsePrice(text);
  if (femto === null) faults.push({ path, message: MONEY_MESSAGE });
  return femto ?? 0n;
}

function milli(tokens: number, least: number, path: BillingFault["path"], faults: BillingFault[]): bigint {
  const exact = toMilli(tokens);
  const fits = exact !== null && exact >= least;
  if (!fits) faults.push({ path, message: `must be a multiple of 0.001, at least ${least / 1000}` });
  return BigInt(fits ? exact : least);
}
