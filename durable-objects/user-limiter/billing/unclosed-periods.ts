/** The periods of an account that have ended and have no invoice yet, and when each is closed. */
import { HOUR_MS } from "../../../src/core/time.ts";
import type { UnclosedPeriod } from "./billing-rows.ts";
import type { BillingDesk } from "./billing-desk.ts";

/** A period is closed this long after its end: then all its hours are frozen. */
const CLOSE_DELAY_MS = 2 * HOUR_MS;

/** When a period that has ended is closed: at once if it ended early, with the usage that it had then. */
export function closeAtMs({ endMs, isEarly }: UnclosedPeriod): number {
  return isEarly ? endMs : endMs + CLOSE_DELAY_MS;
}

export class UnclosedPeriods {
  readonly #desk: BillingDesk;
  /** Oldest first, while the open period is this one. Null: to be read. */
  #read: { readonly openMs: number | null; readonly periods: readonly UnclosedPeriod[] } | null = null;

  constructor(desk: BillingDesk) {
    this.#desk = desk;
  }

  /** When the next one is closed; Infinity: nothing is billed. Of the open period, when it will be. */
  get dueMs(): number {
    const { store } = this.#desk;
    if (store.account === null) return Infinity;
    const openMs = store.period ? store.period.period.endMs + CLOSE_DELAY_MS : Infinity;
    const [next] = this.#ended();
    return Math.min(openMs, next ? closeAtMs(next) : Infinity);
  }

  /** What is due to be closed, oldest first. A period that ended early waits for those before it: credits pay their invoices first. */
  due(nowMs: number): readonly UnclosedPeriod[] {
    if (this.#desk.store.account === null) return [];
    const ended = this.#ended();
    const waiting = ended.findIndex((unclosed) => nowMs < closeAtMs(unclosed));
    return waiting === -1 ? ended : ended.slice(0, waiting);
  }

  /** One of them has its invoice now. */
  changed(): void {
    this.#read = null;
  }

  #ended(): readonly UnclosedPeriod[] {
    const { store } = this.#desk;
    const openMs = store.account?.periodMs ?? null;
    if (this.#read?.openMs !== openMs) this.#read = { openMs, periods: store.unclosed() };
    return this.#read.periods;
  }
}
