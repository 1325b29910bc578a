/**
 * Goes through the object's turns in their order, leaves out what a crash undid before any answer left, and holds each decision
 * against what the exact model says at that point.
 */
import type { Decision } from "../../src/core/decision.ts";
import type { Lease, Question, Settlement } from "../../src/objects/object-call.ts";
import { AccountModel } from "./account-model.ts";
import type { Changed, Entry, History, Moment, Turn } from "./history.ts";
import { LedgerModel, NOTHING, plus } from "./ledger-model.ts";
import { counterOf, Model } from "./model.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import { COST_MILLI, isLeased, periodStartMs, ROUTES, type Rule } from "./policies.ts";

/**
 * What a crash may take of a limit: 2 % of it, or of a bucket what comes back in 5 s where that is more, up to 10 %, and where 10 %
 * come back earlier what would come back in 5 s besides; at least the cost of one request, at most 256 tokens of the bill.
 */
const LOST_SHARE = 0.02;
const LOST_BUCKET_SHARE = 0.1;
const LOST_MS = 5_000;
const MIN_LOST_MILLI = 2_000;
const MAX_LOST_MILLI = 256_000;
const LEASE_MS = 1_000;
const SETTLE_GRACE_MS = 5_000;
const REMEMBERED_MS = 600_000;
/** More than any limit here holds: what is lent if there is none. */
const UNLIMITED_MILLI = 2 ** 49;

/** A lease as it was granted. */
export interface Granted {
  readonly lease: Lease;
  readonly atMs: number;
  readonly grantedMs: number;
  readonly closesMs: number;
  readonly names: readonly string[];
}

/** Says that a guarantee is broken, how, and where. */
export type Wrong = (guarantee: string, what: string, where: { readonly atMs: number }) => void;

export class Replay {
  readonly account = new AccountModel();
  readonly ledger = new LedgerModel();
  readonly granted = new Map<string, Granted>();
  /** What crashes may have taken from the bill. */
  lossMilli = 0;
  /** Requests that the object refused. */
  denials = 0;
  /** What crashes may have taken of any limit. */
  #slackMilli = 0;
  readonly #history: History;
  readonly #wrong: Wrong;
  readonly #generous = new Model(true);
  readonly #stingy = new Model(false);
  readonly #open = new Map<string, Granted>();
  readonly #remembered = new Map<string, { readonly decision: Decision; readonly untilMs: number }>();
  /** The newest revision that was decided by, and the newest that the object was told of. */
  #revision = 0;
  #known = 0;
  /** What one crash may take, of any limit and from the bill, by the limits until now. */
  #lostMilli = 0;
  #lostBillMilli = 0;
  /** Whether limits have changed, so that the two models may differ. */
  #hasChanged = false;

  constructor(history: History, wrong: Wrong) {
    this.#history = history;
    this.#wrong = wrong;
  }

  run(): void {
    for (const entry of this.#history.entries) this.#entry(entry);
  }

  #entry(entry: Entry): void {
    for (const model of [this.#generous, this.#stingy]) model.see(entry.localMs);
    if (entry.kind === "loss") {
      this.#generous.lose(this.#lostBillMilli);
      this.#slackMilli += this.#lostMilli;
      this.lossMilli += this.#lostBillMilli;
    } else if (entry.kept && entry.kind === "change") this.#change(entry);
    else if (entry.kept && entry.kind === "turn") this.#turn(entry);
  }

  #change({ change, localMs }: Changed): void {
    this.account.apply(change, localMs);
    this.#hasChanged ||= change.kind !== "create";
    if (change.kind !== "reset") return;
    this.#generous.reset(change.limits);
    this.#stingy.reset(change.limits);
  }

  #turn(turn: Turn): void {
    this.#known = Math.max(this.#known, ...turn.questions.map(({ request }) => request.revision));
    this.#giveUp(turn.localMs);
    for (const settlement of turn.settlements) this.#settle(settlement, turn);
    turn.questions.forEach((question, i) => {
      const decision = turn.answers[i]?.decision;
      if (decision && !this.#isRemembered(question, decision, turn)) this.#decision(question, decision, turn);
    });
    for (const { lease } of turn.answers) if (lease) this.#grant(lease, turn);
  }

  /** Whether it was decided before, under its idempotency key. */
  #isRemembered({ request }: Question, decision: Decision, turn: Turn): boolean {
    const { idempotencyKey, peek } = request;
    if (idempotencyKey === null) return false;
    // A copy that was replaced may be asked, but cannot remember anything.
    if (turn.isStale && peek) return true;
    const before = this.#remembered.get(idempotencyKey);
    if (before && turn.localMs < before.untilMs) {
      const same = decision.decisionId === before.decision.decisionId && decision.replayed === true;
      if (!same) this.#wrong("G1", `the idempotency key ${idempotencyKey} was decided twice`, turn);
      return true;
    }
    if (decision.replayed) this.#wrong("G1", `${idempotencyKey} is a replay of nothing`, turn);
    if (!peek && decision.allowed)
      this.#remembered.set(idempotencyKey, { decision, untilMs: turn.localMs + REMEMBERED_MS });
    return false;
  }

