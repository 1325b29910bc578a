/** Frozen hours of a user's ledger, as they are exported: plain data. Hours are Unix hours (ms / 3,600,000), amounts thousandths. */
/** A cell's place. Cells are ordered by hour, then by route and key as UTF-8. */
export interface CellPlace {
  readonly hour: number;
  /** "": no route. */
  readonly route: string;
  /** "": no key. */
  readonly keyId: string;
}

export interface FrozenCell extends CellPlace {
  readonly requests: number;
  readonly costMilli: number;
  readonly denied: number;
  /** The cost in other units than requests, by unit; null: there is none. */
  readonly units: Readonly<Record<string, number>> | null;
}

export interface FrozenQuery {
  readonly fromHour: number;
  /** Exclusive. The hours before it freeze now, if they have not. */
  readonly toHour: number;
  /** Only cells after this one; null: from the first. */
  readonly after: CellPlace | null;
  /** At most {@link MAX_FROZEN_CELLS}. */
  readonly count: number;
}

/** Cells of one call: about 200 KB. */
export const MAX_FROZEN_CELLS = 1_000;

export interface FrozenPage {
  /** Without cells in which nothing was counted. */
  readonly cells: readonly FrozenCell[];
  /** The place after which the next page begins; null: there are no more cells. */
  readonly next: CellPlace | null;
}

/** Not in older versions. */
export interface FrozenUsageRpc {
  /**
   * A page of the cells before `toHour`. From then on no cell of these hours changes, whatever becomes of the object: what is metered late
   * counts in the first hour after them.
   * @throws if `toHour` is less than an hour ago by the object's clock: reservations of the hour before it may still be settled.
   */
  frozenUsage(query: FrozenQuery): Promise<FrozenPage>;
}
