/** Answers of the portal's API for one customer: within what is included, over it, and at a cap. */
import type { PortalSession, PortalTiers } from "../../portal/src/answers.ts";
import type { PortalBilling } from "../../portal/src/portal-api.ts";

export const SESSION: PortalSession = {
  account: "acme",
  name: "Acme Weather GmbH",
  kind: "link",
  may: { keys: true, budget: true, tier: true },
  expiresAt: "2026-11-30T15:05:00.000Z",
};

const BILL = {
  lines: [
    { description: "pro: base fee, 2026-11-01 until 2026-12-01", amount: "99.00" },
    { description: "pro: 12,340 tokens of month beyond 1,000,000", amount: "6.17" },
  ],
  subtotal: "105.17",
  taxes: [{ name: "VAT", percent: "19", amount: "19.98" }],
  total: "125.15",
  due: "125.15",
};

export const BILLING: PortalBilling = {
  tier: "pro",
  pendingTier: null,
  trialEndsAt: null,
  period: { start: "2026-11-01T00:00:00.000Z", end: "2026-12-01T00:00:00.000Z" },
  currency: "EUR",
  spendCap: "200",
  budget: "50.00",
  accrued: BILL,
  allowance: {
    limit: "month",
    mode: "payg",
    included: 1_000_000,
    used: 1_012_340,
    amount: 1_100_000,
    stop: "budget",
  },
  forecast: {
    periodEnd: "2026-12-01T00:00:00.000Z",
    usage: { expected: 1_060_000, low: 1_030_000, high: 1_090_000 },
    amount: { expected: "129.00", low: "114.20", high: "143.70" },
  },
};

export const TIERS: PortalTiers = {
  current: "pro",
  pending: null,
  tiers: [
    { name: "free", base: "0", included: 50_000, overage: "stop", price: null },
    { name: "pro", base: "99", included: 1_000_000, overage: "payg", price: "0.0005 each" },
    { name: "enterprise", base: "499", included: null, overage: "stop", price: null },
  ],
};
