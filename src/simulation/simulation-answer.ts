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

/** Requests of one account on one route that only one of the policies admits. */
export interface Affected {
  readonly account: string;
  readonly route: string;
  readonly tier: string;
  readonly requests: number;
}

export interface SimulationTally {
  /** Replayed requests. */
  readonly decisions: number;
  readonly totals: {
    /** As they were decided at the time, with counters that were not empty and with overrides of accounts. */
    readonly recorded: SimulationTotals;
    readonly before: SimulationTotals;
    readonly after: SimulationTotals;
  };
  /** Most requests first. */
  readonly newlyDenied: readonly Affected[];
  readonly newlyAllowed: readonly Affected[];
  /** Accounts with requests that are newly denied, or newly allowed. */
  readonly changedAccounts: { readonly denied: number; readonly allowed: number };
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
