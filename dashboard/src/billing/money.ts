/** Amounts of money as the API writes them, as decimal texts: added exactly, never as doubles. Pure. */
import { majorOf } from "./invoice-api.ts";

/** Digits after the point; no currency has more, and no price. */
const SCALE = 12;
const MIN_LARGE = 10n ** BigInt(SCALE + 4);

/** An amount in 10^-12 of the currency's major unit. */
export function partsOf(amount: string): bigint {
  const [whole = "", part = ""] = amount.split(".");
  return BigInt(whole + part.padEnd(SCALE, "0"));
}

/** The number of digits after the point. */
export function digitsOf(amount: string): number {
  return amount.split(".")[1]?.length ?? 0;
}

/** For people: rounded to as many digits after the point, half away from zero, with separators as in "1,234.50". */
export function amountText(parts: bigint, digits: number): string {
  const unit = 10n ** BigInt(SCALE - digits);
  const half = parts < 0n ? -unit / 2n : unit / 2n;
  return grouped(majorOf(String((parts + half) / unit), digits));
}

/** For figures that are read at a glance: rounded to whole units from 10,000. */
export function roundText(parts: bigint, digits: number): string {
  const isLarge = parts >= MIN_LARGE || parts <= -MIN_LARGE;
  return amountText(parts, isLarge ? 0 : digits);
}

/** "1234.50" as "1,234.50". */
export function grouped(amount: string): string {
  return amount.replaceAll(/(?<!\.\d*)\B(?=(\d{3})+(?!\d))/g, ",");
}
