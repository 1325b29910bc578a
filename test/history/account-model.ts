/** The account at one point of a history: tier, status, overrides, grants, keys. Has no counters. */
import { counterOf } from "./model.ts";
import { type Rule, TIERS, type TierName, VARIANTS } from "./policies.ts";
import type { OperatorChange } from "./schedule.ts";
import { type Creation, keyIdOf } from "./history.ts";

interface Extra {
  readonly limit: string;
  readonly milli: number;
  readonly untilMs: number;
}

/** A rule with its counter. */
export type CountedRule = readonly [counter: string, rule: Rule];

export class AccountModel {
  tier: TierName = "tight";
  #isBlocked = false;
  #burst: number | null = null;
  #extras: readonly Extra[] = [];
  /** When each key expires. Keys that are not valid have no entry. */
  #keys: ReadonlyMap<string, number> = new Map();

  /** The account as it is now, whatever changes later. */
  copy(): AccountModel {
    const copy = new AccountModel();
    copy.tier = this.tier;
    copy.#isBlocked = this.#isBlocked;
    copy.#burst = this.#burst;
    copy.#extras = this.#extras;
    copy.#keys = this.#keys;
    return copy;
  }

  /** Applies a change. A reset changes nothing here, only counters. */
  apply(change: OperatorChange | Creation, nowMs: number): void {
    switch (change.kind) {
      case "create":
        this.tier = TIERS.find((tier) => tier === change.tier) ?? "tight";
        this.#keys = new Map([0, 1].map((key) => [keyIdOf(key), Infinity]));
        return;
      case "tier":
        this.tier = change.tier;
        return;
      case "status":
        this.#isBlocked = change.status === "blocked";
        return;
      case "numbers":
        this.#burst = change.burst;
        return;
      case "grant": {
        const { limit, amount, lastsMs } = change;
        const untilMs = change.untilMs ?? nowMs + lastsMs;
        this.#extras = [...this.#extras, { limit, milli: amount * 1_000, untilMs }];
        return;
      }
      case "key": {
        const keys = new Map(this.#keys);
        if (change.valid) keys.set(keyIdOf(change.key), change.untilMs ?? Infinity);
        else keys.delete(keyIdOf(change.key));
        this.#keys = keys;
        return;
      }
      case "reset":
    }
  }

  /** Why every request with this key is rejected, whatever the limits; null if the limits decide. */
  rejection(keyId: string | null, nowMs: number): "blocked" | "revoked" | null {
    if (this.#isBlocked) return "blocked";
    return keyId !== null && nowMs >= (this.#keys.get(keyId) ?? -Infinity) ? "revoked" : null;
  }

  /** The limits of a request, by counter. @param tier if it is not the account's. */
  rules(
    variant: number,
    route: string | null,
    keyId: string | null,
    nowMs: number,
    tier = this.tier,
  ): CountedRule[] {
    const policy = VARIANTS[variant];
    if (!policy) throw new Error(`no variant ${variant}`);
    const counted: CountedRule[] = [];
    for (const rule of policy.tiers[tier]) {
      const name = counterOf(rule, keyId);
      if (name !== null) counted.push([name, this.#adjusted(rule, nowMs)]);
    }
    if (route === "/own") counted.push([policy.own.name, policy.own]);
    return counted;
  }

  #adjusted(rule: Rule, nowMs: number): Rule {
    const isOwn = rule.name === "minute" && this.#burst !== null;
    if (!isOwn && this.#extras.length === 0) return rule;
    let capacityMilli = isOwn ? (this.#burst ?? 0) * 1_000 : rule.capacityMilli;
    for (const { limit, milli, untilMs } of this.#extras) {
      if (limit === rule.name && nowMs < untilMs) capacityMilli += milli;
    }
    return { ...rule, capacityMilli };
  }
}
