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

export class AccountModel {
  tier: TierName = "tight";
  #isBlocked = false;
  #burst: number | null = null;
  #extras: Extra[] = [];
  /** When each key expires. Keys that are not valid have no entry. */
  readonly #keys = new Map<string, number>();

  /** Applies a change. A reset changes nothing here, only counters. */
  apply(change: OperatorChange | Creation, nowMs: number): void {
    switch (change.kind) {
      case "create":
        this.tier = TIERS.find((tier) => tier === change.tier) ?? "tight";
        for (const key of [0, 1]) this.#keys.set(keyIdOf(key), Infinity);
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
      case "grant":
        this.#extras.push({
          limit: change.limit,
          milli: change.amount * 1_000,
          untilMs: change.untilMs ?? nowMs + change.lastsMs,
        });
        return;
      case "key":
        if (change.valid) this.#keys.set(keyIdOf(change.key), change.untilMs ?? Infinity);
        else this.#keys.delete(keyIdOf(change.key));
        return;
      case "reset":
    }
  }

  /** Why every request with this key is rejected, whatever the limits; null if the limits decide. */
  rejection(keyId: string | null, nowMs: number): "blocked" | "revoked" | null {
    if (this.#isBlocked) return "blocked";
    return keyId !== null && nowMs >= (this.#keys.get(keyId) ?? -Infinity) ? "revoked" : null;
  }

  /** The limits of a request, by counter. */
  rules(variant: number, route: string | null, keyId: string | null, nowMs: number): [string, Rule][] {
    const policy = VARIANTS[variant];
    if (!policy) throw new Error(`no variant ${variant}`);
    const own = policy.tiers[this.tier].map((rule) => this.#adjusted(rule, nowMs));
    const all = route === "/own" ? [...own, policy.own] : own;
    return all.flatMap((rule): [string, Rule][] => {
      const name = counterOf(rule, keyId);
      return name === null ? [] : [[name, rule]];
    });
  }

  #adjusted(rule: Rule, nowMs: number): Rule {
    const granted = this.#extras
      .filter(({ limit, untilMs }) => limit === rule.name && nowMs < untilMs)
      .reduce((sum, { milli }) => sum + milli, 0);
    const isOwn = rule.name === "minute" && this.#burst !== null;
    const capacityMilli = isOwn ? (this.#burst ?? 0) * 1_000 : rule.capacityMilli;
    return { ...rule, capacityMilli: capacityMilli + granted };
  }
}
