/**
 * The alerts of the open period: which thresholds usage has yet to reach, as the quota's counter counts it. Each is reported once in a
 * period, whatever the account's tier, caps and credits do meanwhile.
 */
import { type AlertBase, type AlertMark, nextMarks } from "../../../src/billing/alert-mark.ts";
import { type AllowanceBasis, allowanceOf } from "../../../src/billing/allowance.ts";
import type { BilledPeriod } from "../../../src/billing/billed-period.ts";
import { formatMinor } from "../../../src/billing/money.ts";
import { periodAt } from "../../../src/core/calendar.ts";
import type { States } from "../../../src/core/plan.ts";
import { toTokens } from "../../../src/core/units.ts";
import type { EventKind } from "../../../src/event-kinds.ts";
import { counterOf } from "../../../src/policy/charges.ts";
import type { AccountEvents } from "../../events/account-events.ts";

const KINDS: Readonly<Record<AlertBase, EventKind>> = {
  included: "alert.quota",
  spend_cap: "alert.quota",
  budget: "alert.budget",
  credits: "alert.credits",
};

/** The open period, as far as its alerts depend on it. */
export interface Watched {
  readonly billed: BilledPeriod;
  readonly basis: AllowanceBasis;
  /** Name of the quota. */
  readonly limit: string;
  /** What the quota's counter counts more than the ledger. Millitokens. */
  readonly offsetMilli: number;
  /** Increasing. */
  readonly percents: readonly number[];
  readonly events: AccountEvents;
}

export class PeriodAlerts {
  #watched: Watched | null = null;
  #counter = "";
  /** The usage from which on {@link run} has something to report, as the counter counts it. */
  #atMilli = Infinity;

  /** The period, its caps or its usage from before has changed. @param watched null: there is nothing to report. */
  watch(watched: Watched | null): void {
    this.#watched = watched;
    if (watched === null) return;
    this.#counter = counterOf(watched.limit, "live");
    this.#atMilli =
      Math.min(Infinity, ...this.#marks(watched).map(({ atMilli }) => atMilli)) + watched.offsetMilli;
  }

  /** Whether usage has reached a threshold: one comparison. */
  isDue(live: States): boolean {
    if (this.#watched === null) return false;
    const state = live.get(this.#counter);
    return state?.kind === "quota" && state.usedMilli >= this.#atMilli;
  }

  /** Queues the alerts of the thresholds that usage has reached. Call in a transaction. */
  run(live: States, nowMs: number): void {
    const watched = this.#watched;
    const state = live.get(this.#counter);
    if (watched === null || state?.kind !== "quota") return;
    const { billed, offsetMilli, events } = watched;
    // The counter may still be that of the month before: nothing was used since.
    const month = periodAt("month", billed.period.startMs, billed.anchorDay);
    if (state.startMs !== month.startMs) return;
    const usedMilli = state.usedMilli - offsetMilli;
    for (;;) {
      const reached = this.#marks(watched).filter(({ atMilli }) => usedMilli >= atMilli);
      if (reached.length === 0) break;
      for (const mark of reached) {
        const { of, percent } = mark;
        const data = dataOf(watched, mark, usedMilli);
        events.alert(KINDS[of], billed.period.startMs, `${of}.${percent}`, data, nowMs);
      }
    }
    this.watch(watched);
  }

  #marks({ basis, percents, billed, events }: Watched): AlertMark[] {
    const isSent = (of: AlertBase, percent: number): boolean =>
      !events.wants(KINDS[of]) || events.isAlerted(billed.period.startMs, `${of}.${percent}`);
    return nextMarks(basis, percents, isSent);
  }
}

function dataOf({ billed, basis, limit }: Watched, { of, percent }: AlertMark, usedMilli: number): object {
  const { period, currency } = billed;
  return {
    limit,
    of,
    percent,
    used: toTokens(Math.max(0, usedMilli)),
    ...amountOf(basis, of, currency),
    periodStart: new Date(period.startMs).toISOString(),
    periodEnd: new Date(period.endMs).toISOString(),
  };
}

/** What the percentage is of: tokens, or money. */
function amountOf(basis: AllowanceBasis, of: AlertBase, currency: string): object {
  const { spendCap, budget, balanceMinor } = basis.caps;
  switch (of) {
    case "included":
      return { amount: toTokens(allowanceOf(basis)?.includedMilli ?? 0) };
    case "spend_cap":
      return { amount: spendCap, currency };
    case "budget":
      return { amount: budget, currency };
    case "credits":
      return { amount: formatMinor(balanceMinor ?? 0n, basis.exponent), currency };
  }
}
