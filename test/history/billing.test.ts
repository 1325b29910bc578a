/** Periods, segments and changes of terms of one account, in its own object, in mid-traffic. */
import { describe, expect, it } from "vitest";
import { DAY_MS } from "../../src/core/time.ts";
import type { Lease } from "../../src/objects/object-call.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { BilledUser, OPERATOR, stopTime } from "./billed-user.ts";

stopTime();

type TierDocument = PolicyDocument["tiers"][string];
type Overage = Extract<TierDocument["limits"][number], { kind: "quota" }>["overage"];

function tier(amount: number, overage: Overage, plan: TierDocument["plan"] = {}): TierDocument {
  return { limits: [{ name: "month", kind: "quota", amount, per: "month", overage }], plan, mode: "strict" };
}

const CENT = { model: "unit", unit: "0.01" } as const;
const FREE = tier(100, { mode: "stop" });
const PRO = tier(1_000, { mode: "payg", price: CENT, spendCap: "5" }, { base: "31" });
const rate = (tokens: number, per: "minute" | "day", base: string): TierDocument => ({
  limits: [{ name: "rate", kind: "bucket", tokens, per, burst: 1_000 }],
  plan: { base },
  durability: "exact",
  mode: "strict",
});
const FAST = rate(6_000, "minute", "29");
const SLOW = rate(60, "minute", "0");
const MAX = tier(10_000, { mode: "payg", price: CENT }, { base: "310" });

function policy(
  tiers: PolicyDocument["tiers"] = { free: FREE, pro: PRO, max: MAX },
  billing: PolicyDocument["billing"] = { currency: "USD" },
): PolicyDocument {
  return {
    schema: 1,
    tiers,
    routes: [{ match: "/a" }, { match: "/b" }],
    anonymousTier: "free",
    defaultTier: "free",
    billing,
  };
}

async function account(at: string, tierName = "pro", document = policy()): Promise<BilledUser> {
  const user = new BilledUser(Date.parse(at));
  const revision = user.publish(document);
  await user.object.createAccount("ann", { name: "Ann", tier: tierName }, OPERATOR, revision);
  return user;
}

/** Periods and segments as text, with each segment's base fee. */
async function spans(user: BilledUser): Promise<string[]> {
  const { segments } = await user.billing();
  const date = (ms: number): string => new Date(ms).toISOString().replace("T00:00:00.000Z", "");
  return segments.map(({ startMs, endMs, tier: name }) => `${name} ${date(startMs)} ${date(endMs)}`);
}

describe("a period", () => {
  it("begins with the account and is switched by the first turn after its end, with every idle month in between", async () => {
    const user = await account("2026-01-20T00:00:00Z");
    await user.use("/a", 3);
    expect(await spans(user)).toEqual(["pro 2026-01-20 2026-02-01"]);
    user.setTime("2026-04-10T10:30:00Z");
    await user.use("/a", 1);
    const periods = user.periods().map(({ period }) => new Date(period.startMs).toISOString().slice(0, 10));
    expect(periods).toEqual(["2026-01-20", "2026-02-01", "2026-03-01", "2026-04-01"]);
    expect((await user.billing()).accrued.total).toBe("31.00");
  });
});

function withoutOverage(limit: TierDocument["limits"][number]): TierDocument["limits"][number] {
  return { name: limit.name, kind: "quota", amount: 100, per: "month" };
}

