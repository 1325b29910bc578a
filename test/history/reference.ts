/**
 * The judge from outside: a bucket and a quota of each counter, in true time, from outside and without any code of the product. Every request that the
 * object or an isolate admitted must fit at the moment when it was admitted, leases or not. So G1 holds in every window of every length
 * with the bound burst + rate * w, and every period of a quota holds its amount.
 *
 * It knows what was lent only to find the state of the account that a request was decided by: never an older one than was acknowledged
 * before the request arrived (G4).
 */
import type { Decision, DecisionRequest } from "../../src/core/decision.ts";
import { AccountModel, type CountedRule } from "./account-model.ts";
import {
  type Asked,
  type Changed,
  type History,
  originOf,
  type Spend,
  type Turn,
  type Wrong,
} from "./history.ts";
import { periodStartMs, type Rule, type TierName, TIERS, VARIANTS } from "./policies.ts";
import { billLossOf, lossOf } from "./loss.ts";

/** A state of the account and the policy: each change makes another. */
interface Version {
  readonly account: AccountModel;
  readonly variant: number;
  /** What was admitted by it in each period. */
  readonly used: Map<string, number>;
}

interface Admission {
  readonly atMs: number;
  /** By the object's clock. */
  readonly localMs: number;
  /** When its limits were in force, by that clock: now, or when a lease was lent by a clock that has stepped since. */
  readonly limitsMs: number;
  readonly milli: number;
  readonly decision: Decision;
  readonly route: string | null;
  readonly keyId: string | null;
  /** The number of the version by which it was decided. */
  readonly version: number;
  /** When the copy of the object was replaced that decided it, or lent for it; Infinity: it was not. */
  readonly replacedMs: number;
}

interface Debt {
  milli: number;
  /** By the object's clock. */
  atMs: number;
  /** How fast it has been refilled since then. */
  perMs: number;
  /** When it was last charged by that clock, the latest time that has shown since, and how often the object had lost its memory by then. */
  chargedMs: number;
  seenMs: number;
  /** When it is full again if nothing else is charged, at this rate, in true time. */
  fullMs: number;
  losses: number;
}

interface Lent {
  readonly version: number;
  readonly replacedMs: number;
  /** By the object's clock. */
  readonly lentMs: number;
}

export class Reference {
  /** The version by which each decision of the object was made, by its id. */
  readonly decided = new Map<string, Lent>();
  /** The same of each request that was admitted from a lease. */
  readonly spent = new Map<Asked, Lent>();
  readonly #lent = new Map<string, Lent>();
  /** The version that each change made, by its number. */
  readonly madeBy = new Map<number, number>();
  readonly #history: History;
  readonly #wrong: Wrong;
  readonly #account = new AccountModel();
  readonly #versions: Version[] = [];
  readonly #debts = new Map<string, Debt>();
  /** What was used in each period, by its name. */
  readonly #used = new Map<string, number>();
  /** The part of it that no quota counted, by the object and by isolates. */
  readonly #losable = new Map<string, number>();
  readonly #losableByIsolates = new Map<string, number>();
  /** The most that crashes may have taken from the bill, and that the next one may take. */
  #losses = 0;
  #lossMilli = 0;
  #billLossMilli = 0;
  /** What had been used when a limit was reset last, by its name; "" for all limits. */
  readonly #forgiven = new Map<string, ReadonlyMap<string, number>>();
  /** What replaced copies admitted after a change that they did not know, by copy and counter. */
  readonly #beyond = new Map<string, number>();
  #revision = 0;
  /** The newest revision that a call has brought, perhaps with a peek. From the next charge on, it is in force. */
  #known = 0;
  #changedMs = -Infinity;
  /** The tier of an account that was deleted, until the next admission: only that shows the object which tier applies without an account. */
  #deletedTier: TierName | null = null;
  /** The latest time that the object's clock has shown, and whether that is always true. */
  #seenMs = -Infinity;
  readonly #isOneClock: boolean;

  constructor(history: History, wrong: Wrong) {
    this.#history = history;
    this.#wrong = wrong;
    this.#isOneClock = history.entries.every(({ atMs, localMs }) => atMs === localMs);
  }

