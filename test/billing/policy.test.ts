/**
 * Billing in a policy: each fault of a new document with its path, and what a compiled policy has of it. Stored documents compile forever,
 * so faults are found for new ones only.
 */
import { describe, expect, it } from "vitest";
import { overrideFaults } from "../../src/policy/adjust.ts";
import { compilePolicy, type Policy } from "../../src/policy/compile.ts";
import { newPolicyFaults } from "./new-policy.ts";

const CENT = { model: "unit", unit: "0.01" };
const FALLING = {
  model: "volume",
  tiers: [
    { upTo: 100, unit: "2" },
    { upTo: null, unit: "1" },
  ],
};
const QUOTA = { name: "month", kind: "quota", amount: 1_000, per: "month" };
const PAYG = { ...QUOTA, overage: { mode: "payg", price: CENT } };
const BATCH = { route: "/batch", of: "count", price: CENT };

/** A valid document with billing, with a tier or the whole document changed. */
function documentWith(tier: object, document: object = {}): object {
  return {
    schema: 1,
    billing: { currency: "USD" },
    tiers: { free: { limits: [QUOTA] }, pro: { limits: [PAYG], ...tier } },
    routes: [{ match: "/batch" }, { match: "/jobs", methods: ["POST"] }],
    anonymousTier: "free",
    defaultTier: "free",
    ...document,
  };
}

const withLimits = (...limits: object[]) => documentWith({ limits });
const withOverage = (overage: object, tier: object = {}) =>
  documentWith({ limits: [{ ...QUOTA, overage }], ...tier });
const withBilling = (billing: object) => documentWith({}, { billing: { currency: "USD", ...billing } });

function faultsIn(document: object): string[] {
  return newPolicyFaults(document).map(({ path, message }) => `${path}: ${message}`);
}

function compiled(document: object): Policy {
  const result = compilePolicy(document, 3);
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.value;
}

/** The document of docs and contract: every field. */
const COMPLETE = documentWith(
  {
    limits: [
      {
        ...QUOTA,
        overage: {
          mode: "payg",
          spendCap: "200",
          price: {
            model: "graduated",
            tiers: [
              { upTo: 100_000, unit: "0.0005" },
              { upTo: null, unit: "0.0003", flat: "1" },
            ],
          },
        },
      },
      { name: "minute", kind: "bucket", tokens: 100, per: "minute" },
      { name: "day", kind: "quota", amount: 900, per: "day" },
    ],
    plan: { base: "99", trialDays: 14, minimum: "0" },
    price: { monthly: 99, currency: "USD" },
    overage: { per: 1_000, price: 0.5 },
  },
  {
    billing: {
      currency: "USD",
      series: "INV",
      anchorDay: 15,
      dueDays: 14,
      reviewMinutes: 60,
      carryBelow: "1.00",
      costPerMillion: "0.42",
      seller: { name: "Example GmbH", address: ["Weg 1", "Berlin"], taxId: "DE1" },
      taxes: [{ country: "DE", name: "VAT", percent: "19" }],
      alerts: [50, 80, 100],
      portal: { keys: true, tiers: ["free", "pro"] },
    },
  },
);

