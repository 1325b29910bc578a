/**
 * Amounts as Stripe counts them, which is not always in the minor unit of ISO 4217. Pure.
 *
 * By https://docs.stripe.com/currencies: MGA has no decimals there; ISK has two, which must be 0; currencies of three decimals must end in 0.
 */
import { formatMinor } from "../billing/money.ts";
import { exponentOf } from "../billing/currency.ts";

/** Decimals at Stripe where they differ from ISO 4217. */
const DECIMALS: Readonly<Record<string, number>> = { ISK: 2, MGA: 0 };

/**
 * Stripe's page lists UGX among those without decimals, and among those that must be sent with two. A mistake would be a hundredfold
 * amount, so neither is sent.
 */
const UNCLEAR: ReadonlySet<string> = new Set(["UGX"]);

/** Minor units of ISO 4217 as Stripe counts them; null if Stripe cannot have exactly this amount. */
export function toStripeAmount(currency: string, minor: bigint): bigint | null {
  const iso = exponentOf(currency);
  const decimals = decimalsAt(currency);
  if (iso === null || decimals === null) return null;
  const scaled = minor * 10n ** BigInt(Math.max(0, decimals - iso));
  const divisor = 10n ** BigInt(Math.max(0, iso - decimals));
  if (scaled % divisor !== 0n) return null;
  const amount = scaled / divisor;
  return amount % smallestOf(currency, decimals) === 0n ? amount : null;
}

/** What Stripe counts so, as a decimal string of the major unit; null if the currency is unknown. @param currency in capitals. */
export function fromStripeAmount(currency: string, amount: number): string | null {
  const decimals = decimalsAt(currency);
  return decimals === null ? null : formatMinor(BigInt(amount), decimals);
}

function decimalsAt(currency: string): number | null {
  return UNCLEAR.has(currency) ? null : (DECIMALS[currency] ?? exponentOf(currency));
}

function smallestOf(currency: string, decimals: number): bigint {
  if (currency === "ISK") return 100n;
  return decimals === 3 ? 10n : 1n;
}
