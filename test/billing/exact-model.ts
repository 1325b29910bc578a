/**
 * The slow, exact model of a bill: fractions of unlimited size, a calendar that walks from day to day, formulas of another shape.
 *
 * Takes the same history as the product. Never imports the code under test, except for types.
 */
import type { PriceFields } from "../../src/billing/compile-price.ts";
import { type Fraction, floor, fraction, isLess, least, minus, plus, times } from "../core/fraction.ts";
import { walkedPeriod } from "../core/day-walk.ts";
import type { History, TierFields } from "./history.ts";

const ZERO = fraction(0n);
const HALF = fraction(1n, 2n);

/** A decimal string. */
export function exact(text: string): Fraction {
  const [whole = "0", decimals = ""] = text.split(".");
  return fraction(BigInt(whole + decimals), 10n ** BigInt(decimals.length));
}

function most(a: Fraction, b: Fraction): Fraction {
  return isLess(a, b) ? b : a;
}

function negative(a: Fraction): Fraction {
  return minus(ZERO, a);
}

/** To the nearest integer, half away from zero. */
export function nearest(a: Fraction): bigint {
  return isLess(a, ZERO) ? -floor(plus(negative(a), HALF)) : floor(plus(a, HALF));
}

/** What usage costs in major units: graduated prices as sums of changes of slope, volume prices by the last step below the usage. */
export function modelCost(price: PriceFields, milli: number): Fraction {
  const used = fraction(milli, 1000n);
  if (milli === 0) return ZERO;
  switch (price.model) {
    case "unit":
      return times(exact(price.unit), used);
    case "package": {
      const paid = minus(used, fraction(Math.round((price.free ?? 0) * 1000), 1000n));
      if (!isLess(ZERO, paid)) return ZERO;
      const size = fraction(Math.round(price.size * 1000), 1000n);
      let packages = floor({ n: paid.n * size.d, d: paid.d * size.n });
      if (isLess(times(fraction(packages), size), paid)) packages++;
      return times(fraction(packages), exact(price.price));
    }
    case "graduated": {
      let cost = ZERO;
      let from = ZERO;
      let slope = ZERO;
      for (const { upTo, unit = "0", flat = "0" } of price.tiers) {
        const beyond = most(ZERO, minus(used, from));
        cost = plus(cost, times(minus(exact(unit), slope), beyond));
        if (isLess(from, used)) cost = plus(cost, exact(flat));
        slope = exact(unit);
        from = upTo === null ? from : fraction(Math.round(upTo * 1000), 1000n);
      }
      return cost;
    }
    case "volume": {
      const below = price.tiers.filter(({ upTo }) => upTo !== null && Math.round(upTo * 1000) < milli);
      const { unit = "0", flat = "0" } = price.tiers[below.length]!;
      return plus(times(exact(unit), used), exact(flat));
    }
  }
}

export interface ModelBill {
  readonly lines: readonly (readonly [kind: string, segment: number, minor: bigint])[];
  readonly subtotal: bigint;
  readonly taxes: readonly bigint[];
  readonly total: bigint;
  readonly credits: readonly (readonly [id: string, minor: bigint])[];
  readonly due: bigint;
}

interface ModelSegment {
  startMs: number;
  endMs: number;
  tier: TierFields;
  /** By `route unit`, and `route count`, in thousandths. */
  used: Map<string, number>;
}

function segmentsOf({ startMs, tiers, events }: History, endMs: number): ModelSegment[] {
  const segments: ModelSegment[] = [{ startMs, endMs, tier: tiers[0]!, used: new Map() }];
  for (const event of events) {
    const current = segments.at(-1)!;
    if (event.kind === "use") {
      const add = (key: string, milli: number) => current.used.set(key, (current.used.get(key) ?? 0) + milli);
      add(`${event.route} ${event.unit}`, event.costMilli);
      add(`${event.route} count`, event.count * 1000);
    } else if (event.atMs > current.startMs) {
      current.endMs = event.atMs;
      segments.push({ startMs: event.atMs, endMs, tier: tiers[event.tier]!, used: new Map() });
    } else {
      current.tier = tiers[event.tier]!;
    }
  }
  return segments;
}

function usedOf({ used }: ModelSegment, unit: string, route?: string): number {
  let sum = 0;
  for (const [key, milli] of used) {
    const [ownRoute, ownUnit] = key.split(" ");
    if (ownUnit === unit && (route === undefined || route === ownRoute)) sum += milli;
  }
  return sum;
}

