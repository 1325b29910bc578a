/**
 * Compares what an edited policy and the policy in force would have decided for recorded requests: both from empty counters, both through
 * the core that decides, account by account.
 *
 * Pure: no I/O and no clock. Works in slices, so that the caller can do other work in between.
 */
import type { Policy } from "../policy/compile.ts";
import { AccountReplay, type OverageTiers } from "./account-replay.ts";
import {
  add,
  byEffect,
  type Decided,
  type Group,
  Groups,
  merge,
  type MutableComparison,
  noRequests,
  Steps,
} from "./comparison.ts";
import type { Recorded } from "./recorded.ts";
import type {
  AccountComparison,
  Comparison,
  RouteComparison,
  SimulationTally,
  TierComparison,
} from "./simulation-answer.ts";

/** Rows of each list. */
export const MAX_ROWS = 100;
/** Routes named with an account. */
const MAX_ROUTES = 3;
/** Decisions between two pauses: some ms. */
const SLICE = 250;

/** Replays; yields between slices, and returns the tally. @param overage null: neither policy has billing. */
export function* simulate(
  active: Policy,
  edited: Policy,
  recorded: readonly Recorded[],
  overage: OverageTiers | null = null,
): Generator<undefined, SimulationTally> {
  const decisions = recorded.toSorted((a, b) => a.atMs - b.atMs);
  const result = new Result(decisions);
  let replayed = 0;
  for (const [account, own] of byAccount(decisions)) {
    const before = new AccountReplay(active, active, overage);
    const after = new AccountReplay(edited, active, overage);
    /** By tier, then by route. */
    const tiers = new Map<string, Map<string, MutableComparison>>();
    for (const decision of own) {
      const { requests } = decision;
      const decided = { requests, before: before.admit(decision), after: after.admit(decision) };
      result.addDecision(decision, decided);
      add(sumOf(tiers, decision), decided);
      if (++replayed % SLICE === 0) yield;
    }
    result.addAccount(account, tiers);
    result.addShadowed(before.shadowed, after.shadowed);
  }
  return result.tally;
}

/** Accounts with their decisions, in the order given. */
function byAccount(recorded: readonly Recorded[]): Map<string, Recorded[]> {
  const accounts = new Map<string, Recorded[]>();
  for (const decision of recorded) {
    const known = accounts.get(decision.account);
    if (known) known.push(decision);
    else accounts.set(decision.account, [decision]);
  }
  return accounts;
}

function sumOf(
  tiers: Map<string, Map<string, MutableComparison>>,
  { tier, route }: Recorded,
): MutableComparison {
  const routes = tiers.get(tier) ?? new Map<string, MutableComparison>();
  tiers.set(tier, routes);
  const sum = routes.get(route) ?? noRequests();
  routes.set(route, sum);
  return sum;
}

/** The result so far. */
class Result {
  readonly #all = noRequests();
  #recordedDenied = 0;
  readonly #shadowed = { before: 0, after: 0 };
  readonly #steps: Steps;
  readonly #tiers = new Groups();
  readonly #routes = new Groups();
  readonly #denied = new Ranking(({ newlyDenied }) => newlyDenied);
  readonly #allowed = new Ranking(({ newlyAllowed }) => newlyAllowed);

  /** @param decisions in the order of time. */
  constructor(decisions: readonly Recorded[]) {
    this.#steps = new Steps(decisions.at(0)?.atMs ?? 0, decisions.at(-1)?.atMs ?? 0);
  }

  addDecision({ atMs, requests, wasDenied }: Recorded, decided: Decided): void {
    add(this.#all, decided);
    if (wasDenied) this.#recordedDenied += requests;
    this.#steps.add(atMs, decided);
  }

  /** Adds an account when all its decisions are replayed. */
  addAccount(account: string, tiers: ReadonlyMap<string, ReadonlyMap<string, Comparison>>): void {
    const byRoute = new Map<string, MutableComparison>();
    const rows: AccountComparison[] = [];
    for (const [tier, routes] of tiers) {
      const sum = noRequests();
      for (const [route, comparison] of routes) {
        merge(sum, comparison);
        const all = byRoute.get(route) ?? noRequests();
        merge(all, comparison);
        byRoute.set(route, all);
      }
      this.#tiers.add(tier, sum);
      rows.push({ account, tier, routes: mostAffected(routes), ...sum });
    }
    for (const [route, comparison] of byRoute) this.#routes.add(route, comparison);
    this.#denied.add(rows);
    this.#allowed.add(rows);
  }

  /** Adds what limits in shadow would have denied one account. */
  addShadowed(before: number, after: number): void {
    this.#shadowed.before += before;
    this.#shadowed.after += after;
  }

  get tally(): SimulationTally {
    const { requests, deniedBefore, deniedAfter, overageBefore, overageAfter } = this.#all;
    const totals = (denied: number) => ({ allowed: requests - denied, denied });
    return {
      decisions: requests,
      totals: {
        recorded: totals(this.#recordedDenied),
        before: { ...totals(deniedBefore), overage: overageBefore, shadowed: this.#shadowed.before },
        after: { ...totals(deniedAfter), overage: overageAfter, shadowed: this.#shadowed.after },
      },
      series: this.#steps.series,
      tiers: this.#tiers.top(MAX_ROWS).map(tierRow),
      routes: this.#routes.top(MAX_ROWS).map(routeRow),
      newlyDenied: this.#denied.rows,
      newlyAllowed: this.#allowed.rows,
      changedAccounts: { denied: this.#denied.accounts, allowed: this.#allowed.accounts },
    };
  }
}

function tierRow({ name, sum, changedAccounts }: Group): TierComparison {
  return { tier: name, ...sum, changedAccounts };
}

function routeRow({ name, sum, changedAccounts }: Group): RouteComparison {
  return { route: name, ...sum, changedAccounts };
}

function mostAffected(routes: ReadonlyMap<string, Comparison>): string[] {
  return [...routes]
    .filter(([, { newlyDenied, newlyAllowed }]) => newlyDenied + newlyAllowed > 0)
    .toSorted(([, a], [, b]) => byEffect(a, b))
    .slice(0, MAX_ROUTES)
    .map(([route]) => route);
}

/** The most affected accounts, and the number of all. Bounded. */
class Ranking {
  readonly #requestsOf: (row: Comparison) => number;
  #rows: AccountComparison[] = [];
  accounts = 0;

  constructor(requestsOf: (row: Comparison) => number) {
    this.#requestsOf = requestsOf;
  }

  /** Adds the rows of one account, one a tier. */
  add(rows: readonly AccountComparison[]): void {
    const affected = rows.filter((row) => this.#requestsOf(row) > 0);
    if (affected.length === 0) return;
    this.accounts += 1;
    this.#rows.push(...affected);
    if (this.#rows.length > 10 * MAX_ROWS) this.#rows = this.rows;
  }

  get rows(): AccountComparison[] {
    return this.#rows.toSorted((a, b) => this.#requestsOf(b) - this.#requestsOf(a)).slice(0, MAX_ROWS);
  }
}
