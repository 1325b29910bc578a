/** The expected bill, by hour. */
import type { UsageRow } from "../../src/objects/account.ts";
import { hourOf } from "./model.ts";

export interface Cell {
  readonly requests: number;
  readonly costMilli: number;
  readonly denied: number;
  /** Denials that did not stand. */
  readonly withdrawn: number;
}

export const NOTHING: Cell = { requests: 0, costMilli: 0, denied: 0, withdrawn: 0 };

/** @param b may come from the product, which leaves `withdrawn` out if it is 0. */
export function plus(a: Cell, b: Omit<Cell, "withdrawn"> & Partial<Cell>): Cell {
  return {
    requests: a.requests + b.requests,
    costMilli: a.costMilli + b.costMilli,
    denied: a.denied + b.denied,
    withdrawn: a.withdrawn + (b.withdrawn ?? 0),
  };
}

export class LedgerModel {
  readonly #hours = new Map<number, Cell>();

  add(atMs: number, cell: Cell): void {
    const hour = hourOf(atMs);
    this.#hours.set(hour, plus(this.#hours.get(hour) ?? NOTHING, cell));
  }

  /**
   * The faults of a bill. It must not have more than was admitted, may lack requests of at most `lossMilli` in total, and must
   * contain every denial that stood if `isCalm`, and no other. One that was withdrawn at the beginning of an hour may be of the hour before.
   */
  faults(usage: readonly UsageRow[], lossMilli: number, isCalm: boolean): string[] {
    const faults: string[] = [];
    const billed = new Map(
      usage.map(({ period, requests, cost, denied }): [number, Cell] => [
        hourOf(Date.parse(period)),
        { ...NOTHING, requests, costMilli: Math.round(cost * 1_000), denied },
      ]),
    );
    let missingMilli = 0;
    let [denied, stood] = [0, 0];
    for (const hour of new Set([...billed.keys(), ...this.#hours.keys()])) {
      const is = billed.get(hour) ?? NOTHING;
      const should = this.#hours.get(hour) ?? NOTHING;
      missingMilli += should.costMilli - is.costMilli;
      const next = this.#hours.get(hour + 1) ?? NOTHING;
      const isMore = (["requests", "costMilli", "denied"] as const).some(
        (field) => is[field] > should[field],
      );
      const isLess = is.denied < should.denied - should.withdrawn - next.withdrawn;
      if (isMore || (isCalm && isLess)) {
        faults.push(`billed ${JSON.stringify(is)} instead of ${JSON.stringify(should)}`);
      }
      denied += is.denied;
      stood += should.denied - should.withdrawn;
    }
    if (isCalm && denied !== stood) faults.push(`${denied} denials are billed, of ${stood} that stood`);
    if (missingMilli > lossMilli)
      faults.push(`${missingMilli} missing from the bill, at most ${lossMilli} may be`);
    return faults;
  }
}