/** The largest subtotal that a balance pays with its tax: searched from a first guess, cent by cent. */
function affordable(balance: bigint, percents: readonly string[]): bigint {
  const rate = percents.reduce((sum, percent) => plus(sum, times(exact(percent), fraction(1n, 100n))), ZERO);
  const withTax = (subtotal: bigint): bigint =>
    percents.reduce((sum, percent) => sum + taxOf(subtotal, percent), subtotal);
  const divisor = plus(fraction(1n), rate);
  let subtotal = floor({ n: balance * divisor.d, d: divisor.n }) + 3n;
  while (subtotal > 0n && withTax(subtotal) > balance) subtotal--;
  return subtotal;
}

function taxOf(minor: bigint, percent: string): bigint {
  return nearest(times(fraction(minor), times(exact(percent), fraction(1n, 100n))));
}

/** @param exponent of the history's currency. */
export function modelBill(history: History, exponent: number): ModelBill {
  const month = walkedPeriod("month", history.startMs, history.anchorDay);
  const fullMs = month.endMs - month.startMs;
  const scale = fraction(10n ** BigInt(exponent));
  const minorOf = (major: Fraction): bigint => nearest(times(major, scale));
  const { country, taxExempt } = history.customer;
  const rates = history.taxes.filter((rate) => !taxExempt && rate.country === country);
  const credits = history.credits
    .filter(({ effectiveMs }) => effectiveMs < month.endMs)
    .filter(({ expiresMs }) => expiresMs === null || expiresMs >= history.startMs)
    .toSorted(
      (a, b) =>
        (a.expiresMs ?? Infinity) - (b.expiresMs ?? Infinity) ||
        a.effectiveMs - b.effectiveMs ||
        (a.id < b.id ? -1 : 1),
    );
  const balance = credits.reduce((sum, { leftMinor }) => sum + BigInt(leftMinor), 0n);
  const caps = [history.spendCap, history.budget].flatMap((cap) =>
    cap === null ? [] : [floor(times(exact(cap), scale))],
  );
  const afford = affordable(
    balance,
    rates.map(({ percent }) => percent),
  );
  const granted = new Set<number>();
  const lines: [string, number, bigint][] = [];
  segmentsOf(history, month.endMs).forEach((segment, index) => {
    const share = fraction(segment.endMs - segment.startMs, BigInt(fullMs));
    const { plan, quota } = segment.tier;
    const own: [string, number, bigint][] = [];
    const base = exact(plan.base ?? "0");
    if (isLess(ZERO, base)) own.push(["base", index, minorOf(times(base, share))]);
    if (quota !== null) {
      const shared = times(fraction(Math.round(quota.amount * 1000)), share);
      let included = -floor(negative(shared));
      history.grants.forEach(({ limit, amount, fromMs, untilMs }, number) => {
        const overlaps = segment.startMs < untilMs && fromMs < segment.endMs;
        if (limit !== quota.name || !overlaps || granted.has(number)) return;
        granted.add(number);
        included += BigInt(Math.round(amount * 1000));
      });
      const over = BigInt(usedOf(segment, quota.unit ?? "requests")) - included;
      const price = quota.overage?.price;
      if (price !== undefined && over > 0n) {
        const rooms = caps.map((cap) => cap - sumOf(lines.filter(([kind]) => kind === "overage")));
        if (quota.overage?.mode === "prepaid") rooms.push(afford - sumOf(lines));
        const cost = minorOf(modelCost(price, Number(over)));
        const cutTo = rooms.map((room) => (room < 0n ? 0n : room));
        own.push(["overage", index, cutTo.reduce((a, b) => (b < a ? b : a), cost)]);
      }
    }
    for (const { route, of, price } of plan.prices ?? []) {
      const milli = usedOf(segment, of, route);
      if (milli > 0) own.push(["usage", index, minorOf(modelCost(price, milli))]);
    }
    const missing = minorOf(times(exact(plan.minimum ?? "0"), share)) - sumOf(own);
    if (missing > 0n) own.push(["minimum", index, missing]);
    lines.push(...own);
  });
  const subtotal = sumOf(lines);
  const taxes = rates.map(({ percent }) => taxOf(subtotal, percent));
  const total = taxes.reduce((a, b) => a + b, subtotal);
  let due = total;
  const paid: [string, bigint][] = [];
  for (const { id, leftMinor } of credits) {
    const minor = floor(least(fraction(BigInt(leftMinor)), fraction(due)));
    if (minor > 0n) paid.push([id, minor]);
    due -= minor;
  }
  return { lines, subtotal, taxes, total, credits: paid, due };
}

function sumOf(lines: readonly [string, number, bigint][]): bigint {
  return lines.reduce((total, [, , minor]) => total + minor, 0n);
}
