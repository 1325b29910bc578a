/** The demo's traffic: its mix stays within bounds, and its policy change affects only the free tier. */
import { expect, test } from "vitest";
import defaultPolicy from "../../policy/default.json" with { type: "json" };
import { ABUSER, PER_SECOND, policyStepOf, requestsOf, USERS } from "../../scripts/demo-traffic/plan.ts";
import { halvedFree } from "../../scripts/demo-traffic/policy-change.ts";

/** Numbers from 0 to below 1, the same in each run. */
function chances(): () => number {
  let state = 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

const SECONDS = 300;
const chance = chances();
const seconds = Array.from({ length: SECONDS }, (_, second) => requestsOf(second, chance));

test("70, 25 and 5 % of the users and of their requests belong to the three tiers", () => {
  const tierOf = new Map(USERS.map(({ id, tier }) => [id, tier]));
  const share = (list: readonly (string | undefined)[], tier: string): number =>
    list.filter((each) => each === tier).length / list.length;
  const users = USERS.map(({ tier }) => tier);
  expect([share(users, "free"), share(users, "pro"), share(users, "enterprise")]).toEqual([0.7, 0.25, 0.05]);
  const quiet = seconds.filter((requests) => requests.length < 2 * PER_SECOND).flat();
  const tiers = quiet.filter(({ user }) => user !== ABUSER.id).map(({ user }) => tierOf.get(user));
  expect(share(tiers, "free")).toBeCloseTo(0.7, 1);
  expect(share(tiers, "enterprise")).toBeCloseTo(0.05, 1);
});

test("has a burst and a user over the limit within 30 s, and never more than 200 requests a second", () => {
  const counts = seconds.map(({ length }) => length);
  expect(Math.max(...counts.slice(0, 30))).toBeGreaterThan(3 * PER_SECOND);
  expect(Math.max(...counts)).toBeLessThan(200);
  const greedy = seconds
    .slice(0, 30)
    .flat()
    .filter(({ user }) => user === ABUSER.id);
  const { burst } = defaultPolicy.tiers.free.limits[0] ?? { burst: 0 };
  expect(greedy.length).toBeGreaterThan(Number(burst) + 50 / 2);
});

test("the requests of a second are in order and within that second", () => {
  for (const requests of seconds) {
    const times = requests.map(({ afterMs }) => afterMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.every((ms) => ms >= 0 && ms < 1_000)).toBe(true);
  }
});

test.each([1, 45, 300])("a run of %i s tightens the policy at most once, and restores it", (length) => {
  const steps = Array.from({ length }, (_, second) => policyStepOf(second, length)).filter(Boolean);
  expect(steps).toEqual(length === 1 ? ["halve"] : ["halve", "restore"]);
});

test("the change halves the free tier's buckets, and nothing else", () => {
  const { free, ...others } = defaultPolicy.tiers;
  const [minute, month] = free.limits;
  expect(halvedFree(defaultPolicy)).toEqual({
    ...defaultPolicy,
    tiers: { ...others, free: { ...free, limits: [{ ...minute, tokens: 50, burst: 75 }, month] } },
  });
  expect(halvedFree({ tiers: { pro: {} } })).toBeNull();
});