describe("a change of tier", () => {
  it("upgrades now by default and cuts the period at the usage so far", async () => {
    const user = await account("2026-01-01T00:00:00Z", "free");
    for (let i = 0; i < 4; i++) await user.use("/a", 10);
    user.setTime("2026-01-11T00:00:00Z");
    const change = { tier: "pro", at: null };
    const preview = await user.object.previewTier(change, user.revision);
    const changed = await user.object.changeTier(change, user.revision, OPERATOR);
    if (changed.kind !== "changed" || preview.kind !== "preview") throw new Error(changed.kind);
    expect(changed.at).toBe("now");
    expect(preview.preview.after).toEqual(changed.billing.accrued);
    expect(preview.preview.allowance).toEqual(changed.billing.allowance);
    expect(await spans(user)).toEqual(["free 2026-01-01 2026-01-11", "pro 2026-01-11 2026-02-01"]);
    expect(changed.billing.accrued.total).toBe("21.00");
    // 40 used before, 21 of 31 days of 1,000, and 5.00 at a cent each.
    expect(changed.billing.allowance).toMatchObject({
      included: 717.42,
      amount: 1_217.42,
      stop: "spend_cap",
    });
  });

  it("waits with a downgrade for the period's end, and the next period begins with the new tier", async () => {
    const user = await account("2026-01-01T00:00:00Z", "max");
    const changed = await user.object.changeTier({ tier: "pro", at: null }, user.revision, OPERATOR);
    expect(changed).toMatchObject({ kind: "changed", at: "period_end" });
    expect((await user.billing()).pendingTier).toBe("pro");
    user.later(31 * DAY_MS);
    await user.use("/a", 1);
    const billing = await user.billing();
    expect(billing).toMatchObject({ tier: "pro", pendingTier: null });
    expect(await spans(user)).toEqual(["pro 2026-02-01 2026-03-01"]);
    expect(user.object.account()).toMatchObject({ account: { tier: "pro" } });
  });

  it("with the period's end refills at the new rate from that moment on, though the next request comes later", async () => {
    const user = await account("2026-01-01T00:00:00Z", "pro", policy({ free: SLOW, pro: FAST }));
    await user.object.changeTier({ tier: "free", at: null }, user.revision, OPERATOR);
    user.setTime("2026-01-31T23:59:59Z");
    expect(await user.use(null, 1_000)).toBe(true);
    user.setTime("2026-02-01T00:01:00Z");
    // A second at 100, then a minute at one a second.
    expect(await user.use(null, 161)).toBe(false);
    expect(await user.use(null, 160)).toBe(true);
  });

  it("with the period's end, and a policy that raises the rate after it: the time before counts at the old one", async () => {
    const user = await account("2026-01-01T00:00:00Z", "free", policy({ free: SLOW, pro: FAST }));
    user.setTime("2026-01-31T23:59:00Z");
    expect(await user.use(null, 1_000)).toBe(true);
    user.setTime("2026-02-01T00:01:00Z");
    user.publish(policy({ free: FAST, pro: FAST }));
    expect(await user.use(null, 121)).toBe(false);
    expect(await user.use(null, 120)).toBe(true);
  });
});

describe("changing tiers back and forth", () => {
  /** What is admitted if the account changes tier each day, as often as it can. */
  async function admittedIn(
    first: string,
    second: string,
    tiers: PolicyDocument["tiers"],
    budget: string | null,
  ) {
    const user = await account("2026-01-01T00:00:00Z", first, policy({ free: FREE, ...tiers }));
    await user.object.changeBilling({ budget }, user.revision, OPERATOR);
    let admitted = 0;
    for (let i = 0; i < 20; i++) {
      while (await user.use("/a", 25)) admitted += 25;
      user.later(3_600_000);
      const change = { tier: i % 2 === 0 ? second : first, at: "now" } as const;
      await user.object.changeTier(change, user.revision, OPERATOR);
    }
    return {
      admitted,
      overage: (await user.billing()).accrued.lines.filter(({ kind }) => kind === "overage"),
    };
  }

  it("gives no included amount twice where nobody pays for what exceeds it", async () => {
    const stops = { second: tier(100, { mode: "stop" }) };
    expect(await admittedIn("free", "second", stops, null)).toEqual({ admitted: 100, overage: [] });
    // Through a tier that charges, but whose cap allows nothing: once by each.
    const capped = { pro: tier(100, { mode: "payg", price: CENT }) };
    const { admitted, overage } = await admittedIn("free", "pro", capped, "0");
    expect(admitted).toBeLessThanOrEqual(200);
    expect(overage.every(({ amount }) => amount === "0.00")).toBe(true);
  });

  it("charges for what exceeds it if a cap allows that, once", async () => {
    const tiers = {
      a: tier(100, { mode: "payg", price: CENT }),
      b: tier(100, { mode: "payg", price: CENT }),
    };
    const { admitted, overage } = await admittedIn("a", "b", tiers, "5");
    expect(admitted).toBe(600);
    expect(overage.reduce((sum, { amount }) => sum + Number(amount), 0)).toBeCloseTo(5, 9);
  });
});

