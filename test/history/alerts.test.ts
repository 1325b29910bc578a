/** Alerts: each threshold is reported once in a billing period, as soon as usage has reached it, whatever happens in between. */
import { describe, expect, it } from "vitest";
import { EVENT_KINDS } from "../../src/event-kinds.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { type BilledUser, OPERATOR, stopTime } from "./billed-user.ts";
import { account, policy } from "./closed-user.ts";

stopTime();

type Overage = NonNullable<
  Extract<PolicyDocument["tiers"][string]["limits"][number], { kind: "quota" }>["overage"]
>;

const CENT = { model: "unit", unit: "0.01" } as const;
const PAYG: Overage = { mode: "payg", price: CENT };

function alerting(
  overage: Overage = PAYG,
  percents = [50, 80, 100],
  mode: "strict" | "auto" = "strict",
): PolicyDocument {
  const tier = (amount: number, base: string): PolicyDocument["tiers"][string] => ({
    limits: [{ name: "month", kind: "quota", amount, per: "month", overage }],
    plan: { base },
    mode,
  });
  return {
    ...policy("0", { alerts: percents }),
    tiers: { free: { limits: [] }, pro: tier(100, "0"), big: tier(1_000, "50") },
    events: [...EVENT_KINDS],
  };
}

/** What was reported, as `of:percent`, without what was seen before. */
async function alerts(user: BilledUser): Promise<string[]> {
  user.disk.flush();
  await user.object.alarm();
  user.disk.flush();
  return user.events
    .filter(({ type }) => type.startsWith("alert."))
    .map(({ data }) => `${String(data["of"])}:${String(data["percent"])}`);
}

describe("usage of what is included", () => {
  it("is reported when it reaches each threshold, not before, and once", async () => {
    const user = await account(alerting());
    await user.use("/a", 49.999);
    expect(await alerts(user)).toEqual([]);
    await user.use("/a", 0.001);
    expect(await alerts(user)).toEqual(["included:50"]);
    for (let i = 0; i < 29; i++) await user.use("/a", 1);
    expect(await alerts(user)).toEqual(["included:50"]);
    await user.use("/a", 1);
    for (let i = 0; i < 30; i++) await user.use("/a", 1);
    expect(await alerts(user)).toEqual(["included:50", "included:80", "included:100"]);
    expect(user.events.find(({ type }) => type === "alert.quota")?.data).toEqual({
      account: "ann",
      limit: "month",
      of: "included",
      percent: 50,
      used: 50,
      amount: 100,
      periodStart: "2026-01-01T00:00:00.000Z",
      periodEnd: "2026-02-01T00:00:00.000Z",
    });
  });

  it("reports several thresholds that one request reaches, each once, in order", async () => {
    const user = await account(alerting());
    await user.use("/a", 90);
    expect(await alerts(user)).toEqual(["included:50", "included:80"]);
  });

  it("is reported at 100 % in mode stop, when the last token is used", async () => {
    const user = await account(alerting({ mode: "stop" }, [100]));
    await user.use("/a", 99);
    expect(await alerts(user)).toEqual([]);
    expect(await user.use("/a", 2)).toBe(false);
    expect(await alerts(user)).toEqual([]);
    await user.use("/a", 1);
    expect(await alerts(user)).toEqual(["included:100"]);
  });

  it("is reported above 100 %, where that is paid for", async () => {
    const user = await account(alerting(PAYG, [100, 150]));
    await user.use("/a", 149);
    expect(await alerts(user)).toEqual(["included:100"]);
    await user.use("/a", 1);
    expect(await alerts(user)).toEqual(["included:100", "included:150"]);
  });

  it("is not reported again after a crash, an eviction or a new revision of the policy", async () => {
    const user = await account(alerting());
    for (let i = 0; i < 60; i++) {
      await user.use("/a", 1);
      if (i % 7 === 0) user.crash();
      if (i % 11 === 0) user.publish(alerting());
    }
    expect((await alerts(user)).filter((one) => one === "included:50")).toEqual(["included:50"]);
  });

  it("is not lost if the object dies after the alert and before it is published", async () => {
    const user = await account(alerting());
    user.isDeskDown = true;
    await user.use("/a", 50);
    user.crash();
    await user.use("/a", 1);
    user.crash();
    user.isDeskDown = false;
    user.later(310_000);
    expect(await alerts(user)).toEqual(["included:50"]);
  });

  it("is reported anew in the next period", async () => {
    const user = await account(alerting());
    await user.use("/a", 60);
    user.setTime("2026-02-03T00:00:00Z");
    await user.use("/a", 10);
    expect(await alerts(user)).toEqual(["included:50"]);
    await user.use("/a", 45);
    expect(await alerts(user)).toEqual(["included:50", "included:50"]);
    expect(user.disk.exec("SELECT * FROM notices", [])).toHaveLength(1);
  });

  it("is measured by the terms of now, after a change of tier, and once in the period", async () => {
    const user = await account(alerting());
    await user.use("/a", 60);
    expect(await alerts(user)).toEqual(["included:50"]);
    await user.object.changeTier({ tier: "big", at: "now" }, user.revision, OPERATOR);
    await user.use("/a", 500);
    expect(await alerts(user)).toEqual(["included:50"]);
    await user.use("/a", 400);
    expect(await alerts(user)).toEqual(["included:50", "included:80"]);
  });

  it("is known by settlement of what is lent", async () => {
    const user = await account(alerting(PAYG, [50], "auto"));
    const { lease } = await user.ask("/a", 1, 10_000);
    if (lease === null) throw new Error("nothing was lent");
    await user.use("/a", 45);
    expect(await alerts(user)).toEqual([]);
    const cell = { route: "/a", keyId: "", requests: 4, costMilli: 4_000, denied: 0 };
    await user.object.serve({ settlements: [{ leaseId: lease.id, cells: [cell] }], questions: [] });
    expect(await alerts(user)).toEqual(["included:50"]);
  });
});

