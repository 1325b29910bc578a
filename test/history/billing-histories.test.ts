/**
 * Random histories of one billed account, in mid-traffic: changes of tier, policies and anchor day, trials, grants, resets, leases that
 * settle late, crashes, idle months, a deleted account that comes back, test keys among live ones. However they mix, the segments' usage
 * adds up to the live usage of the ledger, and that to what was admitted.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { BilledPeriod } from "../../src/billing/billed-period.ts";
import { usageBySegment } from "../../src/billing/segment.ts";
import { DAY_MS, HOUR_MS } from "../../src/core/time.ts";
import { KEY_MODES, type KeyMode, modeOf } from "../../src/identity/key-mode.ts";
import type { NewCredit, TierChange } from "../../src/objects/billing.ts";
import type { Lease } from "../../src/objects/object-call.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { checkPeriods, sumOf } from "./billed-periods.ts";
import { BilledUser, OPERATOR, stopTime } from "./billed-user.ts";

const RUNS = Number(process.env["BILLING_HISTORY_RUNS"] ?? 60);
const SEED = Number(process.env["BILLING_SEED"] ?? 20_261_130);

stopTime();

type TierDocument = PolicyDocument["tiers"][string];
const CENT = { model: "unit", unit: "0.01" } as const;
const TIERS = ["free", "pro", "max", "trial", "prepaid"] as const;

function tier(amount: number, overage: object, plan: TierDocument["plan"] = {}): TierDocument {
  const quota = { name: "month", kind: "quota", amount, per: "month", overage } as const;
  const hourly = { name: "hour", kind: "quota", amount: 10_000, per: "hour" } as const;
  return { limits: [hourly, quota], plan };
}

/** Which tiers and prices are in force: in some, a tier is missing. */
const VARIANTS: readonly PolicyDocument["tiers"][] = [
  {
    free: tier(40, { mode: "stop" }),
    pro: tier(100, { mode: "payg", price: CENT, spendCap: "0.50" }, { base: "31" }),
    max: tier(500, { mode: "payg", price: CENT }, { base: "310", minimum: "320" }),
    trial: tier(200, { mode: "payg", price: CENT, spendCap: "1" }, { base: "62", trialDays: 10 }),
    prepaid: tier(30, { mode: "prepaid", price: CENT }),
  },
  {
    free: tier(60, { mode: "stop" }),
    pro: tier(80, { mode: "payg", price: CENT, spendCap: "0.20" }, { base: "40" }),
    trial: tier(200, { mode: "payg", price: CENT }, { base: "62", trialDays: 3 }),
    prepaid: tier(50, { mode: "prepaid", price: CENT, spendCap: "1" }),
  },
  { free: tier(40, { mode: "stop" }), max: tier(500, { mode: "payg", price: CENT }, { base: "310" }) },
];

function document(variant: number, anchorDay: number): PolicyDocument {
  return {
    schema: 1,
    tiers: VARIANTS[variant] ?? {},
    routes: [{ match: "/a" }, { match: "/b" }],
    anonymousTier: "free",
    defaultTier: "free",
    billing: { currency: "USD", anchorDay },
  };
}

