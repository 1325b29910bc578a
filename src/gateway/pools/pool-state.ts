/**
 * A pool as this isolate knows it: its targets with their health, and which of them a request goes to. Plain data, shared by requests; the
 * clock and randomness are arguments.
 *
 * A change of the policy or of a discovered list keeps what is known of every target whose URL stays.
 */
import type { PoolDocument } from "../../policy/pool-schema.ts";
import type { Pool } from "../../policy/pool.ts";
import { bySubject, leastRequests, type Random, RoundRobin } from "./balance.ts";
import { InFlight } from "../in-flight.ts";
import { isSameList, type PoolSettings, poolSettings } from "./pool-settings.ts";
import { RetryBudget } from "./retry-budget.ts";
import { TargetHealth } from "./target-health.ts";

/** Targets of earlier lists that are remembered: requests under the policy before still arrive. */
const MAX_KNOWN = 64;

export interface TargetAddress {
  readonly url: string;
  readonly weight: number;
}

export interface Target extends TargetAddress {
  /** Its place in the list: the label of its metrics. */
  readonly index: number;
  readonly health: TargetHealth;
  readonly inFlight: InFlight;
}

export class PoolState {
  readonly name: string;
  readonly budget = new RetryBudget();
  readonly #random: Random;
  readonly #roundRobin = new RoundRobin();
  /** By URL, the one listed last at the end. */
  readonly #known = new Map<string, Pick<Target, "health" | "inFlight">>();
  #source: Pool;
  #settings: PoolSettings;
  #targets: readonly Target[] = [];

  constructor(source: Pool, random: Random = Math.random) {
    this.name = source.name;
    this.#random = random;
    this.#source = source;
    this.#settings = poolSettings(source.document);
    this.#list(source.document.targets ?? []);
  }

  get settings(): PoolSettings {
    return this.#settings;
  }

  get targets(): readonly Target[] {
    return this.#targets;
  }

  /** Takes over what the policy in force says. @returns whether the targets may have changed. */
  update(source: Pool): boolean {
    if (source === this.#source) return false;
    const { document } = source;
    const isKept = isSameList(document.discover, this.#source.document.discover);
    this.#source = source;
    this.#settings = poolSettings(document);
    // The targets that were discovered last stay only if the same list is meant: another one may name none of them.
    if (document.targets) this.#list(document.targets);
    else this.#list(isKept ? this.#targets : []);
    return true;
  }

  /** The targets that a list names. Ignored if the policy has others meanwhile. @param list where they were listed. */
  discovered(list: PoolDocument["discover"], addresses: readonly TargetAddress[]): void {
    if (isSameList(list, this.#source.document.discover)) this.#list(addresses);
  }

  /**
   * The target of a request: one that has not been tried, if there is one, and none that is ejected, unless that are more than half by
   * weight: a suspicion alone must not make the others fail. Null: the pool has no target.
   * @param tried URLs.
   * @param targets those of the policy of the request: another may be in force meanwhile, whose targets must not get it.
   */
  pick(
    tried: ReadonlySet<string>,
    subject: string,
    nowMs: number,
    targets: readonly Target[] = this.#targets,
  ): Target | null {
    const healthy = targets.filter(({ health }) => !health.isEjected);
    const usable = 2 * weightOf(healthy) < weightOf(targets) ? targets : healthy;
    if (tried.size === 0) return this.#choose(usable, subject, nowMs);
    const untried = usable.filter((target) => !tried.has(target.url));
    const best = untried.filter(({ health }) => !health.isEjected);
    const candidates = [best, untried, healthy].find(({ length }) => length > 0) ?? usable;
    return this.#choose(candidates, subject, nowMs);
  }

  #choose(targets: readonly Target[], subject: string, nowMs: number): Target | null {
    if (targets.length < 2) return targets[0] ?? null;
    switch (this.#settings.balance) {
      case "round-robin":
        return this.#roundRobin.next(targets);
      case "least-requests":
        return leastRequests(targets, ({ inFlight }) => inFlight.count(nowMs), this.#random);
      case "user":
        return bySubject(targets, subject);
    }
  }

  #list(addresses: readonly TargetAddress[] | readonly { url: string; weight?: number | undefined }[]): void {
    const { ejectAfter, ejectMs } = this.#settings;
    this.#targets = addresses.map(({ url, weight = 1 }, index) => {
      const known = this.#known.get(url) ?? {
        health: new TargetHealth(ejectAfter, ejectMs),
        inFlight: new InFlight(),
      };
      known.health.adjust(ejectAfter, ejectMs);
      this.#known.delete(url);
      this.#known.set(url, known);
      return { url, weight, index, health: known.health, inFlight: known.inFlight };
    });
    for (const url of this.#known.keys()) {
      if (this.#known.size <= MAX_KNOWN) break;
      this.#known.delete(url);
    }
    this.#roundRobin.restart(this.#targets, this.#random);
  }
}

function weightOf(targets: readonly TargetAddress[]): number {
  return targets.reduce((sum, { weight }) => sum + weight, 0);
}
