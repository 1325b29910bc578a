/** The quotas of the judge from outside: what was admitted in each period, and what of it a quota may not know. */
import type { CountedRule } from "./account-model.ts";
import { originOf } from "./history.ts";
import { billLossOf } from "./loss.ts";
import { periodStartMs, type Rule } from "./policies.ts";

const PERIODS = ["hour", "day", "month", "month from the 15th"] as const;

/** What was admitted, by the name of the period: for all keys, and for each. */
export type Used = Map<string, number>;

export class ReferencePeriods {
  readonly #used: Used = new Map();
  /** The part of it that no quota counted, by the object and by isolates. */
  readonly #losable: Used = new Map();
  readonly #losableByIsolates: Used = new Map();
  /** The most that crashes may have taken from the bill, and that the next one may take. */
  #lossMilli = 0;
  #billLossMilli = 0;
  /** What had been used when a limit was reset last, by its name; "" for all limits. */
  readonly #forgiven = new Map<string, ReadonlyMap<string, number>>();

  /**
   * Counts an admission in its periods of each length, for all keys and for its own. A quota that was not in force has it only from the
   * bill, which a crash of the object or of the isolate may have taken it from.
   * @param usedBy what the version has admitted that decided.
   */
  use(
    { keyId, localMs, milli, isByLease }: Admitted,
    rules: readonly CountedRule[],
    usedBy: Used | undefined,
  ): void {
    const quotas = rules.filter(([, { kind }]) => kind === "quota");
    this.#billLossMilli = Math.max(this.#billLossMilli, billLossOf(rules.map(([, rule]) => rule)));
    for (const per of PERIODS) {
      for (const key of keyId === null ? [""] : ["", originOf(keyId)]) {
        const name = `${per} ${periodStartMs(per, localMs)} ${key}`;
        add(this.#used, name, milli);
        if (usedBy) add(usedBy, name, milli);
        if (quotas.some(([, { byKey }]) => byKey || key === "")) continue;
        add(isByLease ? this.#losableByIsolates : this.#losable, name, milli);
      }
    }
  }

  /** What is certainly used of a quota in a period. */
  usedOf(name: string, rule: Rule): number {
    const forgiven = [rule.name, ""].map((limit) => this.#forgiven.get(limit)?.get(name) ?? 0);
    const lostMilli =
      Math.min(this.#lossMilli, this.#losable.get(name) ?? 0) + (this.#losableByIsolates.get(name) ?? 0);
    return (this.#used.get(name) ?? 0) - lostMilli - Math.max(...forgiven);
  }

  /** The object loses its memory. */
  lose(): void {
    this.#lossMilli += this.#billLossMilli;
  }

  /** Forgives what was used of these limits; null: of all. */
  reset(limits: readonly string[] | null): void {
    for (const limit of limits ?? [""]) this.#forgiven.set(limit, new Map(this.#used));
  }
}

interface Admitted {
  readonly keyId: string | null;
  readonly localMs: number;
  readonly milli: number;
  readonly isByLease: boolean;
}

/** The name of the period in which a quota counts a request. */
export function periodName({ per, byKey }: Rule, keyId: string | null, nowMs: number): string {
  return `${per} ${periodStartMs(per, nowMs)} ${byKey && keyId ? originOf(keyId) : ""}`;
}

function add(used: Used, name: string, milli: number): void {
  used.set(name, (used.get(name) ?? 0) + milli);
}
