/** Counts requests that two policies decided: in all, by group, and over time. Pure. */
import { usualInterval } from "../analytics/reports/report-query.ts";
import type { Admitted } from "./account-replay.ts";
import type { Comparison, SimulationSeries } from "./simulation-answer.ts";

/** How the two policies decided some requests of one account. */
export interface Decided {
  readonly requests: number;
  /** What the policy in force admits, and what the edited one does. */
  readonly before: Admitted;
  readonly after: Admitted;
}

export type MutableComparison = { -readonly [Name in keyof Comparison]: number };

export function noRequests(): MutableComparison {
  return {
    requests: 0,
    deniedBefore: 0,
    deniedAfter: 0,
    newlyDenied: 0,
    newlyAllowed: 0,
    overageBefore: 0,
    overageAfter: 0,
  };
}

/** Merged requests of one moment are the same to a limit, so only the difference of both counts changes sides. */
export function add(sum: MutableComparison, { requests, before, after }: Decided): void {
  sum.requests += requests;
  sum.deniedBefore += requests - before.requests;
  sum.deniedAfter += requests - after.requests;
  sum.newlyDenied += Math.max(0, before.requests - after.requests);
  sum.newlyAllowed += Math.max(0, after.requests - before.requests);
  sum.overageBefore += before.overage;
  sum.overageAfter += after.overage;
}

export function merge(sum: MutableComparison, other: Comparison): void {
  sum.requests += other.requests;
  sum.deniedBefore += other.deniedBefore;
  sum.deniedAfter += other.deniedAfter;
  sum.newlyDenied += other.newlyDenied;
  sum.newlyAllowed += other.newlyAllowed;
  sum.overageBefore += other.overageBefore;
  sum.overageAfter += other.overageAfter;
}

/** Orders the most affected first, then those with the most requests. */
export function byEffect(a: Comparison, b: Comparison): number {
  return effectOf(b) - effectOf(a) || b.requests - a.requests;
}

function effectOf({ newlyDenied, newlyAllowed }: Comparison): number {
  return newlyDenied + newlyAllowed;
}

/** The comparison of a group, such as a tier. */
export interface Group {
  readonly name: string;
  readonly sum: MutableComparison;
  readonly changedAccounts: { denied: number; allowed: number };
}

/** Comparisons by the name of a group. */
export class Groups {
  readonly #groups = new Map<string, Group>();

  /** Adds what one account requested. Call it once for each account and group. */
  add(name: string, account: Comparison): void {
    const group = this.#groups.get(name) ?? {
      name,
      sum: noRequests(),
      changedAccounts: { denied: 0, allowed: 0 },
    };
    merge(group.sum, account);
    if (account.newlyDenied > 0) group.changedAccounts.denied += 1;
    if (account.newlyAllowed > 0) group.changedAccounts.allowed += 1;
    this.#groups.set(name, group);
  }

  /** At most `most` groups, the most affected first. */
  top(most: number): Group[] {
    return [...this.#groups.values()].toSorted((a, b) => byEffect(a.sum, b.sum)).slice(0, most);
  }
}

/** The requests of a span over time, in steps that {@link usualInterval} chooses. */
export class Steps {
  readonly #fromMs: number;
  readonly #intervalMs: number;
  readonly #steps: MutableComparison[];

  /** Both inclusive, Unix ms. */
  constructor(firstMs: number, lastMs: number) {
    this.#intervalMs = usualInterval(firstMs, lastMs + 1);
    this.#fromMs = firstMs - (firstMs % this.#intervalMs);
    const count = Math.floor((lastMs - this.#fromMs) / this.#intervalMs) + 1;
    this.#steps = Array.from({ length: count }, noRequests);
  }

  add(atMs: number, decided: Decided): void {
    const step = this.#steps[Math.floor((atMs - this.#fromMs) / this.#intervalMs)];
    if (step) add(step, decided);
  }

  get series(): SimulationSeries {
    return {
      fromMs: this.#fromMs,
      intervalMs: this.#intervalMs,
      requests: this.#steps.map(({ requests }) => requests),
      deniedBefore: this.#steps.map(({ deniedBefore }) => deniedBefore),
      deniedAfter: this.#steps.map(({ deniedAfter }) => deniedAfter),
    };
  }
}
