/** A tier as customers compare it: base fee, included usage, and what more costs. Pure. */
import type { z } from "zod/mini";
import { groupedDecimal } from "../../documents/amount-text.ts";
import type { price as priceSchema } from "../../policy/billing-schema.ts";
import type { Tier } from "../../policy/compiled.ts";

type Price = z.infer<typeof priceSchema>;
type PriceTier = Extract<Price, { model: "graduated" }>["tiers"][number];

/** Amounts are decimal strings as the policy has them, in the deployment's currency. */
export interface TierOffer {
  readonly name: string;
  /** For a month. */
  readonly base: string;
  /** Tokens in a month; null: unlimited, since the user has no monthly quota. */
  readonly included: number | null;
  /** What happens beyond that. */
  readonly overage: "stop" | "payg" | "prepaid";
  /** What usage beyond it costs, in words; null: nothing, since requests stop there or are free. */
  readonly price: string | null;
}

export function tierOffer({ name, limits, billing }: Tier): TierOffer {
  const { plan = {}, overage = null } = billing ?? {};
  const quota = limits.find(({ document, scope }) =>
    overage
      ? document.name === overage.limit
      : document.kind === "quota" && document.per === "month" && scope === "user",
  )?.document;
  const { mode = "stop", price } = overage?.fields ?? {};
  return {
    name,
    base: plan.base ?? "0",
    included: quota?.kind === "quota" ? quota.amount : null,
    overage: mode,
    price: mode === "stop" || price === undefined ? null : priceText(price),
  };
}

function priceText(price: Price): string {
  switch (price.model) {
    case "unit":
      return `${price.unit} each`;
    case "package": {
      const free = price.free ? `, the first ${count(price.free)} free` : "";
      return `${price.price} for every ${count(price.size)} begun${free}`;
    }
    case "graduated":
      return price.tiers.map((tier, i) => `${partText(tier)}${spanText(price.tiers, i)}`).join(", ");
    case "volume":
      return price.tiers.map((tier, i) => `all at ${partText(tier)}${totalText(price.tiers, i)}`).join(", ");
  }
}

function partText({ unit = "0", flat = "0" }: PriceTier): string {
  return flat === "0" ? `${unit} each` : `${unit} each and ${flat} once`;
}

/** The part of the usage that the i-th price is for; "" for all of it. */
function spanText(tiers: readonly PriceTier[], i: number): string {
  const upTo = tiers[i]?.upTo ?? null;
  if (i === 0) return upTo === null ? "" : ` for the first ${count(upTo)}`;
  return upTo === null ? " beyond that" : ` up to ${count(upTo)}`;
}

/** The totals that the i-th price is for; "" for any. */
function totalText(tiers: readonly PriceTier[], i: number): string {
  const upTo = tiers[i]?.upTo ?? null;
  if (upTo !== null) return ` up to ${count(upTo)}`;
  return i === 0 ? "" : ` above ${count(tiers[i - 1]?.upTo ?? 0)}`;
}

/** 100000 as "100,000". */
function count(tokens: number): string {
  return groupedDecimal(String(tokens));
}