describe("terms", () => {
  it("follow a changed policy with the next period, or with a change to the same tier now", async () => {
    const user = await account("2026-01-01T00:00:00Z");
    user.publish(policy({ free: FREE, pro: { ...PRO, plan: { base: "62" } } }));
    await user.use("/a", 1);
    expect((await user.billing()).accrued.total).toBe("31.00");
    user.setTime("2026-01-16T12:00:00Z");
    await user.object.changeTier({ tier: "pro", at: "now" }, user.revision, OPERATOR);
    expect((await user.billing()).accrued.total).toBe("46.50");
    user.setTime("2026-02-10T00:00:00Z");
    expect((await user.billing()).accrued.total).toBe("62.00");
  });

  it("outlive their tier until the period ends, and follow it when it is brought back", async () => {
    const user = await account("2026-01-01T00:00:00Z");
    user.publish(policy({ free: FREE, max: MAX }));
    user.setTime("2026-01-20T00:00:00Z");
    expect((await user.billing()).accrued.total).toBe("31.00");
    user.setTime("2026-02-20T00:00:00Z");
    expect(await spans(user)).toEqual(["free 2026-02-01 2026-03-01"]);
    user.publish(policy());
    user.setTime("2026-03-20T00:00:00Z");
    expect(await spans(user)).toEqual(["pro 2026-03-01 2026-04-01"]);
  });

  it("take an account's own amount of the quota now, prorated", async () => {
    const user = await account("2026-01-01T00:00:00Z", "free");
    user.setTime("2026-01-11T00:00:00Z");
    await user.object.changeAccount({ overrides: { month: { amount: 3_100 } } }, OPERATOR, user.revision);
    expect((await user.billing()).allowance).toMatchObject({ included: 2_100, stop: "included" });
    await user.object.changeAccount({ name: "Ann B." }, OPERATOR, user.revision);
    expect(await spans(user)).toHaveLength(2);
  });

  it("are rejected when they have changed too often, but a trial still ends", async () => {
    const trial = tier(200, { mode: "payg", price: CENT }, { base: "62", trialDays: 10 });
    const user = await account(
      "2026-01-01T00:00:00Z",
      "a",
      policy({ free: FREE, a: trial, b: { ...trial } }),
    );
    let kind = "changed";
    for (let i = 0; i < 70; i++) {
      user.later(1_000);
      const change = { tier: "a", at: "now" } as const;
      user.publish(
        policy({ free: FREE, a: { ...trial, plan: { ...trial.plan, prices: price(`0.0${1 + (i % 9)}`) } } }),
      );
      ({ kind } = await user.object.changeTier(change, user.revision, OPERATOR));
    }
    expect(kind).toBe("too-many-segments");
    expect(await spans(user)).toHaveLength(63);
    user.setTime("2026-01-12T00:00:00Z");
    expect((await spans(user)).at(-1)).toBe("a 2026-01-11 2026-02-01");
  });
});

function price(unit: string) {
  return [{ route: "/b", of: "count", price: { model: "unit", unit } } as const];
}

describe("a trial", () => {
  const trial = tier(310, { mode: "payg", price: CENT }, { base: "31", trialDays: 10 });

  it("is free, stops at the included amount, ends on time however late the next request is, and is given once", async () => {
    const user = await account("2026-01-01T00:00:00Z", "trial", policy({ free: FREE, trial }));
    expect(await user.billing()).toMatchObject({ accrued: { total: "0.00" }, allowance: { mode: "stop" } });
    await user.use("/a", 200);
    expect(await user.use("/a", 200)).toBe(false);
    user.setTime("2026-01-20T00:00:00Z");
    expect(await user.use("/a", 200)).toBe(true);
    const billing = await user.billing();
    expect(await spans(user)).toEqual(["trial 2026-01-01 2026-01-11", "trial 2026-01-11 2026-02-01"]);
    expect(billing.segments.map(({ usage }) => usage.map(({ cost }) => cost))).toEqual([[200], [200]]);
    expect(billing.accrued.total).toBe("21.00");
    await user.object.changeTier({ tier: "free", at: "now" }, user.revision, OPERATOR);
    await user.object.changeTier({ tier: "trial", at: "now" }, user.revision, OPERATOR);
    expect(await user.billing()).toMatchObject({ allowance: { mode: "payg" } });
  });

  it("that changes no terms cuts nothing when it ends, so that all of the included amount stays", async () => {
    const same = tier(310, { mode: "stop" }, { trialDays: 10 });
    const user = await account("2026-01-01T00:00:00Z", "same", policy({ free: FREE, same }));
    user.setTime("2026-01-20T00:00:00Z");
    expect(await spans(user)).toEqual(["same 2026-01-01 2026-02-01"]);
    expect((await user.billing()).allowance).toMatchObject({ included: 310 });
  });

  it("is over for an account that was there long before billing", async () => {
    const user = new BilledUser(Date.parse("2026-01-01T00:00:00Z"));
    const { billing: _none, ...plain } = policy({ free: { limits: [] } });
    user.publish(plain);
    await user.use("/a", 7);
    await user.object.createAccount("ann", { name: "", tier: "trial" }, OPERATOR);
    expect(user.periods()).toEqual([]);
    user.setTime("2026-02-11T00:00:00Z");
    user.publish(policy({ free: FREE, trial }));
    await user.object.openBilling(user.revision);
    expect(await spans(user)).toEqual(["trial 2026-02-11 2026-03-01"]);
    expect(await user.billing()).toMatchObject({ accrued: { total: "19.93" }, allowance: { mode: "payg" } });
  });
});

