/** Random prices, tiers and histories: valid, and often at the edges (steps, ties, stubs, caps that are hit). */
import fc from "fast-check";
import type { PriceFields, PriceTierFields } from "../../src/billing/compile-price.ts";
import { compilePrice } from "../../src/billing/compile-price.ts";
import { isMonotonic } from "../../src/billing/price.ts";
import type { TaxRate } from "../../src/billing/tax.ts";
import type { OverageFields, OverageQuota, PlanFields } from "../../src/billing/terms.ts";
import { DAY_MS, HOUR_MS } from "../../src/core/time.ts";
import { periodFrom } from "../../src/billing/period.ts";
import type { History, HistoryEvent, TierFields } from "./history.ts";

const ROUTES = ["/identify", "/batch", "/compare"];
const UNITS = ["requests", "tokens"];

/** A decimal string of up to `decimals` decimals. */
function decimal(max: number, decimals: number): fc.Arbitrary<string> {
  return fc.tuple(fc.nat(max), fc.nat(decimals)).map(([digits, scale]) => {
    const text = String(digits).padStart(scale + 1, "0");
    return scale === 0 ? text : `${text.slice(0, -scale)}.${text.slice(-scale)}`;
  });
}

const unitPrice = fc.oneof(decimal(9_999, 12), fc.constantFrom("0", "0.01", "0.0005", "1", "0.000000000001"));
const fee = fc.oneof(decimal(200_000, 3), fc.constantFrom("0", "99", "0.005", "45.16"));

/** A quantity in tokens: small, with thousandths, or large. */
const tokens = fc.oneof(
  fc.integer({ min: 1, max: 3_000 }).map((milli) => milli / 1000),
  fc.integer({ min: 1, max: 200 }),
  fc.integer({ min: 1, max: 2_000_000 }),
);

const tierCharge: fc.Arbitrary<Omit<PriceTierFields, "upTo">> = fc.oneof(
  unitPrice.map((unit) => ({ unit })),
  fee.map((flat) => ({ flat })),
  fc.record({ unit: unitPrice, flat: fee }),
);

const tieredPrice = fc
  .tuple(
    fc.constantFrom("graduated" as const, "volume" as const),
    fc.uniqueArray(tokens, { maxLength: 4 }),
    fc.array(tierCharge, { minLength: 5, maxLength: 5 }),
  )
  .map(([model, steps, charges]): PriceFields => {
    const upTo = [...steps.toSorted((a, b) => a - b), null];
    const tiers = charges.slice(0, upTo.length).map((charge, index) => {
      const end = upTo[index] ?? null;
      return Object.assign({ upTo: end }, charge);
    });
    return { model, tiers };
  });

export const price: fc.Arbitrary<PriceFields> = fc.oneof(
  unitPrice.map((unit): PriceFields => ({ model: "unit", unit })),
  { arbitrary: tieredPrice, weight: 3 },
  fc.record({
    model: fc.constant("package" as const),
    size: tokens,
    price: fee,
    free: fc.option(tokens, { nil: undefined }),
  }),
);

export const monotonicPrice = price.filter((fields) => {
  const compiled = compilePrice(fields);
  return compiled.kind === "price" && isMonotonic(compiled.price);
});

/** Usage in millitokens, often at a step of the price or next to it. */
export function usageNear(fields: PriceFields): fc.Arbitrary<number> {
  const steps = "tiers" in fields ? fields.tiers.flatMap(({ upTo }) => upTo ?? []) : [];
  const anywhere = [fc.nat(5_000), fc.nat(3_000_000_000)];
  const near = steps.map((step) => fc.integer({ min: -2, max: 2 }).map((off) => milliOf(step) + off));
  return fc.oneof(...anywhere, ...near).map((milli) => Math.max(0, milli));
}

export function milliOf(amount: number): number {
  return Math.round(amount * 1000);
}

const usagePrices = fc.uniqueArray(
  fc.record({ route: fc.constantFrom(...ROUTES), of: fc.constantFrom("count", ...UNITS), price }),
  { maxLength: 3, selector: ({ route, of }) => `${of} ${route}` },
);

const postpaid = fc
  .record({
    base: fee,
    minimum: fc.oneof(fc.constant("0"), fee),
    prices: fc.oneof(fc.constant([]), usagePrices),
    price,
    mode: fc.constantFrom("stop" as const, "payg" as const),
  })
  .map(({ mode, price: own, ...plan }): [PlanFields, OverageFields] => [
    plan,
    mode === "stop" ? { mode } : { mode, price: own },
  ]);
const prepaid = monotonicPrice.map((own): [PlanFields, OverageFields] => [
  {},
  { mode: "prepaid", price: own },
]);

function tierNamed(name: string): fc.Arbitrary<TierFields> {
  return fc
    .tuple(
      fc.oneof({ arbitrary: postpaid, weight: 4 }, prepaid),
      fc.constantFrom("month", "other"),
      fc.constantFrom(...UNITS),
      tokens,
      fc.boolean(),
    )
    .map(([[plan, overage], limit, unit, amount, hasQuota]): TierFields => {
      const quota: OverageQuota = { name: limit, unit, amount, overage };
      return { name, plan, quota: hasQuota || overage.mode === "prepaid" ? quota : null };
    });
}

