/** What all accounts' open periods have come to, by the admin API: live, page by page, with the operator's estimate of cost. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { userSubject } from "../../src/identity/authenticate.ts";
import { hurry, startClock, stopClock } from "../durable-objects/fixture.ts";
import type { Answers } from "../fixtures/control-operator.ts";
import { newCustomer, start } from "../fixtures/control-start.ts";
import { type Fate, objectsWhere } from "../fixtures/fault-objects.ts";

beforeEach(() => {
  startClock();
  hurry();
});
afterEach(stopClock);

const CENT = { model: "unit", unit: "0.01" };
const quotaOf = (amount: number, overage: object) => ({
  name: "month",
  kind: "quota",
  amount,
  per: "month",
  overage,
});
const POLICY = {
  schema: 1,
  anonymousTier: "free",
  defaultTier: "free",
  tiers: {
    free: { limits: [quotaOf(20, { mode: "stop" })] },
    pro: { limits: [quotaOf(2, { mode: "payg", price: CENT })], plan: { base: "31" } },
    trial: { limits: [quotaOf(2, { mode: "payg", price: CENT })], plan: { base: "99", trialDays: 14 } },
  },
  routes: [{ match: "/identify" }],
  billing: { currency: "USD", anchorDay: 14, costPerMillion: "1500000" },
};

type Row = Answers["running"]["accounts"][number];

const pick = ({ account, tier, base, overage, requests, cost }: Row) => [
  account,
  tier,
  base,
  overage,
  requests,
  cost,
];

it("has every account once, as its own billing has it, with costs and margins by the policy's estimate", async () => {
  const fates = new Map<string, Fate>();
  const fateOf = (subject: string): Fate => fates.get(subject) ?? "through";
  const started = await start({ variables: { USER_LIMITER: objectsWhere(fateOf, 0, "runningPeriod") } });
  const { operator } = started;
  expect(await operator.rejection("GET", "/billing/reports/running")).toBe("409");
  await operator.putPolicy(POLICY);
  const [pro, free, trial] = [
    await newCustomer(started, "pro"),
    await newCustomer(started),
    await newCustomer(started, "trial"),
  ];
  await pro.call(5);
  await free.call(3);
  await trial.call(1);
  const path = "/billing/reports/running";
  const whole = await operator.get("running", path);
  expect(whole).toMatchObject({ currency: "USD", costPerMillion: "1500000", failed: [], cursor: null });
  expect(whole.accounts.map(pick)).toEqual([
    [pro.id, "pro", "31.00", "0.03", 5, "7.50"],
    [free.id, "free", "0.00", "0.00", 3, "4.50"],
    [trial.id, "trial", "0.00", "0.00", 1, "1.50"],
  ]);
  for (const row of whole.accounts) {
    const { accrued, period } = await operator.get("billing", `/accounts/${row.account}/billing`);
    expect([row.subtotal, row.periodStart, row.periodEnd]).toEqual([
      accrued.subtotal,
      period.start,
      period.end,
    ]);
    expect(Number(row.margin)).toBeCloseTo(Number(row.subtotal) - Number(row.cost), 9);
  }
  const paged: Row[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const at: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const page = await operator.get("running", `${path}?limit=1${at}`);
    expect(page.accounts).toHaveLength(1);
    paged.push(...page.accounts);
    ({ cursor } = page);
  }
  expect(paged).toEqual(whole.accounts);
  fates.set(userSubject(pro.id), "unreachable").set(userSubject(trial.id), "unreachable");
  const partial = await operator.get("running", path);
  expect(partial.accounts).toEqual(whole.accounts.filter(({ account }) => account === free.id));
  expect(partial.failed).toEqual([pro.id, trial.id]);
  fates.clear();
  expect(await operator.rejection("GET", `${path}?cursor=_`)).toBe("400 /cursor");
  const { costPerMillion: _none, ...billing } = POLICY.billing;
  await operator.putPolicy({ ...POLICY, billing: { ...billing, currency: "EUR" } });
  const without = await operator.get("running", path);
  expect(without).toMatchObject({ currency: "EUR", costPerMillion: null });
  // The open periods are still in the currency that they began in.
  expect(without.accounts.map(({ currency, cost, margin }) => [currency, cost, margin])).toEqual(
    Array.from({ length: 3 }, () => ["USD", null, null]),
  );
});