describe("an anchor day", () => {
  it("of the account applies from the next period on, which is a stub, and never drifts", async () => {
    const user = await account("2026-01-01T00:00:00Z", "free");
    await user.object.changeBilling({ anchorDay: 31 }, user.revision, OPERATOR);
    expect(await spans(user)).toEqual(["free 2026-01-01 2026-02-01"]);
    for (let i = 0; i < 3; i++) await user.use("/a", 10);
    const ends: string[] = [];
    for (const at of ["2026-02-02", "2026-03-01", "2026-03-31", "2026-05-01"]) {
      user.setTime(`${at}T00:00:00Z`);
      await user.use("/a", 1);
      ends.push(...(await spans(user)));
    }
    expect(ends).toEqual([
      "free 2026-02-01 2026-02-28",
      "free 2026-02-28 2026-03-31",
      "free 2026-03-31 2026-04-30",
      "free 2026-04-30 2026-05-31",
    ]);
  });

  it("leaves a stub its own share of the quota, although the counter's month begins earlier", async () => {
    const user = await account("2026-01-01T00:00:00Z", "free");
    await user.object.changeBilling({ anchorDay: 20 }, user.revision, OPERATOR);
    user.setTime("2026-01-25T00:00:00Z");
    for (let i = 0; i < 5; i++) await user.use("/a", 20);
    expect(await user.use("/a", 1)).toBe(false);
    user.setTime("2026-02-05T00:00:00Z");
    // 19 of 31 days of 100: 61.291.
    for (let i = 0; i < 6; i++) expect(await user.use("/a", 10)).toBe(true);
    expect(await user.use("/a", 2)).toBe(false);
    expect(await user.use("/a", 1)).toBe(true);
  });
});

describe("a grant", () => {
  const grantOf = (user: BilledUser, amount: number, days: number) => ({
    grantId: `g${amount}`,
    limit: "month",
    amount,
    untilMs: user.nowMs + days * DAY_MS,
    createdMs: user.nowMs,
  });

  it("counts once in the limit and in the bill, until the period ends", async () => {
    const user = await account("2026-01-01T00:00:00Z");
    await user.object.grant(grantOf(user, 500, 1), OPERATOR);
    expect((await user.billing()).allowance).toMatchObject({ included: 1_500, amount: 2_000 });
    user.setTime("2026-01-20T00:00:00Z");
    for (let i = 0; i < 16; i++) await user.use("/a", 100);
    expect(await user.billing()).toMatchObject({
      accrued: { total: "32.00" },
      allowance: { included: 1_500, used: 1_600, amount: 2_000 },
    });
    user.setTime("2026-02-02T00:00:00Z");
    expect((await user.billing()).allowance).toMatchObject({ included: 1_000, amount: 1_500 });
  });

  it("that is revoked leaves what it has admitted included, and no more", async () => {
    const user = await account("2026-01-01T00:00:00Z");
    await user.object.grant(grantOf(user, 500, 20), OPERATOR);
    for (let i = 0; i < 12; i++) await user.use("/a", 100);
    await user.object.revokeGrant("g500", OPERATOR);
    expect(await user.billing()).toMatchObject({
      accrued: { total: "31.00" },
      allowance: { included: 1_200 },
    });
  });
});

it("a reset refills other limits, and not the quota that is billed", async () => {
  const user = await account("2026-01-01T00:00:00Z");
  await user.use("/a", 10);
  const rejected = { kind: "billed-limit", limit: "month" };
  expect(await user.object.reset(null, OPERATOR)).toEqual(rejected);
  expect(await user.object.reset(["month"], OPERATOR)).toEqual(rejected);
  expect(await user.object.reset(["hour"], OPERATOR)).toMatchObject({ kind: "account" });
  expect((await user.billing()).allowance).toMatchObject({ used: 10 });
});

