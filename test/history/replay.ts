/**
 * Replays the object's turns in order, without those that a crash undid before an answer left, and compares each decision with the
 * exact model at that point.
 */
import type { Decision, DecisionRequest } from "../../src/core/decision.ts";
import type { Lease, Question, Settlement } from "../../src/objects/object-call.ts";
import { AccountModel, type CountedRule } from "./account-model.ts";
import {
  type Changed,
  type Entry,
  type History,
  keyIdOf,
  type Loss,
  type Spend,
  type Turn,
  type Wrong,
} from "./history.ts";
import { LEASE_MS, type LentLease, LentLeases } from "./lent-leases.ts";
import { LedgerModel, NOTHING, plus } from "./ledger-model.ts";
import { Model } from "./model.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import { billLossOf, lossOf } from "./loss.ts";
import { COST_MILLI, isLeased, periodStartMs, ROUTES, type Rule, SLOTS, TIERS } from "./policies.ts";
import { deniedForMs, RetryWatch, type Use } from "./retry-times.ts";
import { SlotsModel } from "./slots.ts";

/** After a crash, a bucket does not refill for as long. */
const FLOOR_HOLD_MS = 5_000;
const REMEMBERED_MS = 600_000;

export class Replay {
  readonly account = new AccountModel();
  readonly ledger = new LedgerModel();
  /** The most that crashes may have taken from the bill. */
  lossMilli = 0;
  /** Requests that the object denied. */
  denials = 0;
  /** The most that crashes may have taken from any limit. */
  #slackMilli = 0;
  readonly #history: History;
  readonly #wrong: Wrong;
  readonly #generous = new Model(true);
  readonly #stingy = new Model(false);
  readonly #leases = new LentLeases();
  /** What was spent of each lease that was not settled, and whether its isolate lives. */
  readonly #unsettled = new Map<string, { milli: number; readonly isAlive: boolean }>();
  /** What isolates settled with each replaced copy. */
  readonly #toldStale = new Map<number, number>();
  readonly #remembered = new Map<string, { readonly decision: Decision; readonly untilMs: number }>();
  /** The newest revision that decided. */
  #revision = 0;
  /** The most that one crash may take from any limit and from the bill, by the limits used so far. */
  #lostMilli = 0;
  #lostBillMilli = 0;
  /** When the object last lost what was in its memory, and the part of the slack that is for it. */
  #lastLoss = { atMs: -Infinity, milli: 0 };
  /** Whether a replaced copy has decided anything. */
  #hasForked = false;
  /** The fastest of the limits used so far. */
  #fastestPerMs = 0;
  readonly #turns: Turn[] = [];
  readonly #slots: SlotsModel;
  readonly #retries = new RetryWatch();
  /** Whether limits have changed, so that the two models may differ. */
  #hasChanged = false;
  /** When the account last changed. */
  #changedMs = -Infinity;

  constructor(history: History, wrong: Wrong) {
    this.#history = history;
    this.#wrong = wrong;
    this.#slots = new SlotsModel(wrong);
  }

  run(): void {
    for (const entry of this.#history.entries) this.#entry(entry);
    for (const { milli, isAlive } of this.#unsettled.values()) {
      if (!isAlive) this.lossMilli += milli;
    }
  }

  #entry(entry: Entry): void {
    for (const model of [this.#generous, this.#stingy]) model.see(entry.localMs);
    this.#slots.see(entry);
    if (entry.kind !== "turn" && entry.kind !== "release") this.#retries.disturb();
    if (entry.kind === "loss") {
      this.#generous.lose(this.#lostBillMilli, entry.nextMs);
      this.#slackMilli += this.#lostMilli + this.#unwrittenRefillMilli(entry);
      this.#lastLoss = { atMs: entry.atMs, milli: this.#lostMilli };
      this.lossMilli += this.#lostBillMilli;
      this.#leases.lose(entry);
    } else if (entry.kind === "spend") this.#spend(entry);
    else if (entry.kind === "change" && entry.kept) this.#change(entry);
    else if (entry.kind === "turn" && entry.kept) this.#turn(entry);
  }

  /** If the clock steps back, what was refilled since the last write is refilled again by then only when the clock has caught up. */
  #unwrittenRefillMilli({ rows, localMs, nextMs }: Loss): number {
    const writtenMs = this.#turns.findLast(({ rowsBefore }) => rowsBefore < rows)?.localMs ?? -Infinity;
    return this.#fastestPerMs * Math.max(0, Math.min(localMs - nextMs, localMs - writtenMs));
  }

  /** The generous model knows at once what an isolate spends; the stingy one learns of it by the settlement. */
  #spend({ asked, lease, localMs }: Spend): void {
    const lent = this.#leases.get(lease.id);
    if (!lent) return;
    const { costMilli, isolate, life, request } = asked;
    if (request.route === "/slots") this.#wrong("G1", "admitted without a slot", asked);
    this.ledger.add(lent.lentAtMs, { ...NOTHING, requests: 1, costMilli });
    const isAlive = this.#history.lives[isolate] === life;
    const unsettled = this.#unsettled.get(lent.lease.id) ?? { milli: 0, isAlive };
    this.#unsettled.set(lent.lease.id, unsettled);
    unsettled.milli += costMilli;
    this.#charge(this.#generous, lent, costMilli, localMs);
  }

