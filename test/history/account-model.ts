/** The account at one point of a history: tier, status, overrides, grants, keys. Has no counters. */
import { counterOf } from "./model.ts";
import { type Rule, TIERS, type TierName, VARIANTS } from "./policies.ts";
import type { OperatorChange } from "./schedule.ts";
import { type Creation, keyIdOf } from "./history.ts";

interface Extra {
  /** The number of the change that granted it. */
  readonly change: number;
  readonly limit: string;
  readonly milli: number;
  readonly untilMs: number;
}

/** A valid key: when it expires, and when it ends since another has replaced it. */
interface Key {
  readonly expiresMs: number;
  readonly graceEndsMs: number;
}

/** Of the requests' credentials: applies if there is no account. */
const CREDENTIALS_TIER: TierName = "tight";

/** A rule with its counter. */
export type CountedRule = readonly [counter: string, rule: Rule];

export class AccountModel {
  tier: TierName = CREDENTIALS_TIER;
  #isBlocked = false;
  #burst: number | null = null;
  #extras: readonly Extra[] = [];
  #keys: ReadonlyMap<string, Key> = new Map();

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

  /** Applies the change of this number. A reset changes nothing here, only counters. */
  apply(change: OperatorChange | Creation, number: number, nowMs: number): void {
    switch (change.kind) {
      case "begin":
        this.tier = TIERS.find((tier) => tier === change.tier) ?? CREDENTIALS_TIER;
        this.#keys = new Map(
          [0, 1].map((key) => [keyIdOf(key), { expiresMs: Infinity, graceEndsMs: Infinity }]),
        );
        return;
      case "create":
        this.tier = change.tier;
        return;
      case "delete":
        this.tier = CREDENTIALS_TIER;
        this.#isBlocked &&= !change.lift;
        this.#burst = null;
        this.#extras = [];
        this.#keys = new Map();
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
        this.#extras = [...this.#extras, { change: number, limit, milli: amount * 1_000, untilMs }];
        return;
      }
      case "revoke":
        this.#extras = this.#extras.filter((extra) => extra.change !== change.grant);
        return;
      case "key": {
        const keys = new Map(this.#keys);
        if (change.valid)
          keys.set(keyIdOf(change.key), { expiresMs: change.untilMs ?? Infinity, graceEndsMs: Infinity });
        else keys.delete(keyIdOf(change.key));
        this.#keys = keys;
        return;
      }
      case "rotate": {
        const { oldKeyId, newKeyId, graceMs } = change;
        const old = this.#keys.get(oldKeyId);
        if (!old) return;
        const graceEndsMs = Math.min(old.graceEndsMs, nowMs + graceMs);
        this.#keys = new Map(this.#keys)
          .set(oldKeyId, { ...old, graceEndsMs })
          .set(newKeyId, { ...old, graceEndsMs: Infinity });
        return;
      }
      case "reset":
    }
  }

  /** Why every request with this key is rejected, whatever the limits; null if the limits decide. */
  rejection(keyId: string | null, nowMs: number): "blocked" | "revoked" | null {
    if (this.#isBlocked) return "blocked";
    if (keyId === null) return null;
    const key = this.#keys.get(keyId);
    return key && nowMs < Math.min(key.expiresMs, key.graceEndsMs) ? null : "revoked";
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