describe("a test key", () => {
  const lent = policy({ free: FREE, pro: { ...PRO, mode: "auto" } });

  it("is not billed: it uses up neither what is included nor a cap, and stops at what the tier includes in a month", async () => {
    const user = await account("2026-01-16T12:00:00Z");
    const test = await user.issueKey("test");
    const live = await user.issueKey("live");
    for (let i = 0; i < 10; i++) expect(await user.use("/a", 100, test)).toBe(true);
    const { decision } = await user.ask("/a", 1, 0, test);
    expect(decision).toMatchObject({
      allowed: false,
      violated: ["month"],
      limits: [{ name: "month", limit: 1_000, remaining: 0 }],
    });
    expect(decision).not.toHaveProperty("cap");
    expect(await user.billing()).toMatchObject({
      accrued: { total: "15.50" },
      allowance: { included: 500, used: 0, amount: 1_000 },
    });
    for (let i = 0; i < 10; i++) expect(await user.use("/a", 100, i % 2 ? live : null)).toBe(true);
    expect((await user.ask("/a", 1, 0, live)).decision).toMatchObject({ allowed: false, cap: "spend_cap" });
    expect(await user.billing()).toMatchObject({ accrued: { total: "20.50" }, allowance: { used: 1_000 } });
    expect([user.ledger(), user.ledger(0, Infinity, "test")]).toMatchObject([
      [{ route: "/a", count: 10, costMilli: 1_000_000 }],
      [{ route: "/a", count: 10, costMilli: 1_000_000 }],
    ]);
    // The next period has an own month.
    user.setTime("2026-02-01T00:00:00Z");
    expect(await user.use("/a", 1_000, test)).toBe(true);
    expect((await user.billing()).allowance).toMatchObject({ used: 0 });
  });

  it("shares all other limits with the account", async () => {
    const hour = { name: "hour", kind: "quota", amount: 100, per: "hour" } as const;
    const pro = { ...PRO, limits: [hour, ...PRO.limits] };
    const user = await account("2026-01-01T00:00:00Z", "pro", policy({ free: FREE, pro }));
    const test = await user.issueKey("test");
    expect(await user.use("/a", 60, test)).toBe(true);
    expect(await user.use("/a", 60)).toBe(false);
    expect(await user.use("/a", 40)).toBe(true);
    expect((await user.ask("/a", 1, 0, test)).decision.violated).toEqual(["hour"]);
  });

  /** A user who leases by two keys. */
  async function lessee() {
    const user = await account("2026-01-01T00:00:00Z", "pro", lent);
    const [test, live] = [await user.issueKey("test"), await user.issueKey("live")];
    const lend = async (keyId: string): Promise<Lease> => {
      const { lease } = await user.ask("/a", 1, 20_000, keyId);
      if (lease === null) throw new Error("nothing was lent");
      return lease;
    };
    const settle = async ({ id, keyId }: Lease, milli: number): Promise<void> => {
      const cell = { route: "/a", keyId: keyId ?? "", requests: 1, costMilli: milli, denied: 0 };
      await user.object.serve({ settlements: [{ leaseId: id, cells: [cell] }], questions: [] });
    };
    /** What counts in the quota of a key. Costs a token. */
    const used = async (keyId: string): Promise<number> => {
      const { limits } = (await user.ask("/a", 1, 0, keyId)).decision;
      return (limits[0]?.limit ?? 0) - (limits[0]?.remaining ?? 0);
    };
    return { user, test, live, lend, settle, used };
  }

  it("is metered and counted apart when it is lent, whether its leases are settled or expire", async () => {
    const { user, test, live, lend, settle, used } = await lessee();
    for (const keyId of [live, test]) await settle(await lend(keyId), 3_000);
    expect([await used(test), await used(live)]).toEqual([5, 5]);
    const { milli } = await lend(test);
    // Never settled: charged in full, and billed to nobody.
    user.later(8_000);
    expect([await used(test), await used(live)]).toEqual([7 + milli / 1_000, 6]);
    // Lent while the quota is made anew.
    const open = await lend(live);
    user.publish(policy({ free: { limits: [] } }));
    await user.use("/b", 1, live);
    user.publish(lent);
    const sums = [8 + milli / 1_000, 9 + open.milli / 1_000];
    expect([await used(test), await used(live)]).toEqual(sums);
    user.later(4_000);
    await user.object.serve({ settlements: [], questions: [], checkpoint: true });
    user.disk.flush();
    const costs = (["test", "live"] as const).map((mode) =>
      user.ledger(0, Infinity, mode).reduce((sum, { costMilli }) => sum + costMilli, 0),
    );
    expect(costs).toEqual([8_000, 9_000]);
  });

  it.each(["test", "live"] as const)(
    "metered by the object's next life, if it is a %s key, takes nothing back of what the others lost",
    async (mode) => {
      const { user, lend, settle, used, ...keys } = await lessee();
      const other = mode === "test" ? keys.live : keys.test;
      // Their first requests write floors that cover both leases, so storage has neither.
      for (const keyId of [other, keys[mode]]) await used(keyId);
      await lend(other);
      const lease = await lend(keys[mode]);
      user.crash();
      const before = await used(other);
      await settle(lease, 2_000);
      user.publish(policy({ free: { limits: [] } }));
      await user.use("/b", 1, other);
      user.publish(lent);
      expect(await used(other)).toBe(before + 2);
    },
  );

  it("keeps its count when billing begins, ends and begins again, and when the key is gone", async () => {
    const { billing: _none, ...plain } = policy({ free: { limits: FREE.limits.map(withoutOverage) } });
    const user = await account("2026-01-01T00:00:00Z", "free", plain);
    const test = await user.issueKey("test");
    await user.use("/a", 30, test);
    await user.use("/a", 40);
    expect((await user.ask("/a", 31)).decision.allowed).toBe(false);
    user.publish(policy());
    // Live and test usage have a count each.
    expect(await user.use("/a", 71, test)).toBe(false);
    expect(await user.use("/a", 20, test)).toBe(true);
    expect((await user.billing()).allowance).toMatchObject({ used: 40 });
    user.publish(plain);
    expect(await user.use("/a", 11)).toBe(false);
    expect(await user.use("/a", 10)).toBe(true);
    user.publish(policy());
    await user.object.revokeKey(test, OPERATOR);
    const other = await user.issueKey("test");
    expect(await user.use("/a", 51, other)).toBe(false);
    expect(await user.use("/a", 50, other)).toBe(true);
  });
});

