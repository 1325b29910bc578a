/** Simulations of an edited policy: the core's own arithmetic, the same for merged requests as one by one, and no change without an edit. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePolicy, type Policy } from "../../src/policy/compile.ts";
import type { LimitDocument, PolicyDocument } from "../../src/policy/schema.ts";
import { AccountReplay, type OverageTiers } from "../../src/simulation/account-replay.ts";
import { withOverage } from "../../src/simulation/overage-tiers.ts";
import type { Recorded } from "../../src/simulation/recorded.ts";
import { MAX_ROWS, simulate } from "../../src/simulation/simulate.ts";
import type { SimulationTally } from "../../src/simulation/simulation-answer.ts";

const START_MS = Date.UTC(2026, 10, 21);
const minute = (tokens: number): LimitDocument => ({ name: "minute", kind: "bucket", tokens, per: "minute" });

function policyOf(limits: LimitDocument[], more: Partial<PolicyDocument> = {}): Policy {
  const routes = [{ match: "/a" }, { match: "/b", cost: 2 }, { match: "/free", cost: 0 }];
  const tiers = { free: { limits }, anonymous: { limits } };
  const document = { schema: 1, anonymousTier: "anonymous", defaultTier: "free", tiers, routes, ...more };
  const compiled = compilePolicy(document, 7);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  return compiled.value;
}

function recorded(fields: Partial<Recorded> = {}): Recorded {
  return {
    atMs: START_MS,
    account: "user:ann",
    route: "/a",
    tier: "free",
    keyId: "",
    method: "GET",
    revision: 7,
    costMilli: 1_000,
    units: null,
    upstreamMs: 10,
    requests: 1,
    wasDenied: false,
    ...fields,
  };
}

function tally(
  active: Policy,
  edited: Policy,
  decisions: readonly Recorded[],
  overage: OverageTiers | null = null,
): SimulationTally {
  const replay = simulate(active, edited, decisions, overage);
  for (;;) {
    const step = replay.next();
    if (step.done) return step.value;
  }
}

const admitted = (policy: Policy, decisions: readonly Recorded[], active = policy): number[] => {
  const replay = new AccountReplay(policy, active);
  return decisions.map((decision) => replay.admit(decision).requests);
};

describe("a replay", () => {
  it("lets in what the bucket holds, and what it has refilled since", () => {
    const later = [recorded({ requests: 12 }), recorded({ atMs: START_MS + 6_000, requests: 2 })];
    expect(admitted(policyOf([minute(10)]), later)).toEqual([10, 1]);
  });

  it("counts a run of requests as it counts them one by one", () => {
    const run = fc.record({
      waitMs: fc.integer({ min: 0, max: 20_000 }),
      requests: fc.integer({ min: 1, max: 30 }),
      route: fc.constantFrom("/a", "/b", "/free", ""),
      costMilli: fc.constantFrom(1, 500, 1_000, 2_500),
      units: fc.constantFrom(null, [["rows", 7_000] as const], [["rows", 1] as const]),
    });
    const rows: LimitDocument = { name: "rows", kind: "bucket", tokens: 50, per: "minute", unit: "rows" };
    const quota: LimitDocument = { name: "hour", kind: "quota", amount: 60, per: "hour" };
    fc.assert(
      fc.property(fc.array(run, { maxLength: 40 }), fc.boolean(), (runs, slots) => {
        const limit: LimitDocument = { name: "slots", kind: "concurrency", max: 3, ttlMs: 5_000 };
        const policy = policyOf([minute(20), quota, rows, ...(slots ? [limit] : [])]);
        let atMs = START_MS;
        const grouped = runs.map(({ waitMs, ...fields }) => recorded({ ...fields, atMs: (atMs += waitMs) }));
        const single = new AccountReplay(policy, policy);
        const oneByOne = grouped.map((each) => {
          let count = 0;
          for (let i = 0; i < each.requests; i++) count += single.admit({ ...each, requests: 1 }).requests;
          return count;
        });
        expect(admitted(policy, grouped)).toEqual(oneByOne);
      }),
      { numRuns: 60 },
    );
  });

  it("frees a slot when the upstream has answered", () => {
    const slots: LimitDocument = { name: "slots", kind: "concurrency", max: 1, ttlMs: 60_000 };
    const times = [0, 5, 10].map((ms) => recorded({ atMs: START_MS + ms, upstreamMs: 10 }));
    expect(admitted(policyOf([slots]), times)).toEqual([1, 0, 1]);
  });

  it("lets in what costs nothing, whatever is used up", () => {
    const slots: LimitDocument = { name: "slots", kind: "concurrency", max: 1, ttlMs: 60_000 };
    const free = recorded({ route: "/free", costMilli: 0, requests: 5 });
    expect(admitted(policyOf([slots]), [recorded({ upstreamMs: 1_000 }), free, recorded()])).toEqual([
      1, 5, 0,
    ]);
  });

  it("charges what the edited policy says of the route, but keeps a cost that the caller named", () => {
    const active = policyOf([minute(10)]);
    const dear = policyOf([minute(10)], { routes: [{ match: "/a", cost: 5 }] });
    expect(admitted(dear, [recorded({ requests: 10 })], active)).toEqual([2]);
    expect(admitted(dear, [recorded({ requests: 30, costMilli: 500 })], active)).toEqual([20]);
    expect(admitted(dear, [recorded({ requests: 10, costMilli: 3_000, revision: 6 })], active)).toEqual([2]);
  });

  it("charges each limit what the request cost in its unit, and what the edited policy says if that was the route's cost", () => {
    const tokens: LimitDocument = { name: "tpm", kind: "bucket", tokens: 100, per: "minute", unit: "tokens" };
    const costOf = (cost: PolicyDocument["routes"][number]["cost"]) =>
      policyOf([minute(10), tokens], { routes: [{ match: "/a", cost }] });
    const active = costOf({ requests: 1, tokens: 10 });
    const usual = recorded({ requests: 12, units: [["tokens", 10_000]] });
    const named = recorded({ requests: 12, units: [["tokens", 30_000]] });
    expect(admitted(active, [usual])).toEqual([10]);
    expect(admitted(active, [named])).toEqual([3]);
    const dear = costOf({ requests: 1, tokens: 25 });
    expect(admitted(dear, [usual], active)).toEqual([4]);
    expect(admitted(dear, [named], active)).toEqual([3]);
    expect(admitted(costOf({ tokens: 5 }), [{ ...usual, requests: 30 }], active)).toEqual([20]);
  });

  it("uses the route that has the pattern now, rejects if there is none, and requires credentials if that route does", () => {
    const active = policyOf([minute(10)]);
    const renamed = policyOf([minute(10)], { routes: [{ match: "/a", methods: ["GET"], cost: 10 }] });
    expect(admitted(renamed, [recorded({ requests: 3 })], active)).toEqual([1]);
    expect(admitted(renamed, [recorded({ requests: 3, method: "POST" })], active)).toEqual([0]);
    const strict = policyOf([minute(10)], { routes: [{ match: "/a", auth: "required" }] });
    const anonymous = recorded({ account: "ip:203.0.113.9", tier: "anonymous" });
    expect(admitted(strict, [anonymous, recorded()], active)).toEqual([0, 1]);
  });

  it("goes by the tier that addresses have by the edited policy", () => {
    const active = policyOf([minute(10)]);
    const edited = policyOf([minute(10)], {
      anonymousTier: "few",
      tiers: { free: { limits: [minute(10)] }, few: { limits: [minute(1)] } },
    });
    const anonymous = recorded({ account: "ip:203.0.113.9", tier: "anonymous", requests: 4 });
    expect(admitted(edited, [anonymous], active)).toEqual([1]);
  });
});

describe("limits in shadow", () => {
  const run = fc.record({
    afterMs: fc.integer({ min: 0, max: 40_000 }),
    requests: fc.integer({ min: 1, max: 9 }),
    costMilli: fc.constantFrom(500, 1_000, 3_000),
    upstreamMs: fc.integer({ min: 1, max: 30_000 }),
    account: fc.constantFrom("user:ann", "user:bob"),
  });
  const limit = fc.oneof(
    fc.integer({ min: 3, max: 20 }).map(minute),
    fc
      .integer({ min: 3, max: 60 })
      .map((amount): LimitDocument => ({ name: "hour", kind: "quota", amount, per: "hour" })),
    fc
      .integer({ min: 1, max: 6 })
      .map((max): LimitDocument => ({ name: "parallel", kind: "concurrency", max, ttlMs: 20_000 })),
  );
  const limits = fc.uniqueArray(limit, { minLength: 1, maxLength: 3, selector: ({ name }) => name });

  it("foretell in a simulation what they deny when they are enforced, all or none", () => {
    const property = fc.property(limits, fc.array(run, { minLength: 1, maxLength: 30 }), (of, runs) => {
      let atMs = START_MS;
      const decisions = runs.map(({ afterMs, ...fields }) => {
        atMs += afterMs;
        return recorded({ ...fields, route: "", atMs });
      });
      const shadow = tally(policyOf(of), policyOf(of, { enforcement: "shadow" }), decisions);
      const { before, after } = shadow.totals;
      const allowed = before.allowed + before.denied;
      expect(after).toEqual({ allowed, denied: 0, overage: 0, shadowed: before.denied });
    });
    fc.assert(property, { numRuns: 200 });
  });
});

describe("a simulation", () => {
  it("of the policy in force changes nothing, and accounts for each request", () => {
    const active = policyOf([minute(10)]);
    const decisions = ["ann", "bob"].flatMap((user) =>
      [3, 9, 2].map((requests) => recorded({ account: `user:${user}`, requests, wasDenied: requests === 2 })),
    );
    const result = tally(active, policyOf([minute(10)]), decisions);
    expect([result.decisions, result.totals]).toEqual([
      28,
      {
        recorded: { allowed: 24, denied: 4 },
        before: { allowed: 20, denied: 8, overage: 0, shadowed: 0 },
        after: { allowed: 20, denied: 8, overage: 0, shadowed: 0 },
      },
    ]);
    const all = { requests: 28, deniedBefore: 8, deniedAfter: 8, newlyDenied: 0, newlyAllowed: 0 };
    const changedAccounts = { denied: 0, allowed: 0 };
    expect(result).toMatchObject({
      tiers: [{ tier: "free", ...all, changedAccounts }],
      routes: [{ route: "/a", ...all, changedAccounts }],
      newlyDenied: [],
      newlyAllowed: [],
      changedAccounts,
    });
  });

  it("names who is newly denied and newly let in, the most requests first", () => {
    const active = policyOf([minute(10)]);
    const decisions = [
      recorded({ requests: 6 }),
      recorded({ account: "user:bob", requests: 9 }),
      recorded({ account: "user:cat", requests: 2 }),
    ];
    const fewer = tally(active, policyOf([minute(4)]), decisions);
    const none = { deniedBefore: 0, newlyAllowed: 0, overageBefore: 0, overageAfter: 0 };
    const row = { tier: "free", routes: ["/a"], ...none };
    expect(fewer.newlyDenied).toEqual([
      { ...row, account: "user:bob", requests: 9, deniedAfter: 5, newlyDenied: 5 },
      { ...row, account: "user:ann", requests: 6, deniedAfter: 2, newlyDenied: 2 },
    ]);
    expect(fewer.changedAccounts).toEqual({ denied: 2, allowed: 0 });
    const back = tally(policyOf([minute(4)]), active, decisions);
    expect(back.newlyAllowed.map(({ account, newlyAllowed }) => [account, newlyAllowed])).toEqual([
      ["user:bob", 5],
      ["user:ann", 2],
    ]);
  });

  it("counts by tier and by route what it counts in all, and names an account's most affected routes", () => {
    const limits = [minute(10)];
    const tiers = (free: number): PolicyDocument["tiers"] => ({
      free: { limits: [minute(free)] },
      pro: { limits },
      anonymous: { limits },
    });
    const decisions = [
      recorded({ requests: 3 }),
      recorded({ requests: 6, route: "/b", costMilli: 2_000 }),
      recorded({ requests: 7, tier: "pro", account: "user:pat" }),
      recorded({ requests: 4, account: "user:bob" }),
    ];
    const result = tally(
      policyOf(limits, { tiers: tiers(10) }),
      policyOf(limits, { tiers: tiers(2) }),
      decisions,
    );
    const changedAccounts = { denied: 2, allowed: 0 };
    expect(result.tiers).toEqual([
      {
        tier: "free",
        requests: 13,
        deniedBefore: 3,
        deniedAfter: 9,
        newlyDenied: 6,
        newlyAllowed: 0,
        overageBefore: 0,
        overageAfter: 0,
        changedAccounts,
      },
      expect.objectContaining({ tier: "pro", requests: 7, newlyDenied: 0 }),
    ]);
    expect(result.routes.map(({ route, newlyDenied }) => [route, newlyDenied])).toEqual([
      ["/a", 3],
      ["/b", 3],
    ]);
    expect(result.newlyDenied.map(({ account, routes }) => [account, routes])).toEqual([
      ["user:ann", ["/b", "/a"]],
      ["user:bob", ["/a"]],
    ]);
  });

  it("shows when requests would be denied, in steps that add up to the totals", () => {
    const active = policyOf([minute(10)]);
    const decisions = [0, 1, 2, 600].map((seconds) =>
      recorded({ atMs: START_MS + seconds * 1_000, requests: 4 }),
    );
    const { series, totals } = tally(active, policyOf([minute(4)]), decisions);
    expect([series.fromMs, series.intervalMs, series.requests.length]).toEqual([START_MS, 10_000, 61]);
    const filled = (values: readonly number[]) =>
      values.flatMap((value, i) => (value === 0 ? [] : [[i, value]]));
    expect(filled(series.requests)).toEqual([
      [0, 12],
      [60, 4],
    ]);
    expect(filled(series.deniedBefore)).toEqual([[0, 2]]);
    expect(filled(series.deniedAfter)).toEqual([[0, 8]]);
    expect([totals.before.denied, totals.after.denied]).toEqual([2, 8]);
  });

  it("takes decisions in the order of time, however they come", () => {
    const policy = policyOf([minute(10)]);
    const decisions = [0, 6_000, 12_000].map((ms) =>
      recorded({ atMs: START_MS + ms, requests: ms === 0 ? 10 : 1 }),
    );
    expect(tally(policy, policy, decisions.toReversed()).totals.after).toMatchObject({
      allowed: 12,
      denied: 0,
    });
  });

  it("lets accounts pay for what their tier allows beyond the included amount, and denies only what exceeds the spend cap", () => {
    const billed = (overage: object, spend = {}): Policy => {
      const price = { model: "unit", unit: "0.01" };
      const own = {
        ...overage,
        ...("mode" in overage && overage.mode !== "stop" ? { price } : {}),
        ...spend,
      };
      const month = { name: "month", kind: "quota", amount: 10, per: "month", overage: own } as LimitDocument;
      return policyOf([month], { billing: { currency: "USD" } });
    };
    const [stops, capped] = [billed({ mode: "stop" }), billed({ mode: "payg" }, { spendCap: "0.059" })];
    const decisions = [
      recorded({ requests: 8 }),
      recorded({ requests: 4, route: "/b", costMilli: 2_000 }),
      recorded({ requests: 5, keyId: "k" }),
      // Test keys have an amount of their own, and addresses have no account that could pay.
      recorded({ requests: 12, keyId: "test_k" }),
      recorded({ account: "ip:192.0.2.1", tier: "anonymous", requests: 12 }),
    ];
    const run = (edited: Policy) => tally(stops, edited, decisions, withOverage);
    // Before: 8 and 1 of the account, 10 of its test key, 10 of the address.
    expect(run(capped)).toMatchObject({
      totals: {
        before: { allowed: 8 + 1 + 0 + 10 + 10, overage: 0 },
        // 8, then three of cost 2, of which one is included; then one.
        after: { allowed: 8 + 3 + 1 + 10 + 10, overage: 2 + 1 },
      },
      tiers: [{ tier: "free", overageBefore: 0, overageAfter: 3, newlyAllowed: 3, newlyDenied: 0 }, {}],
    });
    for (const mode of ["payg", "prepaid"]) {
      const { after } = run(billed({ mode })).totals;
      expect(after).toMatchObject({ allowed: 8 + 4 + 5 + 10 + 10, overage: 3 + 5 });
    }
  });

  it("keeps its lists short, and the largest in them, whatever the number of accounts", () => {
    const decisions = Array.from({ length: 3_000 }, (_, i) =>
      recorded({ account: `user:${i}`, requests: 3 + (i % 1_500) }),
    );
    const { newlyDenied, changedAccounts } = tally(
      policyOf([minute(1_000_000)]),
      policyOf([minute(2)]),
      decisions,
    );
    expect(newlyDenied.length).toBe(MAX_ROWS);
    expect(newlyDenied.at(0)?.newlyDenied).toBe(1_500);
    expect(newlyDenied.at(-1)?.newlyDenied).toBe(1_451);
    expect(changedAccounts.denied).toBe(3_000);
  });
});
