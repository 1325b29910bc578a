/** The forecast of an account's open period, in its own object: which days it is made of, and that it is rated as the period's bill is. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS } from "../../src/core/time.ts";
import type { BillingForecast } from "../../src/objects/billing.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { BilledUser, OPERATOR, stopTime } from "./billed-user.ts";
import { invoices } from "./closed-user.ts";

stopTime();

type TierDocument = PolicyDocument["tiers"][string];
type Plan = TierDocument["plan"];
type Overage = Extract<TierDocument["limits"][number], { kind: "quota" }>["overage"];

const CENT = { model: "unit", unit: "0.01" } as const;

function policy(amount: number, overage: Overage, plan: Plan = { base: "31" }): PolicyDocument {
  return {
    schema: 1,
    tiers: {
      free: { limits: [] },
      pro: {
        limits: [{ name: "month", kind: "quota", amount, per: "month", overage }],
        plan,
        mode: "strict",
      },
      plain: { limits: [], plan, mode: "strict" },
    },
    routes: [{ match: "/a" }, { match: "/b" }],
    anonymousTier: "free",
    defaultTier: "free",
    billing: { currency: "USD" },
  };
}

async function account(at: string, document: PolicyDocument, tier = "pro"): Promise<BilledUser> {
  const user = new BilledUser(Date.parse(at));
  const revision = user.publish(document);
  await user.object.createAccount("ann", { name: "Ann", tier }, OPERATOR, revision);
  return user;
}

/** One day with so much usage of a route, which ends at its end. */
async function day(user: BilledUser, tokens: number, route = "/a", keyId: string | null = null) {
  user.later(DAY_MS / 2);
  if (tokens > 0) await user.use(route, tokens, keyId);
  user.later(DAY_MS / 2);
}

async function forecastOf(user: BilledUser): Promise<BillingForecast> {
  const { forecast } = await user.billing();
  if (forecast === null) throw new Error("there is no forecast");
  return forecast;
}

describe("the days of a forecast", () => {
  it("are the complete ones since the first usage, and there must be three", async () => {
    const user = await account("2026-01-01T00:00:00Z", policy(1_000, { mode: "payg", price: CENT }));
    await day(user, 0);
    // The first day with usage is not complete: it began at noon.
    for (let i = 0; i < 3; i++) await day(user, 10);
    expect((await user.billing()).forecast).toBeNull();
    await day(user, 10);
    expect(await forecastOf(user)).toMatchObject({
      byWeekday: false,
      // 40 so far, and 10 on each of the 26 days that are left.
      usage: { expected: 300, low: 300, high: 300 },
      trend: null,
    });
  });

  it("include those without usage, and the first if it began at midnight", async () => {
    const user = await account("2026-01-01T00:00:00Z", policy(1_000, { mode: "payg", price: CENT }));
    await user.use("/a", 30);
    user.later(3 * DAY_MS);
    expect((await forecastOf(user)).usage).toEqual({ expected: 310, low: 30, high: 870 });
  });

  it("leave out today, of which only the rest is expected", async () => {
    const user = await account("2026-01-01T00:00:00Z", policy(1_000, { mode: "payg", price: CENT }));
    for (let i = 0; i < 30; i++) {
      await user.use("/a", 10);
      user.later(DAY_MS);
    }
    expect((await forecastOf(user)).usage.expected).toBe(310);
    user.later(18 * HOUR_MS);
    expect((await forecastOf(user)).usage.expected).toBe(302.5);
    await user.use("/a", 20);
    expect((await forecastOf(user)).usage.expected).toBe(322.5);
  });

  it("are those of live keys, also across months, and hours that are still in memory count", async () => {
    const user = await account("2026-01-25T00:00:00Z", policy(1_000, { mode: "payg", price: CENT }));
    const [live, test] = [await user.issueKey("live"), await user.issueKey("test")];
    for (let i = 0; i < 10; i++) {
      await user.use("/a", 10, live);
      await user.use("/a", 33, test);
      user.later(DAY_MS);
      if (i === 4) user.crash();
    }
    // 3 of February's days are over.
    expect((await forecastOf(user)).usage).toEqual({ expected: 280, low: 280, high: 280 });
  });

  it("are at most 182", async () => {
    const user = await account("2026-01-01T00:00:00Z", policy(1_000, { mode: "payg", price: CENT }));
    await user.use("/a", 900);
    user.later(DAY_MS);
    for (let i = 0; i < 200; i++) {
      await user.use("/a", 10);
      user.later(DAY_MS);
    }
    // A spike that old does not widen the band.
    const { usage, trend } = await forecastOf(user);
    expect(usage).toEqual({ expected: 310, low: 310, high: 310 });
    expect(trend).toBeNull();
  });

  it("show a trend", async () => {
    const user = await account("2026-01-01T00:00:00Z", policy(100_000, { mode: "payg", price: CENT }));
    for (let i = 0; i < 40; i++) {
      await user.use("/a", 100 + 2 * i);
      user.later(DAY_MS);
    }
    const { trend, byWeekday } = await forecastOf(user);
    expect(byWeekday).toBe(true);
    expect(trend?.perDay).toBe(2);
    expect(trend?.perWeekShare).toBeCloseTo(14 / 139);
  });
});