  run(): void {
    for (const entry of this.#history.entries) {
      const { localMs } = entry;
      this.#seenMs = Math.max(this.#seenMs, localMs);
      for (const debt of this.#debts.values()) debt.seenMs = Math.max(debt.seenMs, localMs);
      if (entry.kind === "loss") {
        this.#lossMilli += this.#billLossMilli;
        this.#losses += 1;
        for (const debt of this.#debts.values()) {
          // What is on disk may be as of the latest time. By the clock of the object that follows, no bucket is held for longer.
          this.#bring(debt, debt.seenMs);
          debt.atMs = Math.min(debt.atMs, entry.nextMs + FLOOR_HOLD_MS);
        }
      } else if (entry.kind === "spend") this.#spend(entry);
      else if (entry.kind === "change" && entry.kept) this.#change(entry);
      else if (entry.kind === "turn" && entry.kept) this.#turn(entry);
    }
  }

  #change({ change, atMs, localMs, number }: Changed): void {
    if (this.madeBy.has(number)) this.#wrong("G4", `change ${number} was made twice`, { atMs });
    if (change.kind === "delete") this.#deletedTier ??= this.#account.tier;
    else if (change.kind === "create") this.#deletedTier = null;
    this.#account.apply(change, number, localMs);
    this.#renew(atMs, localMs);
    this.madeBy.set(number, this.#versions.length - 1);
    if (change.kind !== "reset") return;
    for (const limit of change.limits ?? [""]) this.#forgiven.set(limit, new Map(this.#used));
    for (const counter of this.#debts.keys()) {
      if (change.limits === null || change.limits.includes(limitOf(counter))) this.#debts.delete(counter);
    }
  }

  /** Takes another version into force: until now, buckets refill as before. */
  #renew(atMs: number, localMs: number): void {
    this.#bringAll(localMs);
    const variant = this.#history.variants.get(this.#revision) ?? 0;
    this.#versions.push({ account: this.#account.copy(), variant, used: new Map() });
    this.#changedMs = atMs;
    this.#setRates(localMs);
  }

  #bringAll(nowMs: number): void {
    for (const debt of this.#debts.values()) this.#bring(debt, nowMs);
  }

