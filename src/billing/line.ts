/** The lines of a bill: what rating makes, and what an invoice stores. Texts are English, in UTC, and without a currency. */
import type { Span } from "../core/calendar.ts";
import { formatMoney } from "./money.ts";
import { costParts, type Price, type PricePart } from "./price.ts";

/** Rating makes the first four. Adjustments and amounts carried from an earlier period come from the invoice. */
export type LineKind = "base" | "overage" | "usage" | "minimum" | "adjustment" | "carried";

/** How one price tier, or the packages, add to a line. All are decimal strings; `amount` is exact, before rounding. */
export interface LineDetail {
  readonly quantity: string;
  /** Per token; of packages, per package. As configured. */
  readonly unitPrice: string;
  readonly flat: string;
  readonly amount: string;
}

export interface Line {
  readonly kind: LineKind;
  /** Index of the segment that it charges for; null for adjustments and carried amounts. */
  readonly segment: number | null;
  /** The route of a `usage` line; null for others. */
  readonly route: string | null;
  readonly description: string;
  /** Usage that the line charges for, in tokens or requests; null if it does not charge for usage. */
  readonly quantity: string | null;
  /** The only price per token of the line, as configured; null if it has none or several. The base fee: of a whole period. */
  readonly unitPrice: string | null;
  readonly detail: readonly LineDetail[];
  /** The amount before tax, in minor units. Negative only in adjustments. */
  readonly minor: bigint;
}

/** The parts of a line that a price determines. */
export function pricedParts(
  price: Price,
  milli: number,
): Pick<Line, "quantity" | "unitPrice" | "detail"> & { readonly femto: bigint } {
  const parts = costParts(price, milli);
  const [only, ...others] = parts;
  const isSimple =
    only !== undefined && others.length === 0 && only.packages === null && only.flatFemto === 0n;
  return {
    quantity: formatMilli(BigInt(milli)),
    unitPrice: isSimple ? formatMoney(only.unitFemto) : null,
    detail: parts.map(detailOf),
    femto: parts.reduce((sum, { amountFemto }) => sum + amountFemto, 0n),
  };
}

/** Thousandths as a decimal string: 100500n is "100.5". */
export function formatMilli(milli: bigint): string {
  return formatMoney(milli * MONEY_PER_MILLI);
}

/** For texts: {@link formatMilli} with thousands separated, "1,000,000.5". */
export function formatQuantity(milli: bigint): string {
  const [whole = "", decimals] = formatMilli(milli).split(".");
  const first = whole.length % 3 || 3;
  const grouped = [whole.slice(0, first), ...(whole.slice(first).match(/\d{3}/g) ?? [])].join(",");
  return decimals === undefined ? grouped : `${grouped}.${decimals}`;
}

/** "2026-01-01 until 2026-01-15", with the time unless both are at midnight UTC. The end is not part of it. */
export function formatSpan({ startMs, endMs }: Pick<Span, "startMs" | "endMs">): string {
  const times = [startMs, endMs].map((ms) => new Date(ms).toISOString());
  const atMidnight = times.every((time) => time.endsWith(MIDNIGHT));
  return times.map((time) => (atMidnight ? time.slice(0, -MIDNIGHT.length) : time)).join(" until ");
}

const MIDNIGHT = "T00:00:00.000Z";

/** {@link formatMoney} has 15 decimals, a quantity 3. */
const MONEY_PER_MILLI = 10n ** 12n;

function detailOf({ quantityMilli, unitFemto, packages, flatFemto, amountFemto }: PricePart): LineDetail {
  return {
    quantity: packages === null ? formatMilli(quantityMilli) : String(packages),
    unitPrice: formatMoney(unitFemto),
    flat: formatMoney(flatFemto),
    amount: formatMoney(amountFemto),
  };
}
