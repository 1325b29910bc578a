/**
 * Compares what an edited policy and the policy in force would have decided for recorded requests: both from empty counters, both through
 * the core that decides, account by account.
 *
 * Pure: no I/O and no clock. Works in slices, so that the caller can do other work in between.
 */
import type { Policy } from "../policy/compile.ts";
import { AccountReplay } from "./account-replay.ts";
import type { Recorded } from "./recorded.ts";
import type { Affected, SimulationTotals, SimulationTally } from "./simulation-answer.ts";

/** Rows of each list. */
export const MAX_AFFECTED = 100;
/** Decisions between two pauses: some ms. */
const SLICE = 250;

/** Requests of one account, route and tier that only one of the policies admits. */
interface Change {
  readonly route: string;
  readonly tier: string;
  denied: number;
  allowed: number;
}

/** Replays; yields between slices, and returns the tally. */
export function* simulate(
  active: Policy,
  edited: Policy,
  recorded: readonly Recorded[],
): Generator<undefined, SimulationTally> {
  const totals = { recorded: nothing(), before: nothing(), after: nothing() };
  const denied = new Ranking();
  const allowed = new Ranking();
  let requests = 0;
  let replayed = 0;
  for (const [account, decisions] of byAccount(recorded)) {
    const before = new AccountReplay(active, active);
    const after = new AccountReplay(edited, active);
    const changes = new Map<string, Change>();
    for (const decision of decisions) {
      const [was, is] = [before.admit(decision), after.admit(decision)];
      requests += decision.requests;
      add(totals.recorded, decision, decision.wasDenied ? 0 : decision.requests);
      add(totals.before, decision, was);
      add(totals.after, decision, is);
      if (was !== is) note(changes, decision, was - is);
      if (++replayed % SLICE === 0) yield;
    }
    denied.add(account, changes, (change) => change.denied);
    allowed.add(account, changes, (change) => change.allowed);
  }
  return {
    decisions: requests,
    totals,
    newlyDenied: denied.rows,
    newlyAllowed: allowed.rows,
    changedAccounts: { denied: denied.accounts, allowed: allowed.accounts },
  };
}

/** Each account's decisions in the order of time. */
function byAccount(recorded: readonly Recorded[]): Map<string, Recorded[]> {
  const accounts = new Map<string, Recorded[]>();
  for (const decision of recorded.toSorted((a, b) => a.atMs - b.atMs)) {
    const known = accounts.get(decision.account);
    if (known) known.push(decision);
    else accounts.set(decision.account, [decision]);
  }
  return accounts;
}

function nothing(): { -readonly [Name in keyof SimulationTotals]: number } {
  return { allowed: 0, denied: 0 };
}

function add(totals: { allowed: number; denied: number }, { requests }: Recorded, admitted: number): void {
  totals.allowed += admitted;
  totals.denied += requests - admitted;
}

function note(changes: Map<string, Change>, { route, tier }: Recorded, fewer: number): void {
  const key = JSON.stringify([route, tier]);
  const change = changes.get(key) ?? { route, tier, denied: 0, allowed: 0 };
  change.denied += Math.max(0, fewer);
  change.allowed += Math.max(0, -fewer);
  changes.set(key, change);
}

/** The most affected, with most requests first. Bounded. */
class Ranking {
  #rows: Affected[] = [];
  accounts = 0;

  add(account: string, changes: ReadonlyMap<string, Change>, requestsOf: (change: Change) => number): void {
    const affected = [...changes.values()].filter((change) => requestsOf(change) > 0);
    if (affected.length === 0) return;
    this.accounts += 1;
    for (const change of affected) {
      const { route, tier } = change;
      this.#rows.push({ account, route, tier, requests: requestsOf(change) });
    }
    if (this.#rows.length > 10 * MAX_AFFECTED) this.#rows = this.rows;
  }

  get rows(): Affected[] {
    return this.#rows.toSorted((a, b) => b.requests - a.requests).slice(0, MAX_AFFECTED);
  }
}
