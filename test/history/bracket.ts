/** What limits hold at most and at least: both models, and what is lent. */
import type { CountedRule } from "./account-model.ts";
import { type LentLease, LentLeases, type LentOf } from "./lent-leases.ts";
import { Model } from "./model.ts";
import { periodStartMs, type Rule } from "./policies.ts";

export class Bracket {
  readonly generous = new Model(true);
  readonly stingy = new Model(false);
  readonly leases = new LentLeases();

  /** Notes a time of the object's clock. */
  see(nowMs: number): void {
    this.generous.see(nowMs);
    this.stingy.see(nowMs);
  }

  reset(limits: readonly string[] | null): void {
    this.generous.reset(limits);
    this.stingy.reset(limits);
  }

  /** Tells the models how fast buckets refill now, in case nothing reads them before that changes. */
  noteRates(rules: readonly CountedRule[], nowMs: number): void {
    for (const [name, rule] of rules) {
      if (rule.kind !== "bucket") continue;
      this.generous.usedMilli(name, rule, nowMs);
      this.stingy.usedMilli(name, rule, nowMs);
    }
  }

  /** What is left of a limit if only what was really spent of leases counts. Millitokens. */
  mostLeft([name, rule]: CountedRule, nowMs: number): number {
    return rule.capacityMilli - this.generous.usedMilli(name, rule, nowMs);
  }

  /** What is left of a limit if all that is lent is spent. Millitokens. */
  leastLeft([name, rule]: CountedRule, nowMs: number): number {
    const leftMilli = rule.capacityMilli - this.stingy.usedMilli(name, rule, nowMs);
    return this.leases.hasOpen ? leftMilli - this.lentOf(name, rule, nowMs).lentMilli : leftMilli;
  }

  /** What is lent of a limit. Leases of an earlier period count in no quota. */
  lentOf(name: string, rule: Rule, nowMs: number): LentOf {
    const sinceMs = rule.kind === "quota" ? periodStartMs(rule.per, Math.max(nowMs, this.stingy.seenMs)) : 0;
    return this.leases.lentOf(name, rule, sinceMs);
  }

  /** Charges a request that the object has admitted. */
  charge(milli: number, rules: readonly CountedRule[], keyId: string | null, nowMs: number): void {
    const inForce = rules.map(([, rule]) => rule);
    for (const model of [this.generous, this.stingy]) {
      for (const [name, rule] of rules) {
        if (rule.kind === "bucket") model.charge(name, rule, milli, nowMs);
      }
      model.admit(milli, inForce, keyId, nowMs);
    }
  }

  /**
   * Charges the limits from which a lease was taken, whatever limits are in force by now; those may refill at another rate.
   * @param inForce the limits of such a request now.
   */
  chargeLent(
    model: Model,
    { lease, lentAtMs, rules }: LentLease,
    milli: number,
    inForce: readonly CountedRule[],
    atMs: number,
  ): void {
    const now = new Map(inForce);
    for (const [name, rule] of rules) {
      if (rule.kind !== "bucket") continue;
      const current = now.get(name)?.milliPerMs ?? rule.milliPerMs;
      // After the account's deletion, that of its last tier may still be.
      const last = model.rateOf(name) ?? rule.milliPerMs;
      const milliPerMs =
        model === this.generous
          ? Math.max(rule.milliPerMs, current, last)
          : Math.min(rule.milliPerMs, current);
      model.charge(name, { ...rule, milliPerMs }, milli, atMs);
    }
    const lentBy = rules.map(([, rule]) => rule);
    // A lease of a quota's earlier period does not count in the new one.
    model.admit(milli, lentBy, lease.keyId, lentAtMs, lentAtMs);
  }
}
