/**
 * Replays the object's turns in order, without those that a crash undid before an answer left, and compares each decision with the
 * exact model at that point.
 */
import type { Decision, DecisionRequest } from "../../src/core/decision.ts";
import type { Lease, Question } from "../../src/objects/object-call.ts";
import { AccountModel, type CountedRule } from "./account-model.ts";
import { Bracket } from "./bracket.ts";
import { type Changed, type Entry, type History, keyIdOf, type Turn, type Wrong } from "./history.ts";
import { LeaseTurns } from "./lease-turns.ts";
import type { LentOf } from "./lent-leases.ts";
import { LedgerModel, NOTHING } from "./ledger-model.ts";
import { FLOOR_HOLD_MS, LossBound } from "./loss-bound.ts";
import { COST_MILLI, isLeased, ROUTES, type Rule, SLOTS, TIERS } from "./policies.ts";
import { RememberedDecisions } from "./remembered.ts";
import { deniedForMs, RetryWatch, type Use } from "./retry-times.ts";
import { SlotsModel } from "./slots.ts";

export class Replay {
  readonly account = new AccountModel();
  readonly ledger = new LedgerModel();
  /** Requests that the object denied. */
  denials = 0;
  readonly #history: History;
  readonly #wrong: Wrong;
  readonly #bracket = new Bracket();
  readonly #losses = new LossBound();
  readonly #leases: LeaseTurns;
  readonly #remembered: RememberedDecisions;
  readonly #slots: SlotsModel;
  readonly #retries = new RetryWatch();
  /** What crashes of the object may have taken from the bill. */
  #lostMilli = 0;
  /** The newest revision that decided. */
  #revision = 0;
  /** Whether a replaced copy has decided anything. */
  #hasForked = false;
  /** Whether limits have changed, so that the two models may differ. */
  #hasChanged = false;
  /** When the account last changed. */
  #changedMs = -Infinity;

  constructor(history: History, wrong: Wrong) {
    this.#history = history;
    this.#wrong = wrong;
    this.#slots = new SlotsModel(wrong);
    this.#remembered = new RememberedDecisions(wrong);
    const inForce = (route: string | null, keyId: string | null, nowMs: number): CountedRule[] =>
      this.#rules(this.#revision, route, keyId, nowMs);
    this.#leases = new LeaseTurns(history, wrong, this.#bracket, this.ledger, this.#losses, inForce);
  }

  /** The most that crashes may have taken from the bill. */
  get lossMilli(): number {
    return this.#lostMilli + this.#leases.lossMilli;
  }

  run(): void {
    for (const entry of this.#history.entries) this.#entry(entry);
    this.#leases.end();
  }

  #entry(entry: Entry): void {
    this.#bracket.see(entry.localMs);
    this.#slots.see(entry);
    if (entry.kind !== "turn" && entry.kind !== "release") this.#retries.disturb();
    if (entry.kind === "loss") {
      this.#bracket.generous.lose(this.#losses.billMilli, entry.nextMs);
      this.#losses.lose(entry);
      this.#lostMilli += this.#losses.billMilli;
      this.#bracket.leases.lose(entry);
    } else if (entry.kind === "spend") this.#leases.spend(entry);
    else if (entry.kind === "change" && entry.kept) this.#change(entry);
    else if (entry.kind === "turn" && entry.kept) this.#turn(entry);
  }

