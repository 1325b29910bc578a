/** Reservations of a billed account: usage in units has a price, and what is reserved is on no bill before it is settled or expires. */
import { expect, it } from "vitest";
import { usageBySegment } from "../../src/billing/segment.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import { expandAnswers } from "../../src/limiter/wire.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { BilledUser, OPERATOR, stopTime } from "./billed-user.ts";

stopTime();

type Plan = NonNullable<PolicyDocument["tiers"][string]["plan"]>;
const perToken = (unit: string): Plan => ({
  prices: [{ route: "/chat", of: "tokens", price: { model: "unit", unit } }],
});
const POLICY: PolicyDocument = {
  schema: 1,
  tiers: {
    free: { limits: [{ name: "tpm", kind: "bucket", unit: "tokens", tokens: 100_000, per: "minute" }] },
    pro: { limits: [], plan: perToken("0.01") },
    max: { limits: [], plan: perToken("0.02") },
  },
  routes: [{ match: "/chat", cost: { requests: 1, tokens: 1_000 } }],
  anonymousTier: "free",
  defaultTier: "free",
  billing: { currency: "USD" },
};

async function account(): Promise<BilledUser> {
  const user = new BilledUser(Date.parse("2026-01-01T00:10:00Z"));
  const revision = user.publish(POLICY);
  await user.object.createAccount("ann", { name: "Ann", tier: "pro" }, OPERATOR, revision);
  return user;
}

async function reserve(user: BilledUser, ttlMs: number): Promise<string> {
  const { question } = user.question("/chat", 0);
  const request = { ...question.request, costMilli: null, reserve: { ttlMs } };
  const questions = [{ question: { ...question, request }, times: 1 }];
  const [answer] = expandAnswers(await user.object.serve({ settlements: [], questions }));
  user.disk.flush();
  return answer?.decision?.reservation?.id ?? expect.unreachable();
}

async function settle(user: BilledUser, id: string, tokens: number): Promise<void> {
  const units = [["tokens", tokens * 1_000]] as const;
  const [answer] = await user.object.settle([{ kind: "settle", id, costMilli: 1_000, units }], user.revision);
  user.disk.flush();
  expect(answer).toMatchObject({ kind: "done" });
}

async function accrued(user: BilledUser): Promise<string> {
  return (await user.billing()).accrued.total;
}

it("bills the tokens that a route has cost, at the price of the tier in which they were settled", async () => {
  const user = await account();
  const first = await reserve(user, HOUR_MS);
  expect(await accrued(user)).toBe("0.00");
  await settle(user, first, 100);
  expect(await accrued(user)).toBe("1.00");
  user.later(1_000);
  const across = await reserve(user, HOUR_MS);
  await user.object.changeTier({ tier: "max", at: "now" }, user.revision, OPERATOR);
  // Less than at the cut if what was reserved were on the bill already.
  await settle(user, across, 50);
  expect(await accrued(user)).toBe("2.00");
  const [period] = user.periods();
  const usage = usageBySegment(period?.segments ?? [], await ledgerOf(user));
  expect(usage).toMatchObject([
    [
      { unit: "requests", count: 2 },
      { unit: "tokens", costMilli: 100_000 },
    ],
    // A request is counted when it is made; what it cost, when that is known.
    [
      { unit: "requests", count: 0, costMilli: 1_000 },
      { unit: "tokens", costMilli: 50_000 },
    ],
  ]);
});

it("bills a reservation in full once it has expired", async () => {
  const user = await account();
  await reserve(user, 1_000);
  expect(await accrued(user)).toBe("0.00");
  user.later(1_000);
  expect(await accrued(user)).toBe("10.00");
  user.crash();
  expect(await accrued(user)).toBe("10.00");
});

it("keeps what was settled in the next hour in its own, and in its own month", async () => {
  const user = await account();
  user.setTime("2026-01-31T23:59:00Z");
  const id = await reserve(user, HOUR_MS);
  user.setTime("2026-02-01T00:30:00Z");
  await user.ask("/chat", 1);
  await settle(user, id, 7);
  const [january] = user.periods();
  expect(
    usageBySegment(january?.segments ?? [], await ledgerOf(user, 0, "2026-02-01T00:00:00Z")),
  ).toMatchObject([
    [
      { unit: "requests", count: 1 },
      { unit: "tokens", costMilli: 7_000 },
    ],
  ]);
});

/** Usage as bills have it. */
async function ledgerOf(user: BilledUser, fromMs = 0, to?: string) {
  const { ledger, hasTables } = Reflect.get(user.object, "store").memory;
  const toHour = to === undefined ? Infinity : Date.parse(to) / HOUR_MS;
  return ledger.byRoute(fromMs, toHour, hasTables);
}
