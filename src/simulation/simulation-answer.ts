/** A simulation's query and answer: plain data, over RPC and over HTTP. */

/** Points that a simulation replays, the newest of the range: half a second of work. */
export const MAX_POINTS = 50_000;

export interface SimulationQuery {
  /** Policy documents as JSON: the one in force, and the edited one. Both compile. */
  readonly active: string;
  readonly edited: string;
  /** Revision of the one in force. */
  readonly revision: number;
  /** Unix ms; `toMs` is exclusive. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** Requests. */
export interface SimulationTotals {
  readonly allowed: number;
  readonly denied: number;
}

export interface SimulatedTotals extends SimulationTotals {
  /** Of the allowed, those that would be overage. */
  readonly overage: number;
  /** Of the allowed, those that limits in shadow would deny. */
  readonly shadowed: number;
}

/** The same requests, decided by the policy in force ("before") and by the edited one ("after"). Counts of requests. */
export interface Comparison {
  readonly requests: number;
  readonly deniedBefore: number;
  readonly deniedAfter: number;
  /** Admitted by the policy in force only. The difference of both counts is that of `deniedAfter` and `deniedBefore`. */
  readonly newlyDenied: number;
  /** Admitted by the edited policy only. */
  readonly newlyAllowed: number;
  /** Of the admitted, those that would be overage: billed in part at least, since they exceed what the tier includes. */
  readonly overageBefore: number;
  readonly overageAfter: number;
}

/** Accounts with requests that are newly denied, and with requests that are newly allowed. */
export interface ChangedAccounts {
  readonly denied: number;
  readonly allowed: number;
}

export interface TierComparison extends Comparison {
  readonly tier: string;
  readonly changedAccounts: ChangedAccounts;
}

export interface RouteComparison extends Comparison {
  /** The route's id at that time; "" for requests with a cost only. */
  readonly route: string;
  readonly changedAccounts: ChangedAccounts;
}

/** All of one account's requests in one tier. */
export interface AccountComparison extends Comparison {
  readonly account: string;
  readonly tier: string;
  /** Some of the routes whose requests are decided differently, the most affected first. */
  readonly routes: readonly string[];
}

/** The requests over time, in steps of one width. */
export interface SimulationSeries {
  /** Start of the first step, Unix ms. */
  readonly fromMs: number;
  readonly intervalMs: number;
  /** One value a step. */
  readonly requests: readonly number[];
  readonly deniedBefore: readonly number[];
  readonly deniedAfter: readonly number[];
}

export interface SimulationTally {
  /** Replayed requests. */
  readonly decisions: number;
  readonly totals: {
    /** As they were decided at the time, with counters that were not empty and with overrides of accounts. */
    readonly recorded: SimulationTotals;
    readonly before: SimulatedTotals;
    readonly after: SimulatedTotals;
  };
  readonly series: SimulationSeries;
  /** The most affected first, then those with the most requests. */
  readonly tiers: readonly TierComparison[];
  readonly routes: readonly RouteComparison[];
  /** Accounts with newly denied requests, the most first. */
  readonly newlyDenied: readonly AccountComparison[];
  /** Accounts with newly allowed requests, the most first. */
  readonly newlyAllowed: readonly AccountComparison[];
  readonly changedAccounts: ChangedAccounts;
}

/** Describes the record of a range. */
export interface RecordHead {
  /** Whether points stand for several, so that figures are estimates. */
  readonly sampled: boolean;
  /** Whether older points of the range were left out. */
  readonly truncated: boolean;
  /** Times of the first and last replayed decision, Unix ms; null if there were none. */
  readonly firstMs: number | null;
  readonly lastMs: number | null;
}

export type SimulationAnswer =
  | ({ readonly kind: "result" } & RecordHead & SimulationTally)
  /** Another simulation is running; the hub runs one at a time. */
  | { readonly kind: "busy" };
