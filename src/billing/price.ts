/**
 * Prices: what an amount of usage costs, exactly. Four models: unit, graduated, volume and package.
 *
 * Graduated: each price tier charges for the usage within it. Volume: the tier in which the whole usage lies charges for all of it. A
 * tier's `upTo` belongs to the tier. `flat` is charged once if the tier charges for anything. A package counts as soon as it is begun.
 *
 * Pure: no I/O, no clock, no rounding. Rating rounds, once per line (rate.ts).
 */
/** One tier of a compiled price. */
export interface PriceTier {
  /** Where the tier before ends and this one begins. Millitokens. */
  readonly fromMilli: bigint;
  readonly upToMilli: bigint | null;
  /** Femto per millitoken: a price of 12 decimals per token has 15 per millitoken. */
  readonly unitFemto: bigint;
  readonly flatFemto: bigint;
}

/** A compiled price. Made by `compilePrice` (compile-price.ts). */
export type Price =
  | { readonly model: "graduated" | "volume"; readonly tiers: readonly PriceTier[] }
  | {
      readonly model: "package";
      readonly sizeMilli: bigint;
      readonly priceFemto: bigint;
      readonly freeMilli: bigint;
    };

/** What one tier, or all packages, charge. */
export interface PricePart {
  /** Usage that is charged for, in millitokens: of packages, what they hold. */
  readonly quantityMilli: bigint;
  /** Per token; of packages, per package. */
  readonly unitFemto: bigint;
  /** The number of packages; null for other models. */
  readonly packages: bigint | null;
  readonly flatFemto: bigint;
  readonly amountFemto: bigint;
}

/** What `usedMilli` costs, in femto. 0 costs nothing. */
export function costFemto(price: Price, usedMilli: number): bigint {
  return costParts(price, usedMilli).reduce((sum, { amountFemto }) => sum + amountFemto, 0n);
}

/** What `usedMilli` costs, tier by tier. @param usedMilli a whole number from 0 to 2^53 - 1. */
export function costParts(price: Price, usedMilli: number): PricePart[] {
  const milli = BigInt(usedMilli);
  if (milli <= 0n) return [];
  switch (price.model) {
    case "package": {
      const paidMilli = milli - price.freeMilli;
      if (paidMilli <= 0n) return [];
      const packages = (paidMilli + price.sizeMilli - 1n) / price.sizeMilli;
      return [
        {
          quantityMilli: packages * price.sizeMilli,
          unitFemto: price.priceFemto,
          packages,
          flatFemto: 0n,
          amountFemto: packages * price.priceFemto,
        },
      ];
    }
    case "volume": {
      const tier = price.tiers.find(({ upToMilli }) => upToMilli === null || milli <= upToMilli);
      return tier === undefined ? [] : [partOf(tier, milli)];
    }
    case "graduated":
      return price.tiers
        .filter(({ fromMilli }) => milli > fromMilli)
        .map((tier) => {
          const endMilli = tier.upToMilli === null || milli < tier.upToMilli ? milli : tier.upToMilli;
          return partOf(tier, endMilli - tier.fromMilli);
        });
  }
}

/**
 * Whether more usage never costs less. Only a volume price can fall, and only where its next tier begins, so that is where it is looked
 * at. Usage is whole millitokens, so the next amount after a tier is one millitoken more.
 */
export function isMonotonic(price: Price): boolean {
  if (price.model !== "volume") return true;
  return price.tiers.every((tier, index) => {
    const next = price.tiers[index + 1];
    if (next === undefined || tier.upToMilli === null) return true;
    return partOf(next, tier.upToMilli + 1n).amountFemto >= partOf(tier, tier.upToMilli).amountFemto;
  });
}

function partOf(tier: PriceTier, quantityMilli: bigint): PricePart {
  const { unitFemto, flatFemto } = tier;
  const amountFemto = quantityMilli * unitFemto + flatFemto;
  return { quantityMilli, unitFemto: unitFemto * 1000n, packages: null, flatFemto, amountFemto };
}