const route = fc.constantFrom("/a", "/b", null);
/** Of the key that is sent; null: none is. */
const key = fc.constantFrom("live", "test", null);
const changeTime = fc.constantFrom("now", "period_end", null);
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant("use"), route, key, tokens: fc.integer({ min: 1, max: 30 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("lease"),
      route,
      key,
      settles: fc.constantFrom("soon", "late", "never"),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("later"),
      ms: fc.constantFrom(1, 700, HOUR_MS / 2, HOUR_MS, 5 * HOUR_MS, 3 * DAY_MS, 12 * DAY_MS, 70 * DAY_MS),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("tier"), tier: fc.constantFrom(...TIERS), at: changeTime }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("patch"), tier: fc.constantFrom(...TIERS) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("amount"), amount: fc.constantFrom(null, 20, 300) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("policy"),
      variant: fc.nat(2),
      anchorDay: fc.constantFrom(1, 1, 31),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("anchor"), day: fc.constantFrom(null, 5, 20, 29, 31) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("grant"),
      amount: fc.integer({ min: 1, max: 80 }),
      days: fc.integer({ min: 1, max: 40 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("budget"), budget: fc.constantFrom(null, "0", "0.10", "2") }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "revoke",
        "reset",
        "crash",
        "back",
        "delete",
        "create",
        "look",
        "credit",
        "uncredit",
      ),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What of it really happened, over all runs. */
const seen = {
  segments: 0,
  periods: 0,
  usage: 0,
  late: 0,
  stubs: 0,
  early: 0,
  denied: 0,
  previews: 0,
  test: 0,
  exact: 0,
};

/** Tokens by the mode of the key. */
type ByMode = Record<KeyMode, number>;

class History {
  readonly user: BilledUser;
  readonly #open: { readonly lease: Lease; readonly atMs: number; readonly settles: string }[] = [];
  readonly #keys = new Map<KeyMode, string>();
  readonly #admitted: ByMode = { live: 0, test: 0 };
  #hasCrashed = false;
  #grants = 0;
  #credits = 0;

  constructor() {
    this.user = new BilledUser(Date.parse("2027-11-28T21:30:00Z"));
    this.user.publish(document(0, 1));
  }

  /** Creates the account, unless there is one, and its keys. */
  async begin(tierName: string): Promise<void> {
    const { object, revision } = this.user;
    const { kind } = await object.createAccount("ann", { name: "", tier: tierName }, OPERATOR, revision);
    if (kind !== "account") return;
    for (const mode of KEY_MODES) this.#keys.set(mode, await this.user.issueKey(mode));
  }

  /** What the ledger has is what was admitted, by each kind of key; after a crash, it may lack some. */
  async checkLedger(): Promise<void> {
    const metered = await this.#metered();
    if (this.#hasCrashed) {
      for (const mode of KEY_MODES) expect(metered[mode]).toBeLessThanOrEqual(this.#admitted[mode]);
    } else {
      expect(metered).toEqual(this.#admitted);
      seen.exact += 1;
    }
  }

  async #metered(): Promise<ByMode> {
    const toMs = this.user.nowMs + 400 * DAY_MS;
    const query = {
      fromMs: 0,
      toMs,
      granularity: "month",
      anchorDay: 1,
      byRoute: false,
      after: null,
    } as const;
    const costOf = async (keyMode: KeyMode): Promise<number> => {
      const rows = (await this.user.object.usage({ ...query, keyMode, count: 1_000 })) ?? [];
      return Math.round(rows.reduce((sum, { cost }) => sum + cost, 0) * 1_000) / 1_000;
    };
    return { live: await costOf("live"), test: await costOf("test") };
  }

  #keyOf(mode: KeyMode | null): string | null {
    return mode && (this.#keys.get(mode) ?? null);
  }

  async take(given: Step): Promise<void> {
    const { user } = this;
    const { object, revision } = user;
    switch (given.kind) {
      case "use": {
        const keyId = this.#keyOf(given.key);
        if (!(await user.use(given.route, given.tokens, keyId))) seen.denied += 1;
        else {
          this.#admitted[modeOf(keyId)] += given.tokens;
          if (given.key === "test") seen.test += 1;
          else await this.#checkStop();
        }
        return;
      }
      case "lease": {
        const keyId = this.#keyOf(given.key);
        const { lease, decision } = await user.ask(given.route, 1, 10_000, keyId);
        if (decision.allowed) this.#admitted[modeOf(keyId)] += 1;
        if (lease) this.#open.push({ lease, atMs: user.nowMs, settles: given.settles });
        return;
      }
      case "later":
        user.later(given.ms);
        await this.#settle();
        return;
      case "back":
        user.later(-3 * HOUR_MS);
        return;
      case "tier":
        await this.#changeTier({ tier: given.tier, at: given.at });
        return;
      case "patch":
        await object.changeAccount({ tier: given.tier }, OPERATOR, revision);
        return;
      case "amount": {
        const overrides = given.amount === null ? {} : { month: { amount: given.amount } };
        await object.changeAccount({ overrides }, OPERATOR, revision);
        return;
      }
      case "policy":
        user.publish(document(given.variant, given.anchorDay));
        return;
      case "anchor":
        await object.changeBilling({ anchorDay: given.day }, revision, OPERATOR);
        return;
      case "budget":
        await object.changeBilling({ budget: given.budget }, revision, OPERATOR);
        return;
      case "grant": {
        this.#grants += 1;
        const untilMs = user.nowMs + given.days * DAY_MS;
        const grant = {
          grantId: `g${this.#grants}`,
          limit: "month",
          amount: given.amount,
          untilMs,
          createdMs: user.nowMs,
        };
        await object.grant(grant, OPERATOR);
        return;
      }
      case "revoke":
        await object.revokeGrant(`g${this.#grants}`, OPERATOR);
        return;
      case "reset":
        await object.reset(["hour"], OPERATOR);
        return;
      case "crash":
        user.crash();
        this.#hasCrashed = true;
        return;
      case "delete":
        await object.deleteAccount(OPERATOR);
        return;
      case "create":
        await this.begin("trial");
        return;
      case "credit":
        this.#credits += 1;
        await object.addCredit(creditOf(this.#credits), revision, OPERATOR);
        return;
      case "uncredit":
        await object.removeCredit(`c${this.#credits}`, revision, OPERATOR);
        return;
      case "look":
        await object.billing(revision);
    }
  }

  /** Settles leases that are due: soon within a second, late hours after. */
  async #settle(): Promise<void> {
    const { user } = this;
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const { lease, atMs, settles } = this.#open[i] ?? { lease: null, atMs: 0, settles: "" };
      const waitedMs = user.nowMs - atMs;
      if (lease === null || settles === "never" || waitedMs < (settles === "soon" ? 1 : 3 * HOUR_MS))
        continue;
      this.#open.splice(i, 1);
      const cells = [
        {
          route: lease.route ?? "/b",
          keyId: lease.keyId ?? "",
          requests: 1,
          costMilli: Math.min(lease.milli, 2_000),
          denied: 0,
        },
      ];
      const before = await this.#metered();
      await user.object.serve({ settlements: [{ leaseId: lease.id, cells }], questions: [] });
      user.disk.flush();
      // Metered as a whole, in its own mode, or, if it comes too late, not at all.
      const after = await this.#metered();
      const mode = modeOf(lease.keyId);
      const gained = after[mode] - before[mode];
      expect([0, Math.min(lease.milli, 2_000) / 1_000]).toContain(gained);
      expect(after).toEqual({ ...before, [mode]: before[mode] + gained });
      this.#admitted[mode] += gained;
      if (settles === "late") seen.late += 1;
    }
  }

  /** A preview says what the change then does. */
  async #changeTier(change: TierChange): Promise<void> {
    const { object, revision } = this.user;
    const previewed = await object.previewTier(change, revision);
    const changed = await object.changeTier(change, revision, OPERATOR);
    if (previewed.kind !== "preview" || changed.kind !== "changed") {
      expect(previewed.kind).toBe(changed.kind);
      return;
    }
    const { at: startsAt, after, allowance } = previewed.preview;
    const { accrued, allowance: left } = changed.billing;
    expect([startsAt, after, allowance]).toEqual([changed.at, accrued, left]);
    seen.previews += after.total === previewed.preview.before.total ? 0 : 1;
  }

  /** Never one token beyond the hard stop: by the ledger, right after an admission that is billed. */
  async #checkStop(): Promise<void> {
    const answer = await this.user.object.billing(this.user.revision);
    if (answer.kind !== "billing" || answer.billing.allowance === null) return;
    const { used, amount } = answer.billing.allowance;
    if (amount !== null) expect(used).toBeLessThanOrEqual(amount);
  }
}