describe("a cap", () => {
  it("that is set below what has accrued stops usage and gives nothing back", async () => {
    const user = await account("2026-01-01T00:00:00Z");
    for (let i = 0; i < 13; i++) await user.use("/a", 100);
    const changed = await user.object.changeBilling({ budget: "2" }, user.revision, OPERATOR);
    expect(changed).toMatchObject({
      billing: { accrued: { total: "34.00" }, allowance: { stop: "budget", amount: 1_200 } },
    });
    expect(await user.use("/a", 1)).toBe(false);
    await user.object.changeBilling({ budget: "3.50" }, user.revision, OPERATOR);
    expect(await user.use("/a", 50)).toBe(true);
    expect(await user.use("/a", 1)).toBe(false);
  });

  it.each(["a lower budget", "a credit that is removed"])(
    "still pays for what was lent before %s, and is settled after it",
    async (what) => {
      const mode = what === "a lower budget" ? "payg" : "prepaid";
      const auto = { ...tier(1_000, { mode, price: CENT }), mode: "auto" } as const;
      const user = await account("2026-01-01T00:00:00Z", "auto", policy({ free: FREE, auto }));
      const credit = { id: "c", kind: "paid", amount: "9", currency: null, source: "s" } as const;
      await user.object.addCredit({ ...credit, effectiveMs: null, expiresMs: null }, user.revision, OPERATOR);
      for (let i = 0; i < 11; i++) await user.use("/a", 100);
      const { lease } = await user.ask("/a", 1, 20_000);
      if (what === "a lower budget") {
        await user.object.changeBilling({ budget: "0" }, user.revision, OPERATOR);
      } else {
        const removed = await user.object.removeCredit("c", user.revision, OPERATOR);
        const left = (9 - 1.01 - (lease?.milli ?? 0) / 100_000).toFixed(2);
        expect(removed).toMatchObject({ removed: left });
      }
      expect(await user.use("/a", 1)).toBe(false);
      const cells = [{ route: "/b", keyId: "", requests: 1, costMilli: 8_000, denied: 0 }];
      await user.object.serve({ settlements: [{ leaseId: lease?.id ?? "", cells }], questions: [] });
      expect((await user.billing()).accrued.subtotal).toBe("1.09");
      expect(await user.use("/a", 1)).toBe(what !== "a lower budget");
    },
  );

  it("keeps its amount when the policy takes up another currency, until the period ends", async () => {
    const user = await account("2026-01-01T00:00:00Z");
    await user.use("/a", 1);
    const yen = {
      ...PRO,
      ...tier(1_000, { mode: "payg", price: { model: "unit", unit: "2" }, spendCap: "900" }),
    };
    user.publish(policy({ free: FREE, pro: yen }, { currency: "JPY" }));
    expect((await user.billing()).allowance).toMatchObject({ amount: 1_500, stop: "spend_cap" });
    user.setTime("2026-02-01T00:00:00Z");
    expect(await user.billing()).toMatchObject({ currency: "JPY", allowance: { amount: 1_450 } });
  });

  it.each<[what: string, tiers: PolicyDocument["tiers"]]>([
    ["its tier", { free: FREE, max: MAX }],
    ["what it caps", { free: FREE, pro: { ...PRO, ...tier(1_000, { mode: "stop" }) } }],
    ["the quota's name", { free: FREE, pro: { ...PRO, limits: [] } }],
  ])("outlives %s if the policy removes that, as the terms do", async (_what, tiers) => {
    const user = await account("2026-01-01T00:00:00Z");
    for (let i = 0; i < 14; i++) await user.use("/a", 100);
    user.publish(policy(tiers));
    for (let i = 0; i < 3; i++) await user.use("/a", 100);
    const { accrued, spendCap } = await user.billing();
    expect([spendCap, accrued.lines.find(({ kind }) => kind === "overage")?.amount]).toEqual([
      "5.00",
      "5.00",
    ]);
    user.setTime("2026-02-01T00:00:00Z");
    expect((await user.billing()).spendCap).toBeNull();
  });

  it("is told to isolates whenever it changes, for when the object does not answer", async () => {
    const user = await account("2026-01-01T00:00:00Z");
    let standingId = -1;
    const heard = async () => {
      const [first] = await user.object.serve({
        settlements: [],
        questions: [user.question("/a", 0)],
        standingId,
      });
      standingId = first?.answer.standing?.id ?? standingId;
      return first?.answer.standing?.account?.allowance ?? null;
    };
    const own = { limit: "month", anchorDay: 1, includedMilli: 1_000_000 };
    expect(await heard()).toEqual({ ...own, amountMilli: 1_500_000, cap: "spend_cap" });
    expect(await heard()).toBeNull();
    await user.object.changeBilling({ budget: "2" }, user.revision, OPERATOR);
    expect(await heard()).toEqual({ ...own, amountMilli: 1_200_000, cap: "budget" });
    user.later(3 * 3_600_000);
    expect(await heard()).toBeNull();
    user.setTime("2026-02-01T00:00:00Z");
    await user.object.changeTier({ tier: "max", at: "now" }, user.revision, OPERATOR);
    await user.object.changeBilling({ budget: null }, user.revision, OPERATOR);
    expect(await heard()).toMatchObject({ amountMilli: null, cap: null });
  });

  it("cannot be set on prices that it cannot stop", async () => {
    const routes = tier(100, { mode: "payg", price: CENT }, { prices: price("0.01") });
    const user = await account("2026-01-01T00:00:00Z", "free", policy({ free: FREE, routes }));
    await user.object.changeBilling({ budget: "2" }, user.revision, OPERATOR);
    const change = { tier: "routes", at: "now" } as const;
    expect(await user.object.changeTier(change, user.revision, OPERATOR)).toEqual({ kind: "no-cap" });
    await user.object.changeBilling({ budget: null }, user.revision, OPERATOR);
    expect(await user.object.changeTier(change, user.revision, OPERATOR)).toMatchObject({ kind: "changed" });
    expect(await user.object.changeBilling({ budget: "2" }, user.revision, OPERATOR)).toEqual({
      kind: "no-cap",
    });
  });
});

