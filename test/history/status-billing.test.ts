/** What a billed account's status says of money. */
import { expect, it } from "vitest";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { BilledUser, OPERATOR, stopTime } from "./billed-user.ts";

stopTime();

function policy(billing?: PolicyDocument["billing"]): PolicyDocument {
  const quota = { name: "month", kind: "quota", amount: 100, per: "month" } as const;
  const price = { model: "unit", unit: "0.01" } as const;
  const overage = billing && ({ mode: "payg", price, spendCap: "5" } as const);
  return {
    schema: 1,
    tiers: {
      free: { limits: [quota] },
      pro: { limits: [{ ...quota, overage }], plan: billing && { base: "99" } },
    },
    routes: [{ match: "/a" }],
    anonymousTier: "free",
    defaultTier: "free",
    billing,
  };
}

async function statusOf(user: BilledUser) {
  const status = await user.object.status({ revision: user.revision, tier: "free", keyId: null });
  if (status.kind !== "status") throw new Error(status.kind);
  return status;
}

it("has what has accrued, the caps and the credits, and the quota up to its hard stop", async () => {
  const user = new BilledUser(Date.UTC(2026, 0));
  const revision = user.publish(policy({ currency: "USD" }));
  await user.object.createAccount("ann", { name: "Ann", tier: "pro" }, OPERATOR, revision);
  await user.object.changeBilling({ budget: "2" }, revision, OPERATOR);
  const credit = {
    id: "c1",
    kind: "paid",
    amount: "7",
    currency: null,
    effectiveMs: null,
    expiresMs: null,
  } as const;
  await user.object.addCredit({ ...credit, source: "top-up" }, revision, OPERATOR);
  for (let i = 0; i < 13; i++) await user.use("/a", 10);
  const { billing, limits } = await statusOf(user);
  expect(billing).toEqual({
    currency: "USD",
    accrued: "99.30",
    overage: "0.30",
    spendCap: "5",
    budget: "2",
    credits: "7.00",
  });
  expect(limits).toMatchObject([{ name: "month", limit: 300, remaining: 170, included: 100, over: 30 }]);
});

it("has no money without billing, and the quota as it was", async () => {
  const user = new BilledUser(Date.UTC(2026, 0));
  const revision = user.publish(policy());
  await user.object.createAccount("ann", { name: "Ann", tier: "pro" }, OPERATOR, revision);
  await user.use("/a", 10);
  const status = await statusOf(user);
  expect(status).not.toHaveProperty("billing");
  expect(status.limits[0]).not.toHaveProperty("included");
});
