/**
 * The judge from outside: a bucket and a quota of each counter, in true time, without any code of the product. Every request that the
 * object or an isolate admitted must fit at the moment when it was admitted, leases or not. So G1 holds in every window of every length
 * with the bound burst + rate * w, and every period of a quota holds its amount.
 *
 * It knows what was lent only to find the state of the account that a request was decided by: never an older one than was acknowledged
 * before the request arrived (G4).
 */
import type { Decision, DecisionRequest } from "../../src/core/decision.ts";
import { AccountModel, type CountedRule } from "./account-model.ts";
import type { Asked, Changed, History, Spend, Turn, Wrong } from "./history.ts";
import { lossOf } from "./loss.ts";
import { limitOf } from "./model.ts";
import { type Rule, type TierName, TIERS, VARIANTS } from "./policies.ts";
import { ReferenceBuckets } from "./reference-buckets.ts";
import { periodName, ReferencePeriods } from "./reference-periods.ts";
import { ReferenceVersions } from "./reference-versions.ts";

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
  readonly #versions = new ReferenceVersions();
  readonly #buckets = new ReferenceBuckets((counter) => this.#milliPerMs(counter));
  readonly #periods = new ReferencePeriods();
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
      this.#buckets.see(localMs);
      if (entry.kind === "loss") {
        this.#periods.lose();
        this.#buckets.lose(entry.nextMs);
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
    this.madeBy.set(number, this.#versions.latestNumber);
    if (change.kind !== "reset") return;
    this.#periods.reset(change.limits);
    this.#buckets.reset(change.limits);
  }

  /** Takes another version into force: until now, buckets refill as before. */
  #renew(atMs: number, localMs: number): void {
    this.#buckets.bring(localMs);
    const variant = this.#history.variants.get(this.#revision) ?? 0;
    this.#versions.add(this.#account, variant);
    this.#changedMs = atMs;
    this.#buckets.setRates();
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
      this.#buckets.bring(localMs);
      this.#buckets.setRates();
    }
    const by: Lent = { version: this.#versions.latestNumber, replacedMs, lentMs: localMs };
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
    const rules = this.#versions.at(version)?.account.rules(variant, route, keyId, localMs) ?? [];
    for (const [counter, { name, kind, capacityMilli }] of rules) {
      if (kind !== "bucket" || !decision.violated.includes(name)) continue;
      const fullMs = this.#buckets.fullMs(counter);
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
    const rejection = this.#versions.at(by.version)?.account.rejection(keyId, limitsMs);
    if (rejection) this.#wrong("G4", `admitted by a lease, but ${rejection}`, { atMs });
    this.#admit({ atMs, localMs, limitsMs, milli, decision, route, keyId, ...by });
  }

  #admit(admission: Admission): void {
    const { limitsMs, localMs, milli, decision, route, keyId, version, replacedMs } = admission;
    const tier = TIERS.find((name) => name === decision.tier);
    const variant = this.#history.variants.get(decision.revision) ?? 0;
    const account = this.#versions.at(version)?.account;
    if (!tier || !account) throw new Error("an admission by an unknown tier or version");
    const rules = account.rules(variant, route, keyId, limitsMs, tier);
    if (replacedMs < this.#changedMs) this.#admitBeyond(admission, rules);
    else {
      const isByLease = decision.source === "lease";
      this.#periods.use({ keyId, localMs, milli, isByLease }, rules, this.#versions.at(version)?.used);
      for (const counted of rules) this.#charge(admission, counted);
    }
  }

  #charge(admission: Admission, [counter, rule]: CountedRule): void {
    const { atMs, localMs, milli, decision } = admission;
    let sumMilli: number;
    if (rule.kind === "quota") {
      // If the clock has stepped back, a quota is in the newer period, or in this one if it was forgotten.
      const sums = [localMs, this.#seenMs].map((nowMs) => this.#usedOf(admission, counter, rule, nowMs));
      sumMilli = Math.min(...sums);
    } else sumMilli = this.#buckets.charge(counter, milli, localMs, atMs);
    if (sumMilli <= rule.capacityMilli) return;
    const mostMilli = this.#versions.mostMilli(admission, counter, rule);
    if (sumMilli > mostMilli) {
      this.#wrong("G1", `${counter} has ${sumMilli} of ${mostMilli} by ${decision.source}`, { atMs });
    }
  }

  /** What is used of a quota in the period of this moment. */
  #usedOf(admission: Admission, counter: string, rule: Rule, nowMs: number): number {
    const name = periodName(rule, admission.keyId, nowMs);
    const milli = this.#periods.usedOf(name, rule);
    if (milli <= rule.capacityMilli) return milli;
    return milli - this.#versions.withoutMilli(admission, counter, rule, name);
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
   * How fast a bucket refills by the policy in force, or by the one that is known and may be. The fastest if none of their limits is that
   * bucket's, or none was when the account was deleted: a bucket then refills as under the last limit that it had.
   */
  #milliPerMs(counter: string): number {
    const limit = limitOf(counter);
    const version = this.#versions.latest;
    const known = this.#known > this.#revision ? this.#history.variants.get(this.#known) : undefined;
    const isIt = ({ kind, name }: Rule): boolean => kind === "bucket" && name === limit;
    const ratesOf = (tier: TierName | undefined): number[] =>
      [version?.variant, known].flatMap((variant) => {
        const policy = VARIANTS[variant ?? -1];
        const rules = policy && tier ? [...policy.tiers[tier], policy.own] : [];
        return rules.filter(isIt).map(({ milliPerMs }) => milliPerMs);
      });
    const tier = version?.account.tier;
    const lastRates = ratesOf(this.#deletedTier ?? tier);
    if (lastRates.length > 0) return Math.max(...lastRates, ...ratesOf(tier));
    const all = VARIANTS.flatMap(({ tiers, own }) => Object.values(tiers).flat().concat(own));
    return Math.max(...all.filter(isIt).map(({ milliPerMs }) => milliPerMs));
  }
}

/** Longer than held floors and unsettled leases together keep a bucket from being full, several times. */
const LONG_MS = 30_000;