describe("a new policy with billing", () => {
  it("may have every field", () => {
    expect(faultsIn(COMPLETE)).toEqual([]);
  });

  it.each([
    [
      "prices of routes, by their ids",
      documentWith({ plan: { prices: [BATCH, { ...BATCH, route: "POST /jobs" }] } }),
    ],
    ["a price that may fall, without a cap", withOverage({ mode: "payg", price: FALLING })],
    ["a prepaid quota", withOverage({ mode: "prepaid", price: CENT }, { plan: { base: "0", trialDays: 7 } })],
    ["a quota that stops, prorated", withOverage({ mode: "stop" })],
    ["no amount at all", documentWith({ plan: {} })],
    [
      "a tier in shadow, except for its overage",
      documentWith({ limits: [{ ...PAYG, shadow: false }], shadow: true }),
    ],
  ])("may have %s", (_what, document) => {
    expect(faultsIn(document)).toEqual([]);
  });

  it.each<[what: string, document: object, fault: string]>([
    [
      "an unknown currency",
      withBilling({ currency: "XXX" }),
      '/billing/currency: "XXX" is not a currency of ISO 4217',
    ],
    [
      "a currency in small letters",
      withBilling({ currency: "usd" }),
      "/billing/currency: must be a code of ISO 4217",
    ],
    ["no currency", documentWith({}, { billing: {} }), "/billing/currency: is missing: expected string"],
    ["an unknown field", withBilling({ vat: "19" }), "/billing/vat: is not a known field"],
    ["a wrong series", withBilling({ series: "inv-" }), "/billing/series: must be 1 to 12 of A-Z and 0-9"],
    ["the 32nd as anchor", withBilling({ anchorDay: 32 }), "/billing/anchorDay: Too big"],
    [
      "a wrong amount to carry",
      withBilling({ carryBelow: "1,00" }),
      "/billing/carryBelow: must be an amount as a string",
    ],
    [
      "a negative cost",
      withBilling({ costPerMillion: "-0.42" }),
      "/billing/costPerMillion: must be an amount as a string",
    ],
    [
      "a tax above 100 %",
      withBilling({ taxes: [{ country: "DE", name: "VAT", percent: "101" }] }),
      '/billing/taxes/0/percent: must be a string from "0" to "100"',
    ],
    ["alerts that do not increase", withBilling({ alerts: [80, 80] }), "/billing/alerts/1: must be above 80"],
    [
      "a tier of the portal that does not exist",
      withBilling({ portal: { tiers: ["free", "gold"] } }),
      '/billing/portal/tiers/1: unknown tier "gold" (known: free, pro)',
    ],
    [
      "two overage quotas in a tier",
      withLimits(PAYG, { ...PAYG, name: "second" }),
      '/tiers/pro/limits/1/overage: the limit "month" already has overage',
    ],
    ["overage by key", withLimits({ ...PAYG, scope: "key" }), "/tiers/pro/limits/0/scope: must be user"],
    ["overage per day", withLimits({ ...PAYG, per: "day" }), "/tiers/pro/limits/0/per: must be month"],
    [
      "overage in shadow",
      withLimits({ ...PAYG, shadow: true }),
      "/tiers/pro/limits/0/shadow: a quota with overage cannot be in shadow",
    ],
    [
      "overage in a tier in shadow",
      documentWith({ limits: [PAYG], shadow: true }),
      "/tiers/pro/shadow: a quota with overage cannot be in shadow",
    ],
    [
      "an anchor day of the quota's own",
      withLimits({ ...PAYG, anchorDay: 5 }),
      "/tiers/pro/limits/0/anchorDay: an overage quota counts in the account's billing period: set billing.anchorDay",
    ],
    [
      "overage of a bucket",
      withLimits({ name: "minute", kind: "bucket", tokens: 5, per: "minute", overage: { mode: "stop" } }),
      "/tiers/pro/limits/0/overage: is not a known field",
    ],
    [
      "overage of a route's quota",
      documentWith({}, { routes: [{ match: "/batch", limits: [{ ...PAYG, name: "batch" }] }] }),
      "/routes/0/limits/0/overage: only a tier's quota may have overage",
    ],
    [
      "price tiers that do not increase",
      withOverage({
        mode: "payg",
        price: {
          model: "graduated",
          tiers: [
            { upTo: 9, unit: "1" },
            { upTo: 9, unit: "1" },
            { upTo: null, unit: "1" },
          ],
        },
      }),
      "/tiers/pro/limits/0/overage/price/tiers/1/upTo: must be above 9",
    ],
    [
      "a price without a model",
      withOverage({ mode: "payg", price: { unit: "1" } }),
      "/tiers/pro/limits/0/overage/price",
    ],
    ["no price", withOverage({ mode: "payg" }), "/tiers/pro/limits/0/overage/price: is needed in mode payg"],
    [
      "a price in mode stop",
      withOverage({ price: CENT }),
      "/tiers/pro/limits/0/overage/price: has no effect in mode stop",
    ],
    [
      "a cap with prices of routes",
      withOverage({ mode: "payg", price: CENT, spendCap: "5" }, { plan: { prices: [BATCH] } }),
      "/tiers/pro/limits/0/overage/spendCap: cannot be combined with plan.prices",
    ],
    [
      "a cap on a price that falls",
      withOverage({ mode: "payg", price: FALLING, spendCap: "5" }),
      "/tiers/pro/limits/0/overage/spendCap: needs a price that never falls",
    ],
    [
      "prepaid on a price that falls",
      withOverage({ mode: "prepaid", price: FALLING }),
      "/tiers/pro/limits/0/overage/mode: needs a price that never falls",
    ],
    [
      "prepaid with a base",
      withOverage({ mode: "prepaid", price: CENT }, { plan: { base: "1" } }),
      "/tiers/pro/limits/0/overage/mode: prepaid needs plan.base and plan.minimum to be 0",
    ],
    [
      "more than 100 possible lines",
      documentWith(
        { plan: { prices: Array.from({ length: 98 }, (_, i) => ({ ...BATCH, route: `/r${i}` })) } },
        { routes: Array.from({ length: 98 }, (_, i) => ({ match: `/r${i}` })) },
      ),
      "/tiers/pro/plan/prices: may have at most 97 prices",
    ],
    ["a base that is a number", documentWith({ plan: { base: 99 } }), "/tiers/pro/plan/base: Invalid input"],
    [
      "a negative base",
      documentWith({ plan: { base: "-1" } }),
      "/tiers/pro/plan/base: must be an amount as a string",
    ],
    [
      "a trial of a year and two days",
      documentWith({ plan: { trialDays: 367 } }),
      "/tiers/pro/plan/trialDays: Too big",
    ],
    [
      "a price of an unknown route",
      documentWith({ plan: { prices: [{ ...BATCH, route: "/jobs" }] } }),
      "/tiers/pro/plan/prices/0/route: is not a route of this policy (known: /batch, POST /jobs)",
    ],
    [
      "a price in an unknown unit",
      documentWith({ plan: { prices: [{ ...BATCH, of: "tokens" }] } }),
      '/tiers/pro/plan/prices/0/of: "tokens" is not counted (known: count, requests)',
    ],
  ])("is rejected with %s", (_what, document, fault) => {
    expect(faultsIn(document)).toHaveLength(1);
    expect(faultsIn(document)[0]).toContain(fault);
  });

  it("lists all of its faults at once", () => {
    const document = documentWith(
      { plan: { base: "x", prices: [BATCH, BATCH] } },
      { billing: { currency: "XXX" } },
    );
    expect(faultsIn(document).map((fault) => fault.split(":")[0])).toEqual([
      "/billing/currency",
      "/tiers/pro/plan/base",
      "/tiers/pro/plan/prices/1",
    ]);
  });
});

