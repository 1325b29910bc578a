/** What a tier costs, as customers of the portal read it. */
import { expect, test } from "vitest";
import { tierOffer } from "../../src/api/portal/tier-offer.ts";
import { compilePolicy, tierOf } from "../../src/policy/compile.ts";

const QUOTA = { name: "month", kind: "quota", amount: 50_000, per: "month" };

function offerOf(tier: object) {
  const policy = compilePolicy(
    {
      schema: 1,
      billing: { currency: "USD" },
      tiers: { pro: tier },
      routes: [],
      anonymousTier: "pro",
      defaultTier: "pro",
    },
    1,
  );
  if (!policy.ok) throw new Error(JSON.stringify(policy.faults));
  return tierOffer(tierOf(policy.value, "pro"));
}

test.each([
  [{ model: "unit", unit: "0.0005" }, "0.0005 each"],
  [{ model: "package", size: 1_000, price: "5" }, "5 for every 1,000 begun"],
  [{ model: "package", size: 10, price: "100", free: 2_500 }, "100 for every 10 begun, the first 2,500 free"],
  [{ model: "graduated", tiers: [{ upTo: null, unit: "10", flat: "2" }] }, "10 each and 2 once"],
  [
    {
      model: "graduated",
      tiers: [
        { upTo: 100_000, unit: "0.0005" },
        { upTo: 250_000.5, unit: "0.0004" },
        { upTo: null, unit: "0.0003" },
      ],
    },
    "0.0005 each for the first 100,000, 0.0004 each up to 250,000.5, 0.0003 each beyond that",
  ],
  [
    { model: "volume", tiers: [{ upTo: null, unit: "0.0006", flat: "10" }] },
    "all at 0.0006 each and 10 once",
  ],
  [
    {
      model: "volume",
      tiers: [
        { upTo: 1_000, unit: "2" },
        { upTo: null, unit: "1" },
      ],
    },
    "all at 2 each up to 1,000, all at 1 each above 1,000",
  ],
])("writes a price for people: %j", (price, text) => {
  expect(offerOf({ limits: [{ ...QUOTA, overage: { mode: "payg", price } }] }).price).toBe(text);
});

test("has no price where requests stop", () => {
  expect(offerOf({ limits: [QUOTA], plan: { base: "9" } })).toEqual({
    name: "pro",
    base: "9",
    included: 50_000,
    overage: "stop",
    price: null,
  });
});
