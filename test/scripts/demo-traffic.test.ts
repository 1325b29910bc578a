/** The demo's traffic: its mix stays within bounds, and its policy change affects only the free tier. */
import { describe, expect, it, test } from "vitest";
import defaultPolicy from "../../policy/default.json" with { type: "json" };
import { ABUSER, PER_SECOND, policyStepOf, requestsOf, USERS } from "../../scripts/demo-traffic/plan.ts";
import { halvedFree, PolicyChange } from "../../scripts/demo-traffic/policy-change.ts";
import { startServer } from "./fake-target.ts";
import { runScript } from "./run-script.ts";

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

describe("the policy change", () => {
  const POLICY = "/api/v1/admin/policy";
  const shipped = { revision: 0, reason: "ships", document: defaultPolicy };
  const halved = halvedFree(defaultPolicy);

  /** Halves and restores the policy of a product that has this one in force. */
  async function change(inForce: object, putStatus = 200) {
    await using product = await startServer({
      [`GET ${POLICY}`]: { body: inForce },
      [`GET ${POLICY}/revisions/0`]: { body: shipped },
      [`PUT ${POLICY}`]: { status: putStatus, body: {} },
      [`POST ${POLICY}/revisions/0/activate`]: { body: {} },
      [`POST ${POLICY}/revisions/4/activate`]: { body: {} },
    });
    const policy = new PolicyChange(new URL(product.url), "token");
    const reason = await policy.halve();
    const { isInForce } = policy;
    await policy.restore();
    return { reason, isInForce, changes: product.requests.filter((request) => !request.startsWith("GET")) };
  }

  it.each([
    { what: "the policy that ships", revision: 0 },
    { what: "a restore of it", revision: 4 },
  ])("halves $what and restores it", async ({ revision }) => {
    expect(await change({ ...shipped, revision })).toEqual({
      reason: null,
      isInForce: true,
      changes: [`PUT ${POLICY}`, `POST ${POLICY}/revisions/${revision}/activate`],
    });
  });

  it.each([
    { what: "an operator's policy", document: { ...defaultPolicy, routes: [] } },
    { what: "an operator's policy that equals the halved one", document: halved },
  ])("leaves $what alone and says why", async ({ document }) => {
    expect(await change({ revision: 4, reason: "Launch", document })).toEqual({
      reason: "revision 4 is in force, which is not the policy that ships",
      isInForce: false,
      changes: [],
    });
  });

  it("leaves a policy alone that an operator puts at the same time", async () => {
    const { reason, isInForce, changes } = await change(shipped, 412);
    expect([reason, isInForce, changes]).toEqual([
      "someone else has just changed it",
      false,
      [`PUT ${POLICY}`],
    ]);
  });

  it("restores the policy that a killed run left halved", async () => {
    const reason = "Demo traffic: halve the free tier's limits";
    expect(await change({ revision: 4, reason, document: halved })).toEqual({
      reason: null,
      isInForce: true,
      changes: [`POST ${POLICY}/revisions/0/activate`],
    });
  });
});

it("looks for the product at PORT", async () => {
  await using product = await startServer({});
  const { code, stderr } = await runScript("demo-traffic", ["--minutes", "0.1"], {
    env: { PORT: new URL(product.url).port },
  });
  // The fake accepts no accounts.
  expect([code, product.requests[0]]).toEqual([1, "GET /health"]);
  expect(stderr).toContain("npm run demo:traffic failed");
});

it("prints its usage with --help", async () => {
  const { code, stdout } = await runScript("demo-traffic", ["--help"]);
  expect([code, stdout]).toEqual([0, expect.stringContaining("--minutes <n>")]);
});