  /**
   * Refills a bucket up to now by the object's clock. If that has stepped back, nothing refills until it has caught up; but the object may
   * have forgotten a bucket that was full by then.
   */
  #bring(debt: Debt, nowMs: number): void {
    if (debt.milli <= debt.perMs * (debt.seenMs - debt.atMs)) {
      debt.milli = 0;
      debt.atMs = nowMs;
    } else if (nowMs > debt.atMs) {
      debt.milli = Math.max(0, debt.milli - debt.perMs * (nowMs - debt.atMs));
      debt.atMs = nowMs;
    }
  }

  /** An object that has restarted knows no old rate of a bucket that it has not charged since: all its time counts at the new one. */
  #setRates(nowMs: number): void {
    for (const [counter, debt] of this.#debts) {
      const perMs = this.#milliPerMs(counter);
      const isForgotten = debt.losses < this.#losses && perMs > debt.perMs;
      const elapsedMs = Math.max(0, nowMs - debt.chargedMs);
      if (isForgotten) debt.milli = Math.max(0, debt.milli - (perMs - debt.perMs) * elapsedMs);
      debt.perMs = perMs;
    }
  }

  #turn(turn: Turn): void {
    const { answers, questions, atMs, localMs, isStale, replacedMs } = turn;
    for (const [i, { decision, lease }] of answers.entries()) {
      const { request, decide } = questions[i] ?? {};
      const isPeek = request?.peek ?? false;
      // An idempotency key repeats a decision of an older revision, but the question brings the newer one.
      const asked = decide ? (request?.revision ?? 0) : 0;
      const revision = Math.max(asked, decision?.revision ?? 0, lease?.revision ?? 0);
      if (!isStale && !isPeek && revision > this.#revision) {
        this.#revision = revision;
        this.#renew(atMs, localMs);
      }
      if (isStale || Math.max(request?.revision ?? 0, revision) <= Math.max(this.#known, this.#revision))
        continue;
      this.#known = Math.max(request?.revision ?? 0, revision);
      this.#bringAll(localMs);
      this.#setRates(localMs);
    }
    const by: Lent = { version: this.#versions.length - 1, replacedMs, lentMs: localMs };
    answers.forEach(({ decision, lease }, i) => {
      const request = questions[i]?.request;
      if (lease) this.#lent.set(lease.id, by);
      if (!decision || !request || decision.replayed) return;
      this.decided.set(decision.decisionId, by);
      if (decision.outcome === "denied" && !isStale) this.#checkDenial(decision, request, turn, by.version);
      if (!decision.allowed || request.peek) return;
      this.#deletedTier = null;
      const { route, keyId } = request;
      const milli = decision.cost * 1_000;
      this.#admit({ atMs, localMs, limitsMs: localMs, milli, decision, route, keyId, ...by });
    });
  }

  /** Whatever crashes and clocks do: who has not used a bucket for long after it was full again is not denied by it. */
  #checkDenial(
    decision: Decision,
    { route, keyId }: DecisionRequest,
    { atMs, localMs }: Turn,
    version: number,
  ): void {
    const variant = this.#history.variants.get(decision.revision) ?? 0;
    const rules = this.#versions[version]?.account.rules(variant, route, keyId, localMs) ?? [];
    for (const [counter, { name, kind, capacityMilli }] of rules) {
      if (kind !== "bucket" || !decision.violated.includes(name)) continue;
      const fullMs = this.#debts.get(counter)?.fullMs ?? -Infinity;
      if (decision.cost * 1_000 <= capacityMilli && atMs > fullMs + LONG_MS)
        this.#wrong("G2", `denied by ${counter}, which has been full for ${atMs - fullMs} ms`, { atMs });
    }
  }

  #spend({ asked, lease, atMs, localMs }: Spend): void {
    const { decision, request, costMilli: milli } = asked;
    const by = this.#lent.get(lease.id);
    if (!decision || !by) return;
    this.spent.set(asked, by);
    const { route, keyId } = request;
    const limitsMs = this.#isOneClock ? localMs : by.lentMs;
    const rejection = this.#versions[by.version]?.account.rejection(keyId, limitsMs);
    if (rejection) this.#wrong("G4", `admitted by a lease, but ${rejection}`, { atMs });
    this.#admit({ atMs, localMs, limitsMs, milli, decision, route, keyId, ...by });
  }

  #admit(admission: Admission): void {
    const { limitsMs, decision, route, keyId, version, replacedMs } = admission;
    const tier = TIERS.find((name) => name === decision.tier);
    const variant = this.#history.variants.get(decision.revision) ?? 0;
    const account = this.#versions[version]?.account;
    if (!tier || !account) throw new Error("an admission by an unknown tier or version");
    const rules = account.rules(variant, route, keyId, limitsMs, tier);
    if (replacedMs < this.#changedMs) this.#admitBeyond(admission, rules);
    else {
      this.#use(admission, rules);
      for (const counted of rules) this.#charge(admission, counted);
    }
  }

  /**
   * Counts an admission in its periods of each length, for all keys and for its own. A quota that was not in force has it only from the
   * bill, which a crash of the object or of the isolate may have taken it from.
   */
  #use({ keyId, localMs, milli, decision, version }: Admission, rules: readonly CountedRule[]): void {
    const quotas = rules.filter(([, { kind }]) => kind === "quota");
    this.#billLossMilli = Math.max(this.#billLossMilli, billLossOf(rules.map(([, rule]) => rule)));
    for (const per of PERIODS) {
      for (const key of keyId === null ? [""] : ["", originOf(keyId)]) {
        const name = `${per} ${periodStartMs(per, localMs)} ${key}`;
        for (const used of [this.#used, this.#versions[version]?.used])
          used?.set(name, (used.get(name) ?? 0) + milli);
        if (quotas.some(([, { byKey }]) => byKey || key === "")) continue;
        const losable = decision.source === "lease" ? this.#losableByIsolates : this.#losable;
        losable.set(name, (losable.get(name) ?? 0) + milli);
      }
    }
  }

  #charge(admission: Admission, [counter, rule]: CountedRule): void {
    const { atMs, localMs, milli, decision } = admission;
    let sumMilli: number;
    if (rule.kind === "quota") {
      // If the clock has stepped back, a quota is in the newer period, or in this one if it was forgotten.
      const sums = [localMs, this.#seenMs].map((nowMs) => this.#usedOf(admission, counter, rule, nowMs));
      sumMilli = Math.min(...sums);
    } else {
      const unused = {
        milli: 0,
        atMs: localMs,
        perMs: this.#milliPerMs(counter),
        chargedMs: localMs,
        seenMs: localMs,
        fullMs: atMs,
        losses: 0,
      };
      const debt = this.#debts.get(counter) ?? unused;
      this.#debts.set(counter, debt);
      this.#bring(debt, localMs);
      debt.milli += milli;
      debt.chargedMs = debt.seenMs = localMs;
      debt.fullMs = atMs + debt.milli / debt.perMs;
      debt.losses = this.#losses;
      sumMilli = debt.milli;
    }
    if (sumMilli <= rule.capacityMilli) return;
    const mostMilli = this.#mostMilli(admission, counter, rule);
    if (sumMilli > mostMilli) {
      this.#wrong("G1", `${counter} has ${sumMilli} of ${mostMilli} by ${decision.source}`, { atMs });
    }
  }

  /** What is used of a quota in the period of this moment. */
  #usedOf(admission: Admission, counter: string, rule: Rule, nowMs: number): number {
    const { keyId } = admission;
    const name = `${rule.per} ${periodStartMs(rule.per, nowMs)} ${rule.byKey && keyId ? originOf(keyId) : ""}`;
    const forgiven = [rule.name, ""].map((limit) => this.#forgiven.get(limit)?.get(name) ?? 0);
    const lostMilli =
      Math.min(this.#lossMilli, this.#losable.get(name) ?? 0) + (this.#losableByIsolates.get(name) ?? 0);
    const milli = (this.#used.get(name) ?? 0) - lostMilli - Math.max(...forgiven);
    if (milli <= rule.capacityMilli) return milli;
    return milli - this.#withoutMilli(admission, counter, rule, name);
  }

  /** The most that a counter may hold: by the version that decided, or by any since. */
  #mostMilli({ limitsMs, route, keyId, version }: Admission, counter: string, own: Rule): number {
    let mostMilli = own.capacityMilli;
    for (const { account, variant } of this.#versions.slice(version)) {
      for (const [name, rule] of account.rules(variant, route, keyId, limitsMs)) {
        if (name === counter && isSame(rule, own)) mostMilli = Math.max(mostMilli, rule.capacityMilli);
      }
    }
    return mostMilli;
  }

  /**
   * What versions since have admitted that do not have the quota. A lease of before was set aside from it: whatever is admitted without
   * it meanwhile takes nothing from that.
   */
  #withoutMilli(
    { limitsMs, route, keyId, version }: Admission,
    counter: string,
    own: Rule,
    name: string,
  ): number {
    let milli = 0;
    for (const { account, variant, used } of this.#versions.slice(version + 1)) {
      const rules = account.rules(variant, route, keyId, limitsMs);
      if (!rules.some(([other, rule]) => other === counter && isSame(rule, own)))
        milli += used.get(name) ?? 0;
    }
    return milli;
  }

  /** A change cannot take back what a replaced copy had reserved by then. */
  #admitBeyond({ atMs, milli, replacedMs }: Admission, rules: readonly CountedRule[]): void {
    for (const [counter, rule] of rules) {
      const name = `${replacedMs} ${counter}`;
      const sumMilli = (this.#beyond.get(name) ?? 0) + milli;
      this.#beyond.set(name, sumMilli);
      const mostMilli = lossOf(rule);
      if (sumMilli > mostMilli)
        this.#wrong("G1", `a replaced copy admitted ${sumMilli} of ${mostMilli} by ${counter}`, { atMs });
    }
  }

  /**
   * How fast a bucket refills by the policy in force, or by the one that is known and may be; the fastest if none of their limits is that
   * bucket's.
   */
  #milliPerMs(counter: string): number {
    const limit = limitOf(counter);
    const version = this.#versions.at(-1);
    const known = this.#known > this.#revision ? this.#history.variants.get(this.#known) : undefined;
    const isIt = ({ kind, name }: Rule): boolean => kind === "bucket" && name === limit;
    const rates = [version?.variant, known].flatMap((variant) => {
      const policy = version && VARIANTS[variant ?? -1];
      if (!policy) return [];
      const tiers = [version.account.tier, this.#deletedTier ?? version.account.tier];
      const rules = [...tiers.flatMap((tier) => policy.tiers[tier]), policy.own];
      return rules.filter(isIt).map(({ milliPerMs }) => milliPerMs);
    });
    if (rates.length > 0) return Math.max(...rates);
    const all = VARIANTS.flatMap(({ tiers, own }) => Object.values(tiers).flat().concat(own));
    return Math.max(...all.filter(isIt).map(({ milliPerMs }) => milliPerMs));
  }
}

const FLOOR_HOLD_MS = 5_000;

/** Longer than held floors and unsettled leases together keep a bucket from being full, several times. */
const LONG_MS = 30_000;

const PERIODS = ["hour", "day", "month", "month from the 15th"] as const;

/** Whether both count the same, whatever they hold. */
function isSame(one: Rule, other: Rule): boolean {
  return one.kind === other.kind && one.per === other.per;
}

function limitOf(counter: string): string {
  return counter.split("#", 1)[0] ?? counter;
}