describe("a policy without billing", () => {
  it("may not have fields that would have no effect", () => {
    const says = 'has no effect without billing: add "billing" to the policy, or remove it';
    expect(faultsIn(documentWith({ plan: {} }, { billing: undefined }))).toEqual([
      `/tiers/pro/plan: ${says}`,
      `/tiers/pro/limits/0/overage: ${says}`,
    ]);
  });

  it("has the limits that it had, with the informational price and overage of before", () => {
    const informational = { price: { monthly: 99, currency: "USD" }, overage: { per: 1_000, price: 0.5 } };
    const limits = [{ ...QUOTA, anchorDay: 5 }];
    const document = documentWith({ limits, ...informational }, { billing: undefined });
    expect(faultsIn(document)).toEqual([]);
    const policy = compiled(document);
    expect(policy.billing).toBeNull();
    expect(policy.tiers.get("pro")).toMatchObject({
      billing: null,
      limits: [{ limit: { kind: "quota", amountMilli: 1_000_000, anchorDay: 5 } }],
    });
  });
});

describe("a compiled policy with billing", () => {
  it("has what bills are made from, and counts an overage quota in the billing period alone", () => {
    const { tiers, billing } = compiled(COMPLETE);
    expect(billing).toMatchObject({ currency: "USD", anchorDay: 15 });
    const pro = tiers.get("pro")!;
    expect(pro.billing).toMatchObject({
      billing: { currency: "USD" },
      plan: { base: "99" },
      overage: { limit: "month", fields: { mode: "payg", spendCap: "200" } },
    });
    const anchors = pro.limits.flatMap(({ limit }) =>
      limit.kind === "quota" ? [[limit.name, limit.anchorDay]] : [],
    );
    expect(anchors).toEqual([
      ["month", 15],
      ["day", 1],
    ]);
    expect(tiers.get("free")!.billing).toMatchObject({ plan: {}, overage: null });
  });

  it("does not let an account's own numbers take an overage quota out of the billing period", () => {
    const pro = compiled(COMPLETE).tiers.get("pro")!;
    expect(overrideFaults(pro, { month: { amount: 5, per: "month" } })).toEqual([]);
    expect(overrideFaults(pro, { month: { per: "day" } })).toEqual([
      {
        path: "/limits/month/per",
        message: "must be month: the limit has overage, which is billed for a month",
      },
    ]);
  });

  it("compiles forever once it is stored, with whatever a later check rejects", () => {
    const faulty = withOverage({ mode: "payg", price: FALLING, spendCap: "5" });
    expect(faultsIn(faulty)).toHaveLength(1);
    expect(compilePolicy(faulty, 3).ok).toBe(true);
  });
});