describe("caps", () => {
  it("are reported by the money that usage costs", async () => {
    const user = await account(alerting({ ...PAYG, spendCap: "2.00" }));
    await user.use("/a", 100);
    await user.use("/a", 99.5);
    // 99.5 tokens at a cent are 1.00 when rounded, but not yet a whole dollar.
    expect((await alerts(user)).filter((one) => one.startsWith("spend"))).toEqual([]);
    await user.use("/a", 0.5);
    expect((await alerts(user)).filter((one) => one.startsWith("spend"))).toEqual(["spend_cap:50"]);
    await user.use("/a", 100);
    expect(await user.use("/a", 1)).toBe(false);
    expect((await alerts(user)).filter((one) => one.startsWith("spend"))).toEqual([
      "spend_cap:50",
      "spend_cap:80",
      "spend_cap:100",
    ]);
    const last = user.events.findLast(({ type }) => type === "alert.quota");
    expect(last?.data).toMatchObject({ amount: "2.00", currency: "USD", used: 300 });
  });

  it("of a customer are reported at once, if they are set below what has accrued", async () => {
    const user = await account(alerting());
    await user.use("/a", 200);
    const change = { budget: "0.50" };
    await user.object.changeBilling(change, user.revision, OPERATOR);
    const found = (await alerts(user)).filter((one) => one.startsWith("budget"));
    expect(found).toEqual(["budget:50", "budget:80", "budget:100"]);
    expect(user.events.findLast(({ type }) => type === "alert.budget")?.data).toMatchObject({
      amount: "0.50",
    });
  });

  it("are reported exactly, and with the last token that a small cap pays at the latest", async () => {
    const price = { model: "unit", unit: "0.0005" } as const;
    const user = await account(alerting({ mode: "payg", price }));
    await user.object.changeBilling({ budget: "0.03" }, user.revision, OPERATOR);
    await user.use("/a", 99.75);
    const budget = async (): Promise<string[]> =>
      (await alerts(user)).filter((one) => one.startsWith("budget"));
    // Half of it pays for 30 tokens beyond the 100 that are included.
    for (let i = 0; i < 30; i++) await user.use("/a", 1);
    expect(await budget()).toEqual([]);
    await user.use("/a", 1);
    expect(await budget()).toEqual(["budget:50"]);
    let last = 131;
    while (await user.use("/a", 1)) last += 1;
    expect(last).toBe(160);
    expect(await budget()).toEqual(["budget:50", "budget:80", "budget:100"]);
  });

  it("of packages are reported when the last one that they pay is used up", async () => {
    const price = { model: "package", size: 10, price: "1.00" } as const;
    const user = await account(alerting({ mode: "payg", price, spendCap: "2.50" }, [100]));
    await user.use("/a", 100);
    for (let i = 0; i < 19; i++) expect(await user.use("/a", 1)).toBe(true);
    expect(await alerts(user)).toEqual(["included:100"]);
    expect(await user.use("/a", 1)).toBe(true);
    expect(await user.use("/a", 1)).toBe(false);
    expect(await alerts(user)).toEqual(["included:100", "spend_cap:100"]);
  });

  it("of prepaid credits are reported, and once although credits are added", async () => {
    const user = await account(alerting({ mode: "prepaid", price: CENT }, [50, 100]));
    const credit = (id: string, amount: string) => ({
      id,
      kind: "paid" as const,
      amount,
      currency: null,
      effectiveMs: null,
      expiresMs: null,
      source: id,
    });
    const given = await user.object.addCredit(credit("a", "1.00"), user.revision, OPERATOR);
    expect(given.kind).toBe("credit");
    await user.use("/a", 100);
    await user.use("/a", 60);
    expect((await alerts(user)).filter((one) => one.startsWith("credits"))).toEqual(["credits:50"]);
    await user.object.addCredit(credit("b", "1.00"), user.revision, OPERATOR);
    await user.use("/a", 50);
    expect((await alerts(user)).filter((one) => one.startsWith("credits"))).toEqual(["credits:50"]);
    await user.use("/a", 90);
    expect((await alerts(user)).filter((one) => one.startsWith("credits"))).toEqual([
      "credits:50",
      "credits:100",
    ]);
    expect(await user.use("/a", 1)).toBe(false);
  });
});

it("reports only the kinds that the policy lists", async () => {
  const user = await account({ ...alerting({ ...PAYG, spendCap: "1.00" }), events: ["alert.budget"] });
  await user.object.changeBilling({ budget: "0.50" }, user.revision, OPERATOR);
  await user.use("/a", 150);
  expect(await alerts(user)).toEqual(["budget:50", "budget:80", "budget:100"]);
});