const use: fc.Arbitrary<HistoryEvent> = fc
  .tuple(fc.constantFrom(...ROUTES), fc.constantFrom(...UNITS), fc.nat(50), usageAmount())
  .map(([route, unit, count, costMilli]) => ({
    kind: "use",
    route,
    unit,
    count: unit === "requests" ? count : 0,
    costMilli,
  }));

function usageAmount(): fc.Arbitrary<number> {
  return fc.oneof(fc.nat(5_000), fc.nat(300_000), fc.nat(5_000_000_000));
}

/** Midnights, hours and odd moments from 2023 to 2029, often at the end of a month. */
const moment = fc.oneof(
  fc.integer({ min: Date.UTC(2023, 0), max: Date.UTC(2029, 0) }),
  fc
    .tuple(fc.integer({ min: 0, max: 72 }), fc.integer({ min: -3, max: 3 }))
    .map(([month, day]) => Date.UTC(2023, month) + day * DAY_MS),
);

const rates = fc.constantFrom<TaxRate[][]>(
  [],
  [{ country: "DE", name: "VAT", percent: "19" }],
  [{ country: "DE", name: "VAT", percent: "20" }],
  [
    { country: "DE", name: "GST", percent: "5" },
    { country: "DE", name: "QST", percent: "9.975" },
    { country: "FR", name: "TVA", percent: "20" },
  ],
);

/** Where the changes of a history lie in its period: anywhere, on the hour, twice at once, or before the last one. */
function eventsIn(startMs: number, endMs: number, tiers: number): fc.Arbitrary<HistoryEvent[]> {
  const at = fc.oneof(
    fc.integer({ min: startMs - HOUR_MS, max: endMs - 1 }),
    fc.integer({ min: startMs, max: endMs - 1 }).map((ms) => ms - (ms % DAY_MS)),
    fc.constant(startMs),
  );
  const change = fc.record({
    kind: fc.constant("change" as const),
    atMs: at,
    tier: fc.nat(tiers - 1),
  });
  return fc
    .tuple(
      fc.array(fc.array(use, { maxLength: 4 }), { minLength: 1, maxLength: 5 }),
      fc.array(change, { maxLength: 4 }),
      fc.boolean(),
    )
    .map(([uses, changes, isOrdered]) => {
      const inOrder = isOrdered ? changes.toSorted((a, b) => a.atMs - b.atMs) : changes;
      return uses.flatMap((some, index) => [...some, ...inOrder.slice(index, index + 1)]);
    });
}

export const history: fc.Arbitrary<History> = fc
  .record({
    currency: fc.constantFrom("USD", "USD", "JPY", "BHD", "CLF"),
    anchorDay: fc.constantFrom(1, 15, 28, 29, 30, 31),
    startMs: moment,
    isWhole: fc.boolean(),
    tiers: fc.tuple(tierNamed("free"), tierNamed("pro")),
    spendCap: fc.option(fee, { freq: 2 }),
    budget: fc.oneof({ arbitrary: fc.constant(null), weight: 3 }, fee),
    taxes: rates,
    country: fc.constantFrom("DE", "DE", "DE", "FR", null),
    taxExempt: fc.oneof({ arbitrary: fc.constant(false), weight: 5 }, fc.constant(true)),
  })
  .chain(({ isWhole, country, taxExempt, ...own }) => {
    const first = periodFrom(own.startMs, own.anchorDay);
    const { startMs, endMs } = isWhole ? periodFrom(first.endMs, own.anchorDay) : first;
    const around = fc.integer({ min: startMs - 40 * DAY_MS, max: endMs + 40 * DAY_MS });
    return fc.record({
      ...constants({ ...own, startMs, customer: { country, taxExempt } }),
      isPrepaid: fc.constant(own.tiers.some(({ quota }) => quota?.overage?.mode === "prepaid")),
      events: eventsIn(startMs, endMs, own.tiers.length),
      grants: fc.array(
        fc
          .tuple(fc.constantFrom("month", "other"), tokens, around, fc.integer({ min: 1, max: 60 }))
          .map(([limit, amount, fromMs, days]) => ({
            limit,
            amount,
            fromMs,
            untilMs: fromMs + days * DAY_MS,
          })),
        { maxLength: 2 },
      ),
      credits: fc
        .array(fc.tuple(fc.nat(2_000_000), around, fc.option(around)), { maxLength: 3 })
        .map((credits) =>
          credits.map(([left, effectiveMs, expiresMs], index) => ({
            id: `c${index}`,
            leftMinor: String(left),
            effectiveMs,
            expiresMs,
          })),
        ),
    });
  });

function constants<T extends object>(values: T): { [K in keyof T]: fc.Arbitrary<T[K]> } {
  const entries = Object.entries(values).map(([key, value]) => [key, fc.constant(value)]);
  return Object.fromEntries(entries);
}