  #change({ change, number, localMs, atMs }: Changed): void {
    this.#changedMs = atMs;
    this.#noteRates(localMs);
    this.account.apply(change, number, localMs);
    this.#noteRates(localMs);
    this.#hasChanged ||= change.kind !== "begin";
    if (change.kind !== "reset") return;
    this.#generous.reset(change.limits);
    this.#stingy.reset(change.limits);
  }

  /** Tells the models how fast buckets refill now, in case nothing reads them before that changes. */
  #noteRates(nowMs: number): void {
    for (const keyId of [keyIdOf(0), keyIdOf(1)]) {
      for (const [name, rule] of this.#rules(this.#revision, "/own", keyId, nowMs)) {
        if (rule.kind !== "bucket") continue;
        this.#generous.usedMilli(name, rule, nowMs);
        this.#stingy.usedMilli(name, rule, nowMs);
      }
    }
  }

  #turn(turn: Turn): void {
    this.#hasForked ||= turn.isStale;
    if (!turn.isStale) this.#turns.push(turn);
    // What a replaced copy does is nothing that a denial can know.
    if (turn.isStale || turn.settlements.length > 0) this.#retries.disturb();
    for (const { lent, milli } of this.#leases.expire(turn.localMs))
      this.#charge(this.#stingy, lent, milli, lent.closesMs);
    for (const { request, decide } of turn.questions) {
      if (decide && !request.peek && !turn.isStale) this.#adopt(request.revision, turn);
    }
    for (const settlement of turn.settlements) this.#settle(settlement, turn);
    turn.questions.forEach((question, i) => {
      const decision = turn.answers[i]?.decision;
      if (decision && !this.#isRemembered(question, decision, turn)) this.#decision(question, decision, turn);
    });
    for (const { lease } of turn.answers) if (lease) this.#lend(lease, turn);
  }

  /** Whether it was already decided under its idempotency key. */
  #isRemembered({ request }: Question, decision: Decision, turn: Turn): boolean {
    const { idempotencyKey, peek } = request;
    if (idempotencyKey === null) return false;
    const before = this.#remembered.get(idempotencyKey);
    // A copy that was replaced can answer a peek or reject, but cannot remember anything, nor know what was decided elsewhere.
    if (turn.isStale && (peek || (before && !decision.allowed))) return true;
    if (before && turn.localMs < before.untilMs) {
      const same = decision.decisionId === before.decision.decisionId && decision.replayed === true;
      if (!same) this.#wrong("G1", `the idempotency key ${idempotencyKey} was decided twice`, turn);
      return true;
    }
    if (decision.replayed)
      this.#wrong("G1", `${idempotencyKey} replays a decision that was never made`, turn);
    if (!peek && decision.allowed)
      this.#remembered.set(idempotencyKey, { decision, untilMs: turn.localMs + REMEMBERED_MS });
    return false;
  }

  #decision(question: Question, decision: Decision, turn: Turn): void {
    const { request } = question;
    if (decision.revision < Math.max(request.revision, this.#revision)) {
      this.#wrong("G4", `decided by revision ${decision.revision} after ${this.#revision}`, turn);
    }
    if (!request.peek) this.#adopt(decision.revision, turn);
    else if (this.#revision > 0 && decision.revision > this.#revision) this.#hasChanged = true;
    const rejection = this.account.rejection(request.keyId, turn.localMs);
    // A replaced copy does not know of changes made elsewhere: reference.ts bounds what it admits after one (docs/consistency.md).
    if (turn.isStale && turn.replacedMs < this.#changedMs) return;
    const isByLimits = decision.outcome === "allowed" || decision.outcome === "denied";
    if (rejection ? decision.outcome !== rejection : !isByLimits) {
      this.#wrong("G4", `${decision.outcome}, although the caller is ${rejection ?? "good"}`, turn);
      return;
    }
    if (decision.tier !== this.account.tier) {
      this.#wrong("G4", `tier ${decision.tier} instead of ${this.account.tier}`, turn);
    }
    if (!rejection) this.#limits(question, decision, turn);
  }

  /** Takes a policy into use if it is newer: with the first question that brings it, even if that is answered by an earlier decision. */
  #adopt(revision: number, { localMs }: Turn): void {
    if (revision <= this.#revision) return;
    this.#retries.disturb();
    this.#hasChanged ||= this.#revision > 0;
    this.#noteRates(localMs);
    this.#revision = revision;
    this.#noteRates(localMs);
  }

  #limits({ request }: Question, decision: Decision, turn: Turn): void {
    const { localMs: nowMs } = turn;
    const { route, keyId, peek } = request;
    const costMilli = request.costMilli ?? COST_MILLI[ROUTES.find((name) => name === route) ?? "/one"];
    const rules = this.#rules(decision.revision, route, keyId, nowMs);
    this.#mayLose(rules, turn);
    const rejecting = rules.filter((rule) => this.#leftMilli(this.#generous, rule, nowMs) < costMilli);
    const mayReject = rules.filter(
      (rule) => this.#leftMilli(this.#stingy, rule, nowMs) < costMilli + this.#slackMilli,
    );
    // A peek answered by a replaced copy is as old as that copy.
    if (decision.allowed && rejecting.length > 0 && !(turn.isStale && peek)) {
      const names = rejecting
        .map((rule) => `${rule[0]} (${this.#leftMilli(this.#generous, rule, nowMs)} left)`)
        .join();
      this.#wrong("G1", `admitted ${costMilli} although ${names} does not hold it`, turn);
    }
    const violated = decision.violated.filter((name) => name !== SLOTS.name);
    if (!decision.allowed && violated.length > 0 && mayReject.length === 0) {
      this.#wrong("G2", `denied ${costMilli} by ${violated.join()}, which holds it`, turn);
    }
    if (route === "/slots" && !turn.isStale) this.#slots.decided(decision, peek, turn);
    if (violated.length > 0) this.#retryAfter(request, decision, costMilli, rules, turn);
    if (!peek) {
      if (decision.allowed) {
        this.#retries.disturb();
        for (const model of [this.#generous, this.#stingy]) {
          for (const [name, rule] of rules) {
            if (rule.kind === "bucket") model.charge(name, rule, costMilli, nowMs);
          }
          const inForce = rules.map(([, rule]) => rule);
          model.admit(costMilli, inForce, keyId, nowMs);
        }
      }
      if (!decision.allowed) this.denials += 1;
      // Decisions of a replaced copy reach no ledger.
      const charged = decision.allowed ? { ...NOTHING, requests: 1, costMilli } : { ...NOTHING, denied: 1 };
      if (!turn.isStale) this.ledger.add(nowMs, charged);
    }
    if (!this.#hasChanged && this.#slackMilli === 0 && !turn.isStale)
      this.#readings(decision, rules, mayReject, turn);
  }

  /** The retry time of a denial, by definition; if something is uncertain, between those of both models. */
  #retryAfter(
    { route, keyId }: DecisionRequest,
    { retryAfterMs }: Decision,
    costMilli: number,
    rules: readonly CountedRule[],
    turn: Turn,
  ): void {
    const { localMs: nowMs } = turn;
    const isMs = retryAfterMs ?? Infinity;
    // If the clock has stepped back, nothing refills until it has caught up, and a quota stays in the newer period.
    const behindMs = Math.max(0, this.#stingy.seenMs - nowMs);
    const isCertain = !this.#hasChanged && this.#slackMilli === 0 && !turn.isStale && behindMs === 0;
    let [leastMs, mostMs] = [0, 0];
    for (const [name, rule] of rules) {
      const usedMilli = this.#stingy.usedMilli(name, rule, nowMs);
      const lent = this.#leases.lentOf(name, rule, this.#lentSinceMs(rule, nowMs));
      const most = { ...lent, usedMilli: usedMilli + this.#slackMilli };
      const least = isCertain ? most : this.#leastUse(rule, name, lent, nowMs);
      leastMs = Math.max(leastMs, deniedForMs(rule, least, costMilli, nowMs));
      mostMs = Math.max(mostMs, deniedForMs(rule, most, costMilli, nowMs + behindMs) + behindMs);
    }
    // Two copies of the object do not know what the other spends.
    if (this.#hasForked) leastMs = 0;
    // After a crash, floors are held.
    if (!isCertain) mostMs += FLOOR_HOLD_MS;
    if (isMs < leastMs || isMs > mostMs)
      this.#wrong("G2", `denied for ${retryAfterMs} ms instead of ${leastMs} to ${mostMs}`, turn);
    if (!turn.isStale) this.#retries.denied(`${route} ${keyId} ${costMilli}`, rules, isMs, turn, this.#wrong);
  }

  /** What is certainly used of a limit. Of a quota, the object expects that what is lent may become free, even if it is spent by now. */
  #leastUse(rule: Rule, name: string, { lentMilli }: Omit<Use, "usedMilli">, nowMs: number): Use {
    const usedMilli = this.#generous.usedMilli(name, rule, nowMs);
    const freeMilli = rule.kind === "quota" ? lentMilli : 0;
    return { usedMilli: Math.max(0, usedMilli - freeMilli), lentMilli: 0, lentUntilMs: 0 };
  }

  /** Raises the most that a crash may take. Unchanged by an exact tier: its decisions are on disk before their answers leave. */
  #mayLose(rules: readonly CountedRule[], { atMs }: Turn): void {
    if (this.account.tier === "exact") return;
    const inForce = rules.map(([, rule]) => rule);
    this.#lostMilli = Math.max(this.#lostMilli, ...inForce.map(lossOf));
    this.#fastestPerMs = Math.max(this.#fastestPerMs, ...inForce.map(({ milliPerMs }) => milliPerMs));
    // Floors are still held, and what they would refill meanwhile is lost at the rate that is in force by now.
    if (atMs < this.#lastLoss.atMs + FLOOR_HOLD_MS) {
      this.#slackMilli += this.#lostMilli - this.#lastLoss.milli;
      this.#lastLoss.milli = this.#lostMilli;
    }
    this.#lostBillMilli = Math.max(this.#lostBillMilli, billLossOf(inForce));
  }

  /** If nothing is uncertain, the answer must name exactly what is left and which limits deny. */
  #readings(
    decision: Decision,
    rules: readonly CountedRule[],
    rejecting: readonly CountedRule[],
    turn: Turn,
  ): void {
    const { localMs: nowMs } = turn;
    const isCertain = rules.every(
      (rule) => this.#leftMilli(this.#generous, rule, nowMs) === this.#leftMilli(this.#stingy, rule, nowMs),
    );
    if (!isCertain) return;
    const violated = decision.violated.filter((limit) => limit !== SLOTS.name);
    if (!decision.allowed && violated.join() !== rejecting.map(([, { name }]) => name).join()) {
      this.#wrong("G3", `denied by ${decision.violated.join()}`, turn);
    }
    rules.forEach((rule, i) => {
      const reported = Math.round((decision.limits[i]?.remaining ?? -1) * 1_000);
      const is = Math.max(0, this.#leftMilli(this.#stingy, rule, nowMs));
      if (reported !== is) this.#wrong("G2", `${rule[0]} has ${is} left, the answer says ${reported}`, turn);
    });
  }

  #rules(revision: number, route: string | null, keyId: string | null, nowMs: number): CountedRule[] {
    return this.account.rules(this.#history.variants.get(revision) ?? 0, route, keyId, nowMs);
  }

  /** What is left of a limit. For the stingy model, open leases are spent; the generous one knows what really was. */
  #leftMilli(model: Model, [name, rule]: CountedRule, nowMs: number): number {
    const leftMilli = rule.capacityMilli - model.usedMilli(name, rule, nowMs);
    if (model === this.#generous || !this.#leases.hasOpen) return leftMilli;
    return leftMilli - this.#leases.lentOf(name, rule, this.#lentSinceMs(rule, nowMs)).lentMilli;
  }

  /** Leases of before count in no quota. */
  #lentSinceMs({ kind, per }: Rule, nowMs: number): number {
    return kind === "quota" ? periodStartMs(per, Math.max(nowMs, this.#stingy.seenMs)) : 0;
  }

  #lend(lease: Lease, turn: Turn): void {
    this.#retries.disturb();
    const { localMs: nowMs } = turn;
    const { tier } = this.account;
    const variant = this.#history.variants.get(lease.revision) ?? 0;
    // A replaced copy lends by the tier that it knows.
    const ownTier = TIERS.find((name) => turn.isStale && name === lease.tier);
    const rules = this.account.rules(variant, lease.route, lease.keyId, nowMs, ownTier ?? tier);
    this.#mayLose(rules, turn);
    const rejection = this.account.rejection(lease.keyId, nowMs);
    // What a replaced copy lends after a change made elsewhere is bounded by its floors.
    if (!turn.isStale && (!isLeased(tier) || rejection)) {
      this.#wrong("G4", `a lease in tier ${tier} for a caller who is ${rejection ?? "good"}`, turn);
    }
    for (const rule of rules) {
      const left = this.#leftMilli(this.#generous, rule, nowMs);
      if (left < lease.milli && !turn.isStale)
        this.#wrong("G1", `leased ${lease.milli} of ${left} that ${rule[0]} has`, turn);
    }
    if (lease.forMs > LEASE_MS || (nowMs % HOUR_MS) + lease.forMs > HOUR_MS) {
      this.#wrong("G1", `a lease of ${lease.forMs} ms`, turn);
    }
    this.#leases.lend(lease, rules, this.#lentAtMs(lease, nowMs), turn);
  }

  /** After the clock has stepped back, a lease of a quota stays in the newer hour, which its id tells. */
  #lentAtMs({ id }: Lease, nowMs: number): number {
    const hourMs = Number(id.split(".").at(-1)) * HOUR_MS;
    const hasSteppedBack = nowMs < hourMs && hourMs <= this.#generous.seenMs;
    return hasSteppedBack ? hourMs : nowMs;
  }

  #settle({ leaseId, cells, ...settlement }: Settlement, turn: Turn): void {
    const total = cells.reduce(plus, NOTHING);
    if (turn.isStale) {
      if (leaseId !== null) this.#settleWithStale(leaseId, turn);
      return;
    }
    if (leaseId === null) {
      const atMs = "atMs" in settlement ? settlement.atMs : turn.localMs;
      this.ledger.add(Math.min(atMs, turn.localMs), { ...total, withdrawn: 0 });
      this.ledger.add(turn.localMs, { ...NOTHING, withdrawn: total.withdrawn });
      return;
    }
    const lent = this.#leases.get(leaseId);
    if (lent && this.#leases.isMetered(leaseId, turn)) {
      this.#unsettled.delete(leaseId);
      this.ledger.add(lent.lentAtMs, { ...NOTHING, withdrawn: total.withdrawn });
    }
    const charge = this.#leases.settle(leaseId, total.costMilli, turn);
    if (charge) this.#charge(this.#stingy, charge.lent, charge.milli, turn.localMs);
  }

  /** What a replaced copy is told reaches no ledger. It takes no more than one headroom before it has to write, which fails. */
  #settleWithStale(leaseId: string, { replacedMs, atMs }: Turn): void {
    const milli = this.#unsettled.get(leaseId)?.milli ?? 0;
    this.#unsettled.delete(leaseId);
    this.lossMilli += milli;
    const sumMilli = (this.#toldStale.get(replacedMs) ?? 0) + milli;
    this.#toldStale.set(replacedMs, sumMilli);
    if (sumMilli > this.#lostBillMilli)
      this.#wrong("G5", `a replaced copy took ${sumMilli} of ${this.#lostBillMilli} from the bill`, { atMs });
  }

  /** Charges the limits from which a lease was taken, whatever limits are in force by now; those may refill at another rate. */
  #charge(model: Model, { lease, lentAtMs, rules }: LentLease, milli: number, atMs: number): void {
    if (milli === 0) return;
    const { keyId, route } = lease;
    const inForce = new Map(this.#rules(this.#revision, route, keyId, atMs));
    for (const [name, rule] of rules) {
      if (rule.kind !== "bucket") continue;
      const rates = [rule.milliPerMs, inForce.get(name)?.milliPerMs ?? rule.milliPerMs];
      const milliPerMs = model === this.#generous ? Math.max(...rates) : Math.min(...rates);
      model.charge(name, { ...rule, milliPerMs }, milli, atMs);
    }
    const lentBy = rules.map(([, rule]) => rule);
    // A lease of a quota's earlier period does not count in the new one.
    model.admit(milli, lentBy, keyId, lentAtMs, lentAtMs);
  }
}