function creditOf(n: number): NewCredit {
  const amount = n % 2 === 0 ? "0.30" : "1";
  const times = { effectiveMs: null, expiresMs: null };
  return { id: `c${n}`, kind: "paid", amount, currency: null, ...times, source: `s${n}` };
}

function notePeriods(user: BilledUser, periods: readonly BilledPeriod[]): void {
  checkPeriods(user, periods);
  for (const { period, segments, usageAtEnd } of periods) {
    seen.segments += segments.length - 1;
    seen.periods += 1;
    seen.usage += usageBySegment(
      segments,
      usageAtEnd ?? user.ledger(period.startMs, period.endMs),
    ).flat().length;
    if (usageAtEnd !== null) seen.early += 1;
    if (period.endMs - period.startMs < period.fullMs) seen.stubs += 1;
  }
}

it("bills every request of the ledger in exactly one segment, however an account changes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60, size: "max" }), async (steps) => {
      const history = new History();
      const { user } = history;
      await history.begin("pro");
      for (const each of steps) await history.take(each);
      await history.checkLedger();
      const periods = user.periods();
      notePeriods(user, periods);
      // An account that was never deleted has no moment, and no usage, outside its periods.
      if (periods.some(({ usageAtEnd }) => usageAtEnd !== null)) return;
      for (const [i, { period }] of periods.entries()) {
        if (i > 0) expect(period.startMs).toBe(periods[i - 1]?.period.endMs);
      }
      const billed = periods.flatMap(({ period }) => user.ledger(period.startMs, period.endMs));
      expect(sumOf(billed)).toEqual(sumOf(user.ledger()));
    }),
    { numRuns: RUNS, seed: SEED },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(RUNS / 10);
});