describe("credits", () => {
  const ppu = tier(100, { mode: "prepaid", price: CENT });
  const topUp = {
    id: "c1",
    kind: "paid",
    amount: "5",
    currency: null,
    effectiveMs: null,
    expiresMs: null,
  } as const;

  it("pay for prepaid usage, once, also over the end of a period", async () => {
    const user = await account("2026-01-01T00:00:00Z", "ppu", policy({ free: FREE, ppu }));
    expect((await user.billing()).allowance).toMatchObject({ amount: 100, stop: "credits" });
    const credit = { ...topUp, source: "payment:1" };
    const made = await user.object.addCredit(credit, user.revision, OPERATOR);
    const again = await user.object.addCredit({ ...credit, id: "c2" }, user.revision, OPERATOR);
    expect([made, again]).toMatchObject([{ isNew: true }, { isNew: false, credit: { id: "c1" } }]);
    for (let i = 0; i < 4; i++) await user.use("/a", 100);
    expect(await user.billing()).toMatchObject({
      accrued: { total: "3.00", due: "0.00" },
      allowance: { amount: 600 },
    });
    user.setTime("2026-02-02T00:00:00Z");
    expect(await user.billing()).toMatchObject({ accrued: { total: "0.00" }, allowance: { amount: 300 } });
    const credits = await user.object.credits(user.revision);
    expect(credits).toMatchObject({ credits: [{ amount: "5.00", left: "2.00" }] });
  });

  it("are taken back only as far as nothing has accrued on them", async () => {
    const user = await account("2026-01-01T00:00:00Z", "ppu", policy({ free: FREE, ppu }));
    await user.object.addCredit({ ...topUp, source: "s" }, user.revision, OPERATOR);
    for (let i = 0; i < 3; i++) await user.use("/a", 100);
    const removed = await user.object.removeCredit("c1", user.revision, OPERATOR);
    expect(removed).toMatchObject({ kind: "removed", removed: "3.00", credit: { left: "2.00" } });
    expect(await user.use("/a", 1)).toBe(false);
    expect((await user.billing()).accrued).toMatchObject({ total: "2.00", due: "0.00" });
  });

  it("are rejected in another currency, for an ended period, or from a source that gave another", async () => {
    const user = await account("2026-03-10T00:00:00Z");
    const add = (fields: object) =>
      user.object.addCredit({ ...topUp, source: "s", ...fields }, user.revision, OPERATOR);
    expect(await add({ currency: "EUR" })).toEqual({ kind: "currency-differs", currency: "USD" });
    expect(await add({ effectiveMs: Date.parse("2026-03-09T00:00:00Z") })).toMatchObject({
      kind: "period-closed",
    });
    expect(await add({ amount: "0.001" })).toEqual({ kind: "bad-amount", decimals: 2 });
    expect(await add({})).toMatchObject({ kind: "credit" });
    expect(await add({ amount: "6" })).toEqual({ kind: "source-used", id: "c1" });
  });
});