  #change({ change, number, localMs, atMs }: Changed): void {
    this.#changedMs = atMs;
    this.#noteRates(localMs);
    this.account.apply(change, number, localMs);
    this.#noteRates(localMs);
    this.#hasChanged ||= change.kind !== "begin";
    if (change.kind !== "reset") return;
    this.#leases.expire(localMs);
    this.#leases.chargeAll(localMs);
    this.#bracket.reset(change.limits);
  }

  /** Before and after something changes how fast buckets refill. */
  #noteRates(nowMs: number): void {
    for (const keyId of [keyIdOf(0), keyIdOf(1)])
      this.#bracket.noteRates(this.#rules(this.#revision, "/own", keyId, nowMs), nowMs);
  }

  #turn(turn: Turn): void {
    this.#hasForked ||= turn.isStale;
    if (!turn.isStale) this.#losses.turn(turn);
    // What a replaced copy does, or that a lease is charged since nobody settled it, is nothing that a denial can know.
    const hasExpired = this.#leases.expire(turn.localMs);
    if (hasExpired || turn.isStale || turn.settlements.length > 0) this.#retries.disturb();
    for (const { request, decide } of turn.questions) {
      if (decide && !request.peek && !turn.isStale) this.#adopt(request.revision, turn);
    }
    for (const settlement of turn.settlements) this.#leases.settle(settlement, turn);
    turn.questions.forEach((question, i) => {
      const decision = turn.answers[i]?.decision;
      if (decision && !this.#remembered.isKnown(question, decision, turn))
        this.#decision(question, decision, turn);
    });
    for (const { lease } of turn.answers) if (lease) this.#lend(lease, turn);
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
    const rejecting = rules.filter((rule) => this.#bracket.mostLeft(rule, nowMs) < costMilli);
    const mayReject = rules.filter(
      (rule) => this.#bracket.leastLeft(rule, nowMs) < costMilli + this.#losses.slackMilli,
    );
    // A peek answered by a replaced copy is as old as that copy.
    if (decision.allowed && rejecting.length > 0 && !(turn.isStale && peek)) {
      const names = rejecting
        .map((rule) => `${rule[0]} (${this.#bracket.mostLeft(rule, nowMs)} left)`)
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
        this.#bracket.charge(costMilli, rules, keyId, nowMs);
      }
      if (!decision.allowed) this.denials += 1;
      // Decisions of a replaced copy reach no ledger.
      const charged = decision.allowed ? { ...NOTHING, requests: 1, costMilli } : { ...NOTHING, denied: 1 };
      if (!turn.isStale) this.ledger.add(nowMs, charged);
    }
    if (!this.#hasChanged && this.#losses.slackMilli === 0 && !turn.isStale)
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
    const behindMs = Math.max(0, this.#bracket.stingy.seenMs - nowMs);
    const isCertain = !this.#hasChanged && this.#losses.slackMilli === 0 && !turn.isStale && behindMs === 0;
    let [leastMs, mostMs] = [0, 0];
    for (const [name, rule] of rules) {
      const usedMilli = this.#bracket.stingy.usedMilli(name, rule, nowMs);
      const lent = this.#bracket.lentOf(name, rule, nowMs);
      const most = { ...lent, usedMilli: usedMilli + this.#losses.slackMilli };
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

  /**
   * What is certainly used of a limit. Of a quota, the object expects that all it has set aside may become free, even if it is spent by now,
   * or was settled before a crash: then nobody settles it again, which the object cannot know.
   */
  #leastUse(rule: Rule, name: string, { setAsideMilli }: LentOf, nowMs: number): Use {
    const usedMilli = this.#bracket.generous.usedMilli(name, rule, nowMs);
    const freeMilli = rule.kind === "quota" ? setAsideMilli : 0;
    return { usedMilli: Math.max(0, usedMilli - freeMilli), lentMilli: 0, lentUntilMs: 0 };
  }

  /** Unchanged by an exact tier: its decisions are on disk before their answers leave. */
  #mayLose(rules: readonly CountedRule[], turn: Turn): void {
    if (this.account.tier !== "exact")
      this.#losses.use(
        rules.map(([, rule]) => rule),
        turn,
      );
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
      (rule) => this.#bracket.mostLeft(rule, nowMs) === this.#bracket.leastLeft(rule, nowMs),
    );
    if (!isCertain) return;
    const violated = decision.violated.filter((limit) => limit !== SLOTS.name);
    if (!decision.allowed && violated.join() !== rejecting.map(([, { name }]) => name).join()) {
      this.#wrong("G3", `denied by ${decision.violated.join()}`, turn);
    }
    rules.forEach((rule, i) => {
      const reported = Math.round((decision.limits[i]?.remaining ?? -1) * 1_000);
      const is = Math.max(0, this.#bracket.leastLeft(rule, nowMs));
      if (reported !== is) this.#wrong("G2", `${rule[0]} has ${is} left, the answer says ${reported}`, turn);
    });
  }

  #rules(revision: number, route: string | null, keyId: string | null, nowMs: number): CountedRule[] {
    return this.account.rules(this.#history.variants.get(revision) ?? 0, route, keyId, nowMs);
  }

  #lend(lease: Lease, turn: Turn): void {
    this.#retries.disturb();
    const { tier } = this.account;
    const variant = this.#history.variants.get(lease.revision) ?? 0;
    // A replaced copy lends by the tier that it knows.
    const ownTier = TIERS.find((name) => turn.isStale && name === lease.tier);
    const rules = this.account.rules(variant, lease.route, lease.keyId, turn.localMs, ownTier ?? tier);
    this.#mayLose(rules, turn);
    const rejection = this.account.rejection(lease.keyId, turn.localMs);
    const isWrong = !isLeased(tier) || rejection !== null;
    const why = isWrong ? `in tier ${tier} for a caller who is ${rejection ?? "good"}` : null;
    this.#leases.lend(lease, rules, why, turn);
  }
}
