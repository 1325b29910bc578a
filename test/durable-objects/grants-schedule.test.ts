/**
 * Any schedule of grants, overrides, tiers, resets, requests and crashes of one account, against the exact model: what was used stays
 * used, raising a limit admits the difference, and nothing is handed out.
 */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AccountChange } from "../../src/objects/account.ts";
import type { Grant } from "../../src/policy/adjust.ts";
import { ExactBucket } from "../core/exact-model.ts";
import { grantOf } from "../fixtures/control-grants.ts";
import { bucket, dropTimers, later, publish, quota, START_MS, startClock, stopClock } from "./fixture.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

describe("with any changes at any time", () => {
  /** 60 are refilled in a minute, so that time matters too. */
  const BASE = { free: { burst: 10, amount: 300 }, pro: { burst: 100, amount: 1_000 } };
  type TierName = keyof typeof BASE;
  const limitsOf = (tier: TierName) => ({
    limits: [bucket(60, "minute", BASE[tier].burst), quota(BASE[tier].amount, "month")],
    durability: "exact" as const,
  });

  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant("decide" as const), cost: fc.integer({ min: 0, max: 40 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("later" as const),
        ms: fc.oneof(fc.integer({ min: 0, max: 9_999 }), fc.integer({ min: 0, max: HOUR_MS })),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("grant" as const),
        limit: fc.constantFrom("bucket", "quota", "other"),
        amount: fc.integer({ min: 1, max: 60 }),
        lastsMs: fc.constantFrom(1, 5_000, 60_000, HOUR_MS),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("change" as const),
        tier: fc.constantFrom("free", "pro" as const),
        burst: fc.constantFrom(null, 1, 25, 400),
        amount: fc.constantFrom(null, 1, 1, 50, 5_000),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("reset" as const), all: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constantFrom({ kind: "crash" as const }, { kind: "evict" as const }) },
  );

  it("decides like the exact model: raising admits the difference, lowering hands out nothing", async () => {
    let letIn = 0;
    let overdrawn = 0;
    const run = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      dropTimers();
      vi.setSystemTime(START_MS);
      const user = new UserObject(await publish({ free: limitsOf("free"), pro: limitsOf("pro") }));
      await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
      let tier: TierName = "free";
      let own: { burst?: number; amount?: number } = {};
      let given: Grant[] = [];
      let used = 0;
      let model = new ExactBucket(60_000, 60_000, 10_000, START_MS);
      let isDenied = false;

      const extra = (limit: string): number =>
        given.reduce((sum, grant) => (grant.limit === limit ? sum + grant.amount : sum), 0);
      const amount = (): number => (own.amount ?? BASE[tier].amount) + extra("quota");
      const change = (): void => {
        const burst = (own.burst ?? BASE[tier].burst) + extra("bucket");
        model.change(60_000, 60_000, burst * 1_000);
      };
      /** Advances the model to now, stopping at each moment at which a grant ends. */
      const advance = (): void => {
        for (const ended of given
          .filter(({ untilMs }) => untilMs <= Date.now())
          .toSorted((a, b) => a.untilMs - b.untilMs)) {
          model.advance(ended.untilMs);
          given = given.filter((grant) => grant !== ended);
          change();
        }
        model.advance(Date.now());
      };

      for (const each of steps) {
        advance();
        switch (each.kind) {
          case "later":
            later(each.ms);
            break;
          case "grant": {
            if (given.length >= 20) break;
            const grant = grantOf(each.limit, each.amount, each.lastsMs);
            await user.stub.grant(grant);
            given = [...given, grant];
            change();
            break;
          }
          case "change": {
            tier = each.tier;
            own = {
              ...(each.burst === null ? {} : { burst: each.burst }),
              ...(each.amount === null ? {} : { amount: each.amount }),
            };
            const { amount: ownAmount, ...ownBucket } = own;
            const changes: AccountChange = {
              tier,
              overrides: {
                ...(Object.keys(ownBucket).length > 0 ? { bucket: ownBucket } : {}),
                ...(ownAmount === undefined ? {} : { quota: { amount: ownAmount } }),
              },
            };
            await user.stub.changeAccount(changes);
            change();
            break;
          }
          case "reset":
            await user.stub.reset(each.all ? null : ["bucket"]);
            if (each.all) used = 0;
            model = new ExactBucket(60_000, 60_000, 10_000, Date.now());
            change();
            break;
          case "crash":
          case "evict":
            await user.remaining();
            await user[each.kind]();
            break;
          case "decide": {
            const { cost } = each;
            const allowed = cost === 0 || (model.holds(cost * 1_000) && used + cost <= amount());
            const decision = await user.decide({ costMilli: cost * 1_000 });
            expect({ each, allowed: decision.allowed }).toEqual({ each, allowed });
            if (allowed) {
              model.charge(cost * 1_000);
              used += cost;
            }
            if (allowed && isDenied) letIn += 1;
            if (used > amount()) overdrawn += 1;
            isDenied = !allowed;
            const left = decision.limits.map(({ remaining }) => Math.round(remaining * 1_000));
            expect(left).toEqual([model.remainingMilli(), Math.max(0, amount() - used) * 1_000]);
          }
        }
      }
    });
    await fc.assert(run, { numRuns: 30 });
    // The schedules did raise limits of denied users, and lower limits below what was used.
    expect(letIn).toBeGreaterThan(5);
    expect(overdrawn).toBeGreaterThan(0);
  }, 60_000);
});
