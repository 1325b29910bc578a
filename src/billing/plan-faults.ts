/**
 * What is wrong with a plan and its overage, beyond the types of their fields: for the policy, before it is activated.
 *
 * src/policy/billing-faults.ts has those that need the rest of the policy: which quota may have overage, and whether routes and units
 * exist.
 */
import { compilePrice, MONEY_MESSAGE, type PriceFields } from "./compile-price.ts";
import { type BillingFault, under } from "./fault.ts";
import { parsePrice } from "./money.ts";
import { isMonotonic } from "./price.ts";
import type { OverageFields, PlanFields } from "./terms.ts";

/** Lines that one segment of a tier may come to. Bounds an invoice, also for Stripe, which accepts 250. */
const MAX_LINES = 100;

/** The base fee, the overage and the minimum have a line each. */
const LINES_WITHOUT_PRICES = 3;

/** The faults of a tier's plan, with paths from the plan. */
export function planFaults({ base = "0", minimum = "0", prices = [] }: PlanFields): BillingFault[] {
  const faults = [...moneyFaults("base", base), ...moneyFaults("minimum", minimum)];
  if (prices.length + LINES_WITHOUT_PRICES > MAX_LINES) {
    const most = MAX_LINES - LINES_WITHOUT_PRICES;
    faults.push({ path: ["prices"], message: `may have at most ${most} prices, each a line of the invoice` });
  }
  const seen = new Set<string>();
  prices.forEach(({ route, of, price }, index) => {
    faults.push(...under("prices", under(index, under("price", priceFaults(price)))));
    const key = `${of} ${route}`;
    if (seen.has(key)) {
      faults.push({ path: ["prices", index], message: `${of} of ${route} already has a price` });
    }
    seen.add(key);
  });
  return faults;
}

/** The faults of a quota's overage in a tier of this plan, with paths from the overage. */
export function overageFaults(overage: OverageFields, plan: PlanFields): BillingFault[] {
  const { mode = "stop", spendCap, price } = overage;
  const faults: BillingFault[] = spendCap === undefined ? [] : moneyFaults("spendCap", spendCap);
  if (mode === "stop") {
    const unused = (["spendCap", "price"] as const).filter((field) => overage[field] !== undefined);
    for (const field of unused)
      faults.push({ path: [field], message: "has no effect in mode stop: remove it" });
    return faults;
  }
  if (price === undefined) return [...faults, { path: ["price"], message: `is needed in mode ${mode}` }];
  faults.push(...under("price", priceFaults(price)));
  if (mode === "prepaid") faults.push(...prepaidFaults(plan));
  if (mode === "prepaid" || spendCap !== undefined) {
    const field = mode === "prepaid" ? "mode" : "spendCap";
    for (const message of capObstacles(price, plan)) faults.push({ path: [field], message });
  }
  return faults;
}

/**
 * Whether an account's own budget can be enforced: for the same reasons that a policy may not have a cap, it cannot if usage of single
 * routes has a price, or if more usage may cost less. Both arguments must be without faults.
 */
export function mayBeCapped(price: PriceFields, plan: PlanFields): boolean {
  return capObstacles(price, plan).length === 0;
}

function capObstacles(price: PriceFields, plan: PlanFields): string[] {
  const obstacles: string[] = [];
  if ((plan.prices ?? []).length > 0) {
    obstacles.push("cannot be combined with plan.prices: a cap counts the quota only");
  }
  const compiled = compilePrice(price);
  if (compiled.kind === "price" && !isMonotonic(compiled.price)) {
    obstacles.push(
      "needs a price that never falls: where a volume tier begins, more usage must not cost less in total",
    );
  }
  return obstacles;
}

function prepaidFaults({ base = "0", minimum = "0" }: PlanFields): BillingFault[] {
  const isFree = [base, minimum].every((amount) => (parsePrice(amount) ?? 0n) === 0n);
  return isFree ? [] : [{ path: ["mode"], message: "prepaid needs plan.base and plan.minimum to be 0" }];
}

function priceFaults(price: PriceFields): readonly BillingFault[] {
  const compiled = compilePrice(price);
  return compiled.kind === "faults" ? compiled.faults : [];
}

function moneyFaults(field: string, text: string): BillingFault[] {
  return parsePrice(text) === null ? [{ path: [field], message: MONEY_MESSAGE }] : [];
}
