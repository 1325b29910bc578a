/** Replays what the object and isolates do with leases: lent, spent, settled, expired. Judges each of these, and charges the models. */
import type { Lease, Settlement } from "../../src/objects/object-call.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import type { CountedRule } from "./account-model.ts";
import type { Bracket } from "./bracket.ts";
import type { History, Spend, Turn, Wrong } from "./history.ts";
import { LEASE_MS, type LentLease } from "./lent-leases.ts";
import { type LedgerModel, NOTHING, plus } from "./ledger-model.ts";
import type { LossBound } from "./loss-bound.ts";
import type { Model } from "./model.ts";

/** The limits that are in force for a request. */
export type RulesInForce = (route: string | null, keyId: string | null, nowMs: number) => CountedRule[];

export class LeaseTurns {
  /** What crashes of isolates and replaced copies have taken from the bill. */
  lossMilli = 0;
  readonly #lives: History["lives"];
  readonly #wrong: Wrong;
  readonly #bracket: Bracket;
  readonly #ledger: LedgerModel;
  readonly #losses: LossBound;
  readonly #inForce: RulesInForce;
  /** What was spent of each lease that was not settled, and whether its isolate lives. */
  readonly #unsettled = new Map<string, { milli: number; readonly isAlive: boolean }>();
  /** What isolates settled with each replaced copy. */
  readonly #toldStale = new Map<number, number>();

  constructor(
    { lives }: History,
    wrong: Wrong,
    bracket: Bracket,
    ledger: LedgerModel,
    losses: LossBound,
    inForce: RulesInForce,
  ) {
    this.#lives = lives;
    this.#wrong = wrong;
    this.#bracket = bracket;
    this.#ledger = ledger;
    this.#losses = losses;
    this.#inForce = inForce;
  }

  /** @param rules the limits from which it is taken. @param why the lease should not have been lent; null if it may be. */
  lend(lease: Lease, rules: readonly CountedRule[], why: string | null, turn: Turn): void {
    const { localMs: nowMs, isStale } = turn;
    // What a replaced copy lends after a change made elsewhere is bounded by its floors.
    if (!isStale && why !== null) this.#wrong("G4", `a lease ${why}`, turn);
    for (const rule of rules) {
      const left = this.#bracket.mostLeft(rule, nowMs);
      if (left < lease.milli && !isStale)
        this.#wrong("G1", `leased ${lease.milli} of ${left} that ${rule[0]} has`, turn);
    }
    if (lease.forMs > LEASE_MS || (nowMs % HOUR_MS) + lease.forMs > HOUR_MS) {
      this.#wrong("G1", `a lease of ${lease.forMs} ms`, turn);
    }
    this.#bracket.leases.lend(lease, rules, this.#lentAtMs(lease, nowMs), turn);
  }

  /** The generous model knows at once what an isolate spends; the stingy one learns of it by the settlement. */
  spend({ asked, lease, localMs }: Spend): void {
    const lent = this.#bracket.leases.get(lease.id);
    if (!lent) return;
    const { costMilli, isolate, life, request } = asked;
    if (request.route === "/slots") this.#wrong("G1", "admitted without a slot", asked);
    this.#ledger.add(lent.lentAtMs, { ...NOTHING, requests: 1, costMilli });
    const isAlive = this.#lives[isolate] === life;
    const unsettled = this.#unsettled.get(lent.lease.id) ?? { milli: 0, isAlive };
    this.#unsettled.set(lent.lease.id, unsettled);
    unsettled.milli += costMilli;
    this.#charge(this.#bracket.generous, lent, costMilli, localMs);
  }

  settle({ leaseId, cells, ...settlement }: Settlement, turn: Turn): void {
    const total = cells.reduce(plus, NOTHING);
    if (turn.isStale) {
      if (leaseId !== null) this.#settleWithStale(leaseId, turn);
      return;
    }
    if (leaseId === null) {
      const atMs = "atMs" in settlement ? settlement.atMs : turn.localMs;
      this.#ledger.add(Math.min(atMs, turn.localMs), { ...total, withdrawn: 0 });
      this.#ledger.add(turn.localMs, { ...NOTHING, withdrawn: total.withdrawn });
      return;
    }
    const { leases, stingy } = this.#bracket;
    const lent = leases.get(leaseId);
    if (lent && leases.isMetered(leaseId, turn)) {
      this.#unsettled.delete(leaseId);
      this.#ledger.add(lent.lentAtMs, { ...NOTHING, withdrawn: total.withdrawn });
    }
    const charge = leases.settle(leaseId, total.costMilli, turn);
    if (charge) this.#charge(stingy, charge.lent, charge.milli, turn.localMs);
  }

  /** Charges in full what was not settled in time. @returns whether there was any, or may have been. */
  expire(nowMs: number): boolean {
    const { leases, stingy } = this.#bracket;
    const expired = leases.expire(nowMs);
    for (const { lent, milli } of expired) this.#charge(stingy, lent, milli, lent.closesMs);
    return expired.length > 0 || leases.isUnsure(nowMs);
  }

  /** A reset charges in full what is open: its isolate has not settled it, and can no longer spend it. */
  chargeAll(nowMs: number): void {
    const { leases, stingy } = this.#bracket;
    for (const { lent, milli } of leases.expire(nowMs, true)) this.#charge(stingy, lent, milli, nowMs);
  }

  /** At the end: what dead isolates have not settled is missing from the bill. */
  end(): void {
    for (const { milli, isAlive } of this.#unsettled.values()) if (!isAlive) this.lossMilli += milli;
  }

  /** What a replaced copy is told reaches no ledger. It takes no more than one headroom before it has to write, which fails. */
  #settleWithStale(leaseId: string, { replacedMs, atMs }: Turn): void {
    const milli = this.#unsettled.get(leaseId)?.milli ?? 0;
    this.#unsettled.delete(leaseId);
    this.lossMilli += milli;
    const sumMilli = (this.#toldStale.get(replacedMs) ?? 0) + milli;
    this.#toldStale.set(replacedMs, sumMilli);
    const mostMilli = this.#losses.billMilli;
    if (sumMilli > mostMilli)
      this.#wrong("G5", `a replaced copy took ${sumMilli} of ${mostMilli} from the bill`, { atMs });
  }

  /** After the clock has stepped back, a lease of a quota stays in the newer hour, which its id tells. */
  #lentAtMs({ id }: Lease, nowMs: number): number {
    const hourMs = Number(id.split(".").at(-1)) * HOUR_MS;
    const hasSteppedBack = nowMs < hourMs && hourMs <= this.#bracket.generous.seenMs;
    return hasSteppedBack ? hourMs : nowMs;
  }

  #charge(model: Model, lent: LentLease, milli: number, atMs: number): void {
    if (milli === 0) return;
    const { route, keyId } = lent.lease;
    this.#bracket.chargeLent(model, lent, milli, this.#inForce(route, keyId, atMs), atMs);
  }
}