  #decision(question: Question, decision: Decision, turn: Turn): void {
    const { request } = question;
    if (decision.revision < Math.max(request.revision, this.#revision)) {
      this.#wrong("G4", `decided by revision ${decision.revision} after ${this.#revision}`, turn);
    }
    if (this.#revision > 0 && decision.revision > this.#revision) this.#hasChanged = true;
    if (!request.peek) this.#revision = Math.max(this.#revision, decision.revision);
    const refusal = this.account.refusal(request.keyId);
    const isByLimits = decision.outcome === "allowed" || decision.outcome === "denied";
    if (refusal ? decision.outcome !== refusal : !isByLimits) {
      this.#wrong("G4", `${decision.outcome}, though the caller is ${refusal ?? "good"}`, turn);
      return;
    }
    if (decision.tier !== this.account.tier) {
      this.#wrong("G4", `tier ${decision.tier} instead of ${this.account.tier}`, turn);
    }
    if (!refusal) this.#limits(question, decision, turn);
  }

  #limits({ request }: Question, decision: Decision, turn: Turn): void {
    const { localMs: nowMs } = turn;
    const { route, keyId, peek } = request;
    const costMilli = COST_MILLI[ROUTES.find((name) => name === route) ?? "/one"];
    const rules = this.#rules(decision.revision, route, keyId, nowMs);
    this.#mayLose(rules);
    const refusing = rules.filter((rule) => this.#leftMilli(this.#generous, rule, nowMs) < costMilli);
    const mayRefuse = rules.filter(
      (rule) => this.#leftMilli(this.#stingy, rule, nowMs) < costMilli + this.#slackMilli,
    );
    // What a copy that was replaced says without charging is as old as that copy.
    if (decision.allowed && refusing.length > 0 && !(turn.isStale && peek)) {
      const names = refusing.map(([name]) => name).join();
      this.#wrong("G1", `admitted ${costMilli} though ${names} does not hold it`, turn);
    }
    if (!decision.allowed && mayRefuse.length === 0) {
      this.#wrong("G2", `refused ${costMilli} by ${decision.violated.join()}, which holds it`, turn);
    }
    if (!peek) {
      if (decision.allowed) {
        for (const model of [this.#generous, this.#stingy]) {
          for (const [name, rule] of rules) {
            if (rule.kind === "bucket") model.charge(name, rule, costMilli, nowMs);
          }
          const inForce = rules.map(([, rule]) => rule);
          model.admit(costMilli, inForce, keyId, nowMs);
        }
      }
      if (!decision.allowed) this.denials += 1;
      // What a copy that was replaced decides reaches no ledger.
      const charged = decision.allowed ? { ...NOTHING, requests: 1, costMilli } : { ...NOTHING, denied: 1 };
      if (!turn.isStale) this.ledger.add(nowMs, charged);
    }
    if (!this.#hasChanged && this.#slackMilli === 0 && !turn.isStale)
      this.#readings(decision, rules, mayRefuse, turn);
  }

  /** Every decision of an exact tier is on disk before its answer leaves. */
  #mayLose(rules: readonly [string, Rule][]): void {
    if (this.account.tier === "exact") return;
    const lost = rules.map(([, rule]) => headroomOf(rule));
    this.#lostMilli = Math.max(this.#lostMilli, MIN_LOST_MILLI, ...rules.map(([, rule]) => lossOf(rule)));
    this.#lostBillMilli = Math.max(this.#lostBillMilli, MIN_LOST_MILLI, Math.min(MAX_LOST_MILLI, ...lost));
  }

  /** Where nothing is uncertain, the answer says exactly what is left, and of which limits too little. */
  #readings(
    decision: Decision,
    rules: readonly [string, Rule][],
    refusing: readonly [string, Rule][],
    turn: Turn,
  ): void {
    const { localMs: nowMs } = turn;
    const isCertain = rules.every(
      (rule) => this.#leftMilli(this.#generous, rule, nowMs) === this.#leftMilli(this.#stingy, rule, nowMs),
    );
    if (!isCertain) return;
    if (!decision.allowed && decision.violated.join() !== refusing.map(([, { name }]) => name).join()) {
      this.#wrong("G3", `refused by ${decision.violated.join()}`, turn);
    }
    rules.forEach((rule, i) => {
      const told = Math.round((decision.limits[i]?.remaining ?? -1) * 1_000);
      const is = Math.max(0, this.#leftMilli(this.#stingy, rule, nowMs));
      if (told !== is) this.#wrong("G2", `${rule[0]} has ${is} left, the answer says ${told}`, turn);
    });
  }

  #rules(revision: number, route: string | null, keyId: string | null, nowMs: number): [string, Rule][] {
    return this.account.rules(this.#history.variants.get(revision) ?? 0, route, keyId, nowMs);
  }

  #leftMilli(model: Model, [name, rule]: [string, Rule], nowMs: number): number {
    const isQuota = rule.kind === "quota";
    const sinceMs = isQuota ? periodStartMs(rule, Math.max(nowMs, model.seenMs)) : 0;
    let setAsideMilli = 0;
    for (const { lease, grantedMs, names } of this.#open.values()) {
      if (lease.milli >= UNLIMITED_MILLI) continue;
      const isHeld = isQuota ? !rule.byKey || counterOf(rule, lease.keyId) === name : names.includes(name);
      if (grantedMs >= sinceMs && isHeld) setAsideMilli += lease.milli;
    }
    return rule.capacityMilli - model.usedMilli(name, rule, nowMs) - setAsideMilli;
  }

  #grant(lease: Lease, turn: Turn): void {
    const { localMs: nowMs } = turn;
    const { tier } = this.account;
    const rules = this.#rules(lease.revision, lease.route, lease.keyId, nowMs);
    if (!isLeased(tier) || this.account.refusal(lease.keyId)) {
      this.#wrong("G4", `a lease in tier ${tier}, ${this.account.refusal(lease.keyId) ?? "good"}`, turn);
    }
    for (const rule of rules) {
      const left = this.#leftMilli(this.#generous, rule, nowMs);
      if (left < lease.milli) this.#wrong("G1", `leased ${lease.milli} of ${left} that ${rule[0]} has`, turn);
    }
    if (lease.forMs > LEASE_MS || (nowMs % HOUR_MS) + lease.forMs > HOUR_MS) {
      this.#wrong("G1", `a lease of ${lease.forMs} ms`, turn);
    }
    const granted: Granted = {
      lease,
      atMs: turn.atMs,
      grantedMs: nowMs,
      closesMs: nowMs + lease.forMs + SETTLE_GRACE_MS,
      names: rules.map(([name]) => name),
    };
    this.#open.set(lease.id, granted);
    this.granted.set(lease.id, granted);
  }

