/**
 * Terms: what a segment is rated by. A copy of a tier's plan and overage quota, stored with the segment, so that a later change of the
 * policy changes no bill.
 *
 * Plain JSON as the policy writes it; {@link compileTerms} makes numbers of it. Caps are not terms: they apply at once (cap.ts).
 */
import { toMilli } from "../core/units.ts";
import { compilePrice, type PriceFields } from "./compile-price.ts";
import { parsePrice } from "./money.ts";
import type { Price } from "./price.ts";

/** What happens at the end of the included amount: nothing more, pay for more, or pay for more from credits. */
export type OverageMode = "stop" | "payg" | "prepaid";

/** A quota's `overage` in a policy. Without it, the quota stops. */
export interface OverageFields {
  readonly mode?: OverageMode | undefined;
  /** The most that overage may come to in a period, before tax. Not part of the terms. */
  readonly spendCap?: string | undefined;
  /** Only, and always, with `payg` and `prepaid`. */
  readonly price?: PriceFields | undefined;
}

/** A price for all usage of a route, beside the quota's overage. */
export interface UsagePriceFields {
  /** The route's pattern. */
  readonly route: string;
  /** A unit, or `count` for requests. */
  readonly of: string;
  readonly price: PriceFields;
}

/** A tier's `plan` in a policy. Amounts are decimal strings of the major unit. */
export interface PlanFields {
  /** The fee of a whole period. Default: 0. */
  readonly base?: string | undefined;
  /** Days without a base fee and without overage. Default: 0. */
  readonly trialDays?: number | undefined;
  /** The least that a whole period comes to. Default: 0. */
  readonly minimum?: string | undefined;
  readonly prices?: readonly UsagePriceFields[] | undefined;
}

/** A tier's overage quota as it applies to an account: with the account's own amount, without grants. */
export interface OverageQuota {
  readonly name: string;
  /** Default: requests. */
  readonly unit?: string | undefined;
  /** Included in a whole period, in tokens. */
  readonly amount: number;
  readonly overage?: OverageFields | undefined;
}

/** The overage quota in terms. */
export interface QuotaTerms {
  readonly name: string;
  readonly unit: string;
  /** Of a whole period. */
  readonly includedMilli: number;
  readonly mode: OverageMode;
  /** null exactly if the mode is `stop`. */
  readonly price: PriceFields | null;
}

export interface Terms {
  readonly base: string;
  readonly minimum: string;
  /** null: no quota has overage, so nothing is included and nothing is over. */
  readonly quota: QuotaTerms | null;
  readonly prices: readonly UsagePriceFields[];
}

/** Terms with their amounts parsed. */
export interface CompiledTerms {
  readonly base: string;
  readonly baseFemto: bigint;
  readonly minimum: string;
  readonly minimumFemto: bigint;
  readonly quota: (Omit<QuotaTerms, "price"> & { readonly price: Price | null }) | null;
  readonly prices: readonly { readonly route: string; readonly of: string; readonly price: Price }[];
}

/** The terms of a tier. Both arguments must be without faults (plan-faults.ts). */
export function termsOf(plan: PlanFields, quota: OverageQuota | null): Terms {
  return {
    base: plan.base ?? "0",
    minimum: plan.minimum ?? "0",
    quota: quota && {
      name: quota.name,
      unit: quota.unit ?? "requests",
      includedMilli: exactly(toMilli(quota.amount), "an amount"),
      mode: quota.overage?.mode ?? "stop",
      price: quota.overage?.price ?? null,
    },
    prices: plan.prices ?? [],
  };
}

/** The terms during a trial: no base fee, no minimum, and the quota stops. Usage that has a price of its own is charged. */
export function trialTerms(terms: Terms): Terms {
  const quota = terms.quota && { ...terms.quota, mode: "stop" as const, price: null };
  return { ...terms, base: "0", minimum: "0", quota };
}

/**
 * Compiles stored terms.
 * @throws RangeError if they were not made by {@link termsOf} of fields without faults.
 */
export function compileTerms(terms: Terms): CompiledTerms {
  const { quota } = terms;
  return {
    base: terms.base,
    baseFemto: exactly(parsePrice(terms.base), "base"),
    minimum: terms.minimum,
    minimumFemto: exactly(parsePrice(terms.minimum), "minimum"),
    quota: quota && { ...quota, price: quota.price && sound(quota.price) },
    prices: terms.prices.map(({ route, of, price }) => ({ route, of, price: sound(price) })),
  };
}

function sound(fields: PriceFields): Price {
  const compiled = compilePrice(fields);
  if (compiled.kind === "faults") throw new RangeError(`terms have a wrong price: ${JSON.stringify(fields)}`);
  return compiled.price;
}

function exactly<T>(value: T | null, what: string): T {
  if (value === null) throw new RangeError(`terms have a wrong amount: ${what}`);
  return value;
}