describe("an hour of the ledger", () => {
  it.each(["an ended period", "a usage report"])(
    "is frozen for good once %s has it, even if the account is idle, the object is evicted and its clock steps back",
    async (what) => {
      const user = await account("2026-01-01T00:00:00Z");
      user.setTime("2026-01-31T23:30:00Z");
      await user.use("/a", 5);
      // The period ends with this turn, two hours before its last hour is frozen.
      user.setTime("2026-02-01T00:10:00Z");
      await user.use("/a", 1);
      const hour = Date.parse("2026-01-31T23:00:00Z");
      const query = { fromMs: 0, granularity: "hour", anchorDay: 1, byRoute: false, after: null } as const;
      if (what === "a usage report") {
        user.setTime("2026-02-01T06:30:00Z");
        await user.object.usage({ ...query, toMs: user.nowMs, count: 10 });
      } else {
        user.setTime("2026-02-01T02:30:00Z");
        await user.use(null, 0);
      }
      user.crash();
      user.setTime("2026-01-31T23:45:00Z");
      await user.use("/a", 7);
      user.later(4_000);
      await user.object.serve({ settlements: [], questions: [], checkpoint: true });
      user.crash();
      expect(user.ledger(hour, hour + 1).map(({ costMilli }) => costMilli)).toEqual([5_000]);
      const later = hour + (what === "a usage report" ? 5 : 1) * 3_600_000;
      expect(user.ledger(later, Infinity).reduce((sum, { costMilli }) => sum + costMilli, 0)).toBe(
        what === "a usage report" ? 7_000 : 8_000,
      );
    },
  );

  it("that is frozen seems to have lost nothing in a crash, so that the quota stops where it should", async () => {
    const hour = { name: "hour", kind: "quota", amount: 100, per: "hour" } as const;
    const free = { ...FREE, limits: [hour, ...FREE.limits] };
    const user = await account("2026-01-28T21:00:00Z", "free", policy({ free }));
    // Counts in the quota of this hour, and, since billing has begun later, in a later hour of the ledger.
    user.later(-3 * 3_600_000);
    for (let i = 0; i < 2; i++) await user.use("/a", 1);
    user.crash();
    const { used = 0, amount } = (await user.billing()).allowance ?? {};
    // 75 hours of 31 days of 100.
    expect([used, amount]).toEqual([2, 10.081]);
    expect(await user.use("/a", 8.082)).toBe(false);
    expect(await user.use("/a", 8.081)).toBe(true);
  });

  it("never changes once it is two hours past, whatever the clock does: late usage counts in the first open hour", async () => {
    const user = await account(
      "2026-01-31T20:00:00Z",
      "pro",
      policy({ free: FREE, pro: { ...PRO, mode: "auto" } }),
    );
    const { lease } = await user.ask("/a", 1, 10_000);
    expect(lease).not.toBeNull();
    const cells = [{ route: "/a", keyId: "", requests: 1, costMilli: 1_000, denied: 0 }];
    const hour = Date.parse("2026-01-31T20:00:00Z");
    const before = user.ledger(hour, hour + 1);
    user.setTime("2026-02-01T02:30:00Z");
    await user.object.serve({ settlements: [{ leaseId: lease?.id ?? "", cells }], questions: [] });
    user.later(-5 * 3_600_000);
    await user.use("/a", 1);
    user.later(4_000);
    await user.object.serve({ settlements: [], questions: [], checkpoint: true });
    user.crash();
    expect(user.ledger(hour, hour + 1)).toEqual(before);
    const total = user.ledger().map(({ costMilli }) => costMilli);
    expect(total).toEqual([3_000]);
  });
});
