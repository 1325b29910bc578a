/** The states of the account and the policy for the judge from outside: each change makes another. */
import type { AccountModel, CountedRule } from "./account-model.ts";
import type { Rule } from "./policies.ts";
import type { Used } from "./reference-periods.ts";

export interface Version {
  readonly account: AccountModel;
  readonly variant: number;
  /** What was admitted by it in each period. */
  readonly used: Used;
}

/** What was admitted, and by which version. */
interface Admitted {
  readonly limitsMs: number;
  readonly route: string | null;
  readonly keyId: string | null;
  readonly version: number;
}

export class ReferenceVersions {
  readonly #versions: Version[] = [];

  /** The version in force. */
  get latest(): Version | undefined {
    return this.#versions.at(-1);
  }

  /** Its number; -1: there is none yet. */
  get latestNumber(): number {
    return this.#versions.length - 1;
  }

  at(number: number): Version | undefined {
    return this.#versions[number];
  }

  /** @param account as it is now. */
  add(account: AccountModel, variant: number): void {
    this.#versions.push({ account: account.copy(), variant, used: new Map() });
  }

  /** The most that a counter may hold: by the version that decided, or by any since. */
  mostMilli(admitted: Admitted, counter: string, own: Rule): number {
    let mostMilli = own.capacityMilli;
    for (const version of this.#versions.slice(admitted.version)) {
      const rule = ruleOf(version, admitted, counter, own);
      if (rule) mostMilli = Math.max(mostMilli, rule.capacityMilli);
    }
    return mostMilli;
  }

  /**
   * What versions since have admitted that do not have the quota. A lease of before was set aside from it: whatever is admitted without
   * it meanwhile takes nothing from that.
   * @param period its name.
   */
  withoutMilli(admitted: Admitted, counter: string, own: Rule, period: string): number {
    let milli = 0;
    for (const version of this.#versions.slice(admitted.version + 1)) {
      if (!ruleOf(version, admitted, counter, own)) milli += version.used.get(period) ?? 0;
    }
    return milli;
  }
}

/** The rule by which a version counts the same in a counter, whatever that holds. */
function ruleOf(
  { account, variant }: Version,
  { route, keyId, limitsMs }: Admitted,
  counter: string,
  own: Rule,
): Rule | undefined {
  const isSame = ([name, { kind, per }]: CountedRule): boolean =>
    name === counter && kind === own.kind && per === own.per;
  return account.rules(variant, route, keyId, limitsMs).find(isSame)?.[1];
}