describe("the amount of a forecast", () => {
  /** Ten days of usage from the period's beginning: so much of each route on each day. */
  async function after10Days(document: PolicyDocument, a: number, b = 0, tier = "pro"): Promise<BilledUser> {
    const user = await account("2026-01-01T00:00:00Z", document, tier);
    for (let i = 0; i < 10; i++) {
      if (a > 0) await user.use("/a", a);
      if (b > 0) await user.use("/b", b);
      user.later(DAY_MS);
    }
    return user;
  }
  const PAYG = { mode: "payg", price: CENT } as const;
  const ROUTE_PRICE = { base: "31", prices: [{ route: "/b", of: "count", price: CENT }] };

  // 31 days of 10 are 310.
  it.each([
    ["is the base within the included amount", policy(1_000, PAYG), 10, 0, "31.00"],
    ["charges overage", policy(100, PAYG), 10, 0, "33.10"],
    ["charges overage up to the spend cap", policy(100, { ...PAYG, spendCap: "1.50" }), 10, 0, "32.50"],
    ["charges nothing beyond a hard stop", policy(100, { mode: "stop" }), 10, 0, "31.00"],
    ["charges for routes by their share", policy(1_000, PAYG, ROUTE_PRICE), 8, 2, "31.31"],
    [
      "charges for routes only until the quota stops",
      policy(100, { mode: "stop" }, ROUTE_PRICE),
      8,
      2,
      "31.10",
    ],
    ["fills up to the minimum", policy(1_000, PAYG, { minimum: "50" }), 10, 0, "50.00"],
  ])("%s", async (_name, document, a, b, amount) => {
    const user = await after10Days(document, a, b);
    expect((await forecastOf(user)).amount).toEqual({ expected: amount, low: amount, high: amount });
  });

  it("counts requests if no quota of the tier has overage", async () => {
    const user = await after10Days(policy(100, PAYG, ROUTE_PRICE), 8, 2, "plain");
    const { usage, amount } = await forecastOf(user);
    expect(usage.expected).toBe(310);
    expect(amount.expected).toBe("31.31");
  });

  it("respects the customer's own budget, and a grant", async () => {
    const user = await after10Days(policy(100, PAYG), 10);
    const grant = {
      grantId: "g1",
      limit: "month",
      amount: 150,
      untilMs: user.nowMs + DAY_MS,
      createdMs: user.nowMs,
    };
    await user.object.grant(grant, OPERATOR);
    expect((await forecastOf(user)).amount.expected).toBe("31.60");
    await user.object.changeBilling({ budget: "0.25" }, user.revision, OPERATOR);
    expect((await forecastOf(user)).amount.expected).toBe("31.25");
    expect((await forecastOf(user)).usage.expected).toBe(310);
  });

  it("is what the period comes to if usage follows the forecast", async () => {
    const user = await after10Days(policy(100, PAYG, ROUTE_PRICE), 8, 2);
    const { amount } = await forecastOf(user);
    for (let i = 10; i < 31; i++) {
      await user.use("/a", 8);
      await user.use("/b", 2);
      user.later(DAY_MS - 1);
    }
    expect((await user.billing()).accrued.subtotal).toBe(amount.expected);
    await user.passUntil("2026-02-02T00:00:00Z");
    const [draft] = invoices(user);
    expect(draft?.document.subtotalMinor).toBe(amount.expected.replace(".", ""));
  });

  it("counts from a trial's end on what follows it, as the bill does if usage follows the forecast", async () => {
    const user = await account("2026-01-01T00:00:00Z", policy(100, PAYG, { base: "31", trialDays: 14 }));
    for (let i = 0; i < 5; i++) {
      await user.use("/a", 10);
      user.later(DAY_MS);
    }
    const { amount, usage } = await forecastOf(user);
    expect(usage.expected).toBe(310);
    // The trial stops at 100. Then 17 days: 17.00, and 170 used, of which 54.839 are included.
    expect(amount.expected).toBe("18.15");
    for (let i = 5; i < 31; i++) {
      await user.use("/a", 10);
      user.later(DAY_MS - 1);
      // The trial ends at midnight.
      if (i === 13) user.setTime("2026-01-15T00:00:00Z");
    }
    const { accrued, allowance } = await user.billing();
    expect([accrued.subtotal, allowance?.used]).toEqual([amount.expected, 270]);
  });

  it("is what has accrued if nothing is expected any more", async () => {
    const user = await account("2026-01-01T00:00:00Z", policy(100, PAYG));
    await user.use("/a", 150);
    // Four weeks without usage: each weekday's mean is 0.
    user.setTime("2026-01-30T00:00:00Z");
    const { forecast, accrued } = await user.billing();
    expect(forecast?.usage).toEqual({ expected: 150, low: 150, high: 150 });
    expect(forecast?.amount.expected).toBe(accrued.subtotal);
  });

  it("lies within its band, is at least what has accrued, and never exceeds base and cap", async () => {
    const history = fc.record({
      days: fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 3, maxLength: 45 }),
      hours: fc.integer({ min: 0, max: 23 }),
      amount: fc.constantFrom(50, 300, 2_000),
      spendCap: fc.constantFrom(undefined, "0.50", "4"),
    });
    await fc.assert(
      fc.asyncProperty(history, async ({ days, hours, amount, spendCap }) => {
        const document = policy(amount, { ...PAYG, ...(spendCap === undefined ? {} : { spendCap }) });
        const user = await account("2026-01-01T00:00:00Z", document);
        for (const tokens of days) {
          if (tokens > 0) await user.use("/a", tokens);
          user.later(DAY_MS);
        }
        user.later(hours * HOUR_MS);
        const { forecast, accrued, allowance } = await user.billing();
        if (forecast === null) {
          expect(days.length - days.findIndex((tokens) => tokens > 0)).toSatisfy(
            (count: number) => count < 3 || days.every((tokens) => tokens === 0),
          );
          return;
        }
        const [{ low, expected, high }, { usage }] = [forecast.amount, forecast];
        expect(usage.low).toBeLessThanOrEqual(usage.expected);
        expect(usage.expected).toBeLessThanOrEqual(usage.high);
        expect(usage.low).toBeGreaterThanOrEqual(allowance?.used ?? 0);
        expect(Number(low)).toBeLessThanOrEqual(Number(expected));
        expect(Number(expected)).toBeLessThanOrEqual(Number(high));
        expect(Number(low)).toBeGreaterThanOrEqual(Number(accrued.subtotal));
        if (spendCap !== undefined) expect(Number(high)).toBeLessThanOrEqual(31 + Number(spendCap));
      }),
      { numRuns: 60 },
    );
  });
});
