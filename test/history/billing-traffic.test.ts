/**
 * Each change of an account's terms in mid-traffic: with requests just before and after it, and a lease that is lent before it and settled
 * after it. Nothing is billed twice, and nothing is lost between two segments.
 */
import { expect, it } from "vitest";
import { usageBySegment } from "../../src/billing/segment.ts";
import { DAY_MS } from "../../src/core/time.ts";
import type { TierChange } from "../../src/objects/billing.ts";
import type { Lease } from "../../src/objects/object-call.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { checkPeriods, sumOf } from "./billed-periods.ts";
import { BilledUser, OPERATOR, stopTime } from "./billed-user.ts";

stopTime();

const CENT = { model: "unit", unit: "0.01" } as const;
const tierOf = (amount: number, overage: object, plan: object) => ({
  limits: [
    { name: "hour", kind: "quota", amount: 5_000, per: "hour" } as const,
    { name: "month", kind: "quota", amount, per: "month", overage } as const,
  ],
  plan,
});
const TIERS: PolicyDocument["tiers"] = {
  free: tierOf(2_000, { mode: "stop" }, {}),
  pro: tierOf(2_000, { mode: "payg", price: CENT, spendCap: "50" }, { base: "31" }),
  max: tierOf(9_000, { mode: "payg", price: CENT }, { base: "310" }),
  trial: tierOf(2_000, { mode: "payg", price: CENT }, { base: "62", trialDays: 10 }),
};

function policy({ pro, ...others } = TIERS, isThere = true): PolicyDocument {
  const tiers = pro && isThere ? { ...others, pro } : others;
  const routes = [{ match: "/a" }, { match: "/b" }];
  const billing = { currency: "USD" };
  return { schema: 1, tiers, routes, anonymousTier: "free", defaultTier: "free", billing };
}

/** When requests are sent: beside midnights at which something changes, and far from them. */
const TIMES = [
  "2026-01-10T23:59:59.500Z",
  "2026-01-11T00:00:00.500Z",
  "2026-01-20T12:00:00.000Z",
  "2026-01-20T12:00:00.300Z",
  "2026-01-31T23:59:59.700Z",
  "2026-02-01T00:00:00.200Z",
  "2026-02-14T12:00:00.000Z",
  "2026-02-14T12:00:00.300Z",
  "2026-02-19T23:59:59.900Z",
  "2026-02-20T00:00:00.100Z",
  "2026-03-02T12:00:00.000Z",
];
/** Between two requests, 150 ms after the first. */
const JANUARY = "2026-01-20T12:00:00.000Z";
const FEBRUARY = "2026-02-14T12:00:00.000Z";

type Changes = Readonly<Record<string, (user: BilledUser) => unknown>>;

const change = (to: TierChange) => (user: BilledUser) => user.object.changeTier(to, user.revision, OPERATOR);
const grant = (user: BilledUser) =>
  user.object.grant(
    { grantId: "g", limit: "month", amount: 500, untilMs: user.nowMs + 5 * DAY_MS, createdMs: user.nowMs },
    OPERATOR,
  );

it.each<[what: string, tier: string, changes: Changes, segments: string[]]>([
  [
    "an upgrade",
    "pro",
    { [JANUARY]: change({ tier: "max", at: null }) },
    ["pro 01-01", "max 01-20", "max 02-01", "max 03-01"],
  ],
  [
    "a downgrade, at the period's end or now",
    "max",
    { [JANUARY]: change({ tier: "pro", at: null }), [FEBRUARY]: change({ tier: "free", at: "now" }) },
    ["max 01-01", "pro 02-01", "free 02-14", "free 03-01"],
  ],
  ["the end of a trial", "trial", {}, ["trial 01-01", "trial 01-11", "trial 02-01", "trial 03-01"]],
  [
    "another anchor day",
    "pro",
    { [JANUARY]: (user) => user.object.changeBilling({ anchorDay: 20 }, user.revision, OPERATOR) },
    ["pro 01-01", "pro 02-01", "pro 02-20"],
  ],
  [
    "a grant, and its end",
    "pro",
    { [JANUARY]: grant, [FEBRUARY]: (user) => user.object.revokeGrant("g", OPERATOR) },
    ["pro 01-01", "pro 02-01", "pro 03-01"],
  ],
  [
    "a reset of another limit",
    "pro",
    { [JANUARY]: (user) => user.object.reset(["hour"], OPERATOR) },
    ["pro 01-01", "pro 02-01", "pro 03-01"],
  ],
  [
    "a tier that is removed and brought back",
    "pro",
    {
      [JANUARY]: (user) => user.publish(policy(TIERS, false)),
      [FEBRUARY]: (user) => user.publish(policy()),
    },
    ["pro 01-01", "free 02-01", "pro 03-01"],
  ],
])(
  "%s in mid-traffic leaves every request in exactly one segment",
  async (_what, tier, changes, expected) => {
    const user = new BilledUser(Date.parse("2026-01-01T00:00:00Z"));
    user.publish(policy());
    await user.object.createAccount("ann", { name: "", tier }, OPERATOR, user.revision);
    let admitted = 0;
    let lease: Lease | null = null;
    let late = 0;
    for (const time of TIMES) {
      user.setTime(time);
      // Lent before the change or the boundary that lies between, if there is one.
      if (lease !== null) {
        const cell = { route: "/b", keyId: "", requests: 1, costMilli: 3_000, denied: 0 };
        await user.object.serve({ settlements: [{ leaseId: lease.id, cells: [cell] }], questions: [] });
      }
      const asked = await user.ask("/a", 7, 100_000);
      expect(asked.decision.allowed).toBe(true);
      admitted += 7;
      const after = TIMES[TIMES.indexOf(time) + 1];
      const isSettled = after !== undefined && Date.parse(after) - user.nowMs < 5_000;
      lease = isSettled ? asked.lease : null;
      if (lease) [admitted, late] = [admitted + 3, late + 1];
      user.later(150);
      await changes[time]?.(user);
    }
    user.later(8_000);
    await user.object.serve({ settlements: [], questions: [], checkpoint: true });
    user.disk.flush();
    expect(late).toBeGreaterThanOrEqual(4);
    const periods = user.periods();
    checkPeriods(user, periods);
    const dateOf = (ms: number): string => new Date(ms).toISOString().slice(5, 10);
    const segments = periods.flatMap((billed) =>
      usageBySegment(billed.segments, user.ledger(billed.period.startMs, billed.period.endMs)).map(
        (usage, i) => ({
          name: `${billed.segments[i]?.tier} ${dateOf(billed.segments[i]?.startMs ?? 0)}`,
          usage,
        }),
      ),
    );
    expect(segments.map(({ name }) => name)).toEqual(expected);
    const billed = segments.flatMap(({ usage }) => usage);
    expect(sumOf(billed)).toEqual(sumOf(user.ledger()));
    expect(billed.reduce((sum, { costMilli }) => sum + costMilli, 0)).toBe(admitted * 1_000);
    // Each has usage of its own: the change came in mid-traffic.
    for (const { usage } of segments) expect(usage.length).toBeGreaterThan(0);
  },
);