  #settle(settlement: Settlement, turn: Turn): void {
    const total = settlement.cells.reduce(plus, NOTHING);
    if (settlement.leaseId === null) {
      this.ledger.add(Math.min(settlement.atMs, turn.localMs), total);
      return;
    }
    const open = this.#open.get(settlement.leaseId);
    if (!open) return;
    this.#open.delete(settlement.leaseId);
    this.ledger.add(open.grantedMs, total);
    this.#charge([this.#generous, this.#stingy], open, total.costMilli, turn);
  }

  /** Leases that nobody settled in time: the product charges all of them, the generous model what was really spent. */
  #giveUp(nowMs: number): void {
    for (const [id, open] of this.#open) {
      if (open.closesMs > nowMs) continue;
      this.#open.delete(id);
      // Without limits it was no amount: what was spent of it is lost with its isolate.
      if (open.lease.milli >= UNLIMITED_MILLI) continue;
      const spentMilli = this.#history.spends.reduce(
        (sum, { leaseId, costMilli }) => (leaseId === id ? sum + costMilli : sum),
        0,
      );
      this.#charge([this.#generous], open, spentMilli, { localMs: open.closesMs });
      this.#charge([this.#stingy], open, open.lease.milli, { localMs: open.closesMs });
    }
  }

  #charge(
    models: readonly Model[],
    { lease, grantedMs, names }: Granted,
    milli: number,
    { localMs: atMs }: Pick<Moment, "localMs">,
  ): void {
    if (milli === 0) return;
    const rules = this.#rules(this.#known, lease.route, lease.keyId, atMs);
    const inForce = rules.map(([, rule]) => rule);
    for (const model of models) {
      for (const [name, rule] of rules) {
        if (rule.kind === "bucket" && names.includes(name)) model.charge(name, rule, milli, atMs);
      }
      // What was lent in a quota's earlier period does not burden the new one.
      model.admit(milli, inForce, lease.keyId, grantedMs);
    }
  }
}

/** What is reserved of a limit, and missing from the bill after a crash. */
function headroomOf({ kind, milliPerMs, capacityMilli }: Rule): number {
  const share = capacityMilli * LOST_SHARE;
  if (kind === "quota") return share;
  return Math.max(share, Math.min(milliPerMs * LOST_MS, capacityMilli * LOST_BUCKET_SHARE));
}

/** What is missing of a limit after a crash, at most: a reservation that would refill sooner is held, and refills later. */
function lossOf(rule: Rule): number {
  const refilled = rule.milliPerMs * LOST_MS;
  const isHeld = refilled > rule.capacityMilli * LOST_BUCKET_SHARE;
  return headroomOf(rule) + (isHeld ? refilled : 0);
}
