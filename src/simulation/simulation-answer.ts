/** What is asked of a simulation and what it answers: plain data, over RPC and over HTTP. */

/** Points of a simulation, the newest of the range: half a second of work. */
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

/** Requests of one account on one route that only one of the policies lets in. */
export interface Affected {
  readonly account: string;
  readonly route: string;
  readonly tier: string;
  readonly requests: number;
}

export interface SimulationTally {
  /** Requests that were replayed. */
  readonly decisions: number;
  readonly totals: {
    /** As they were answered, by counters that were not empty and with accounts' own numbers. */
    readonly recorded: SimulationTotals;
    readonly before: SimulationTotals;
    readonly after: SimulationTotals;
  };
  /** Most requests first. */
  readonly newlyDenied: readonly Affected[];
  readonly newlyAllowed: readonly Affected[];
  /** Accounts of which some request is denied, or let in, otherwise than before. */
  readonly changedAccounts: { readonly denied: number; readonly allowed: number };
}

/** What the record of a range is like. */
export interface RecordHead {
  /** Whether points stood for several: figures are then estimates. */
  readonly sampled: boolean;
  /** Whether older points of the range were left out. */
  readonly truncated: boolean;
  /** Of what was replayed, Unix ms; null where there was nothing. */
  readonly firstMs: number | null;
  readonly lastMs: number | null;
}

export type SimulationAnswer =
  | ({ readonly kind: "result" } & RecordHead & SimulationTally)
  /** Another one runs, and one is enough for the hub. */
  | { readonly kind: "busy" };
