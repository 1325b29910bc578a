/**
 * UserLimiter: one object per user, the truth about that user. Holds the counters, decides by the core, and keeps the ledger, the account
 * and its keys.
 *
 * Why it is exact: a user has one object; its turns do not interleave (there is no await between reading a counter and spending from
 * it); nothing is spent beyond the floors in storage; and the output gate holds every answer until the state it rests on is on disk.
 * docs/consistency.md says when it can still be wrong, and by how much.
 */
import type { Decision, DecisionRequest, Slot } from "../src/core/decision.ts";
import { createLog, type Log, messageOf } from "../src/log.ts";
import {
  CHECKPOINT_AFTER_MS,
  type ObjectAnswer,
  type RepeatedAnswer,
  type ObjectCall,
  type Question,
  type Settlement,
} from "../src/objects/object-call.ts";
import { registrySource } from "../src/objects/policy-registry.ts";
import type { ReservationAnswer, ReservationCall } from "../src/objects/reservation.ts";
import { compactAnswers, expandQuestions } from "../src/limiter/wire.ts";
import type { UserLimiterRpc } from "../src/objects/user-limiter.ts";
import type { StatusRequest, UserStatus } from "../src/objects/user-status.ts";
import type { Policy } from "../src/policy/compile.ts";
import { PolicyStore } from "../src/policy/policy-store.ts";
import { loadBilling, loadedBilling } from "../src/billing-module.ts";
import { loadedEvents, loadEvents } from "../src/event-module.ts";
import { dueMetrics, reportMetrics } from "./object-metrics.ts";
import { persistently } from "./persistent-alarm.ts";
import { forgetDelayMs } from "./user-limiter/forget-delay.ts";
import { CallRate } from "./user-limiter/call-rate.ts";
import { chargeExpired } from "./user-limiter/lease-settlement.ts";
import type { Memory } from "./user-limiter/memory.ts";
import { PortalObject } from "./user-limiter/portal-object.ts";
import { settleReservations } from "./user-limiter/settle-reservations.ts";
import { statusOf } from "./user-limiter/status.ts";
import { takeTurn } from "./user-limiter/turn.ts";

/** A user who sends so few requests between two pauses is written exactly with each: a floor and a checkpoint are two rows. */
const FEW = 2;
/** The second of them counts as such if it comes so long after the first. Sooner, others probably follow. */
const FOLLOW_UP_MS = 1_000;

/** How often expired decisions are deleted at most. Until then they are not repeated either. */
const SWEEP_EVERY_MS = 10_000;

/** How long after a failed close it is tried again. */
const CLOSE_RETRY_MS = 300_000;

/** One policy store for all objects of an isolate: most ask for the same revision. */
let sharedPolicies: PolicyStore | null = null;

export class UserLimiter extends PortalObject implements UserLimiterRpc {
  readonly #log: Log;
  readonly #policies: PolicyStore;
  readonly #calls = new CallRate();
  /** When the user last sent a request. */
  #lastUsedMs = -Infinity;
  /** Requests since the user last paused, and between the two pauses before that. */
  #asked = 0;
  #askedBefore = 0;
  /** Whether an address's alarm is set since its state was last exact. */
  #isAlarmSet = false;
  /** The alarm that was last set for rows of reservations. */
  #sweepsAtMs: number | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#log = createLog("info");
    this.#policies = sharedPolicies ??= new PolicyStore(
      this.env.CONFIG,
      this.#log,
      registrySource(this.env.POLICY_REGISTRY),
    );
    const policies = this.#policies;
    this.changes.policies = {
      get known() {
        return policies.known;
      },
      at: (revision) => policies.at(revision),
      load: (revision = 0) =>
        this.#ensurePolicy(revision).catch((fault: unknown) => {
          this.#log("warn", "policy_missing", { error: messageOf(fault) });
        }),
    };
  }

  ping(): "pong" {
    return "pong";
  }

  /** Decides as {@link serve} does, for edges of an older version, which may outlive a rollout. */
  async decide(requests: readonly DecisionRequest[]): Promise<Decision[]> {
    const questions = requests.map((request) => ({ request, decide: true, wantMilli: 0 }));
    await this.#ensurePolicy(Math.max(0, ...requests.map(({ revision }) => revision)));
    return this.#turn([], questions, false).flatMap(({ decision }) => decision ?? []);
  }

  /**
   * Takes settlements and answers questions, in order, as one turn and one write. Synchronous if the policy is loaded, as it usually is.
   * @throws if no policy new enough can be loaded, or if storage fails: the caller then applies its failure policy.
   */
  serve(call: ObjectCall): RepeatedAnswer[] | Promise<RepeatedAnswer[]> {
    let revision = 0;
    for (const { question } of call.questions) revision = Math.max(revision, question.request.revision);
    return this.#hasPolicy(revision)
      ? this.#answer(call)
      : this.#ensurePolicy(revision).then(() => this.#answer(call));
  }

  #answer({ settlements, questions, standingId = 0, checkpoint, holdsLeases }: ObjectCall): RepeatedAnswer[] {
    const answers = this.#turn(settlements, expandQuestions(questions), holdsLeases ?? false);
    if (checkpoint) this.#checkpoint();
    const { accounts, needsCheckpoint } = this.store.memory;
    const { standing } = accounts;
    const [first] = answers;
    const metrics = first ? dueMetrics(Date.now()) : null;
    if (first && (standing.id !== standingId || needsCheckpoint || metrics)) {
      answers[0] = {
        ...first,
        ...(standing.id === standingId ? {} : { standing }),
        ...(needsCheckpoint ? { unwritten: true } : {}),
        ...(metrics ? { metrics } : {}),
      };
    }
    const repeatMs = this.changes.isResetting ? 0 : this.#calls.repeatMs;
    return compactAnswers(questions, answers, repeatMs);
  }

  /** One turn. It does not await, so it is atomic. */
  #turn(
    settlements: readonly Settlement[],
    questions: readonly Question[],
    holdsLeases: boolean,
  ): ObjectAnswer[] {
    const nowMs = Date.now();
    this.#calls.called(nowMs);
    const isUse = questions.some(({ request }) => !request.peek);
    const hasPaused = this.#hasPaused(nowMs);
    if (hasPaused && isUse) [this.#askedBefore, this.#asked] = [this.#asked, 0];
    const isOne = questions.length === 1 && settlements.length === 0 && questions[0]?.wantMilli === 0;
    const isAlone = isOne && (hasPaused ? this.#askedBefore <= FEW : this.#isFollowUp(nowMs));
    const kind = { isAlone, isResetting: this.changes.isResetting, holdsLeases };
    const { answers, remembers, publishes } = this.store.change((memory) =>
      takeTurn(memory, this.#policy(), settlements, questions, kind, nowMs),
    );
    if (isUse) {
      this.#lastUsedMs = nowMs;
      this.#asked += questions.length;
    }
    const { memory } = this.store;
    if (publishes) this.ctx.waitUntil(this.store.publish());
    if (remembers) this.ctx.waitUntil(this.store.wakeAt(memory.remembered.nextExpiryMs()));
    this.#sweepReservations();
    if (memory.needsCheckpoint) this.#wakeAddress(nowMs);
    else this.#rest(memory);
    return answers;
  }

  /** As {@link serve}: synchronous if the policy is loaded. */
  settle(
    calls: readonly ReservationCall[],
    revision: number,
  ): ReservationAnswer[] | Promise<ReservationAnswer[]> {
    return this.#hasPolicy(revision)
      ? this.#settle(calls)
      : this.#ensurePolicy(revision).then(() => this.#settle(calls));
  }

  #settle(calls: readonly ReservationCall[]): ReservationAnswer[] {
    const nowMs = Date.now();
    const { answers, publishes } = this.store.change((memory) =>
      settleReservations(memory, this.#policy(), calls, nowMs),
    );
    if (publishes) this.ctx.waitUntil(this.store.publish());
    this.#sweepReservations();
    if (this.store.memory.needsCheckpoint) this.#wakeAddress(nowMs);
    return answers;
  }

  /** Deletes the rows of reservations that are over, some time after. */
  #sweepReservations(): void {
    const { sweepAtMs } = this.store.memory.reservations;
    if (sweepAtMs === null || sweepAtMs === this.#sweepsAtMs) return;
    this.#sweepsAtMs = sweepAtMs;
    this.ctx.waitUntil(this.store.wakeAt(sweepAtMs));
  }

  release(holds: readonly Slot[]): void {
    const memory = this.store.memory;
    memory.counters.release(holds);
    memory.needsCheckpoint = true;
  }

  async status(request: StatusRequest): Promise<UserStatus> {
    await this.#ensurePolicy(request.revision);
    const policy = this.#policy();
    this.advanceBilling(policy);
    return statusOf(this.store.memory, policy, request, Date.now());
  }

  /** Delivers due outbox entries, deletes expired decisions, forgets idle addresses. Runs at least once: each step may run again. */
  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    await persistently(this.storage, info, () => this.#runDue());
  }

  async #runDue(): Promise<void> {
    const memory = this.store.memory;
    memory.remembered.sweep(Date.now());
    this.#sweepsAtMs = null;
    if ((memory.reservations.sweepAtMs ?? Infinity) <= Date.now()) memory.reservations.sweep(Date.now());
    if (this.#isAddress()) await this.#checkpointAddress();
    if ((await this.#forgetAddress(this.store.memory)) || !memory.hasTables) return;
    await this.#closeOrRetry();
    await this.#reportExpiring();
    await this.store.publishAll();
    await this.continueErasure();
    await this.sweepPortal();
    reportMetrics(this.ctx, this.env);
    const nextMs = memory.remembered.nextExpiryMs();
    // Each sweep reads the whole table, so it must not run for each decision.
    if (nextMs !== null) await this.store.wakeAt(Math.max(nextMs, Date.now() + SWEEP_EVERY_MS));
    await this.store.wakeAt(this.store.memory.reservations.sweepAtMs);
    await this.store.publishSlow();
  }

  /** Reports the keys that expire soon, if the policy reports that. */
  async #reportExpiring(): Promise<void> {
    if (!this.store.memory.keys.all.some(({ expiresMs }) => expiresMs)) return;
    await this.changes.policies.load();
    this.store.change((memory) => memory.transact(() => memory.events?.runDue(Date.now())));
  }

  /** Closes billing periods that are due. A failure delays neither the outbox nor decisions: it is retried. */
  async #closeOrRetry(): Promise<void> {
    try {
      await this.closeDue();
    } catch (thrown) {
      this.#log("error", "close_failed", { user: this.ctx.id.name, error: messageOf(thrown) });
      this.store.memory.closesNotBeforeMs = Date.now() + CLOSE_RETRY_MS;
    }
  }

  /** Whether the isolate's newest policy is as new as this revision and as the one that last decided for the user, with what it needs. */
  #hasPolicy(revision: number): boolean {
    const { known } = this.#policies;
    if (known === null || known.revision < Math.max(revision, this.store.memory.revision)) return false;
    if (known.events !== null && loadedEvents() === null) return false;
    return known.billing === null || loadedBilling() !== null;
  }

  /**
   * Loads a policy as new as the newest that the edge or this object has seen.
   * @throws if it cannot be loaded: an older one must not decide.
   */
  async #ensurePolicy(revision: number): Promise<void> {
    if (this.#hasPolicy(revision)) return;
    const wanted = Math.max(revision, this.store.memory.revision);
    const policy = await this.#policies.atLeast(wanted);
    if (policy?.billing) await loadBilling();
    if (policy?.events !== null) await loadEvents();
    if (policy) return;
    throw new Error(`policy revision ${wanted} cannot be loaded: neither KV nor the registry returned it`);
  }

  /** The isolate's newest policy: at least the revision that {@link #ensurePolicy} loaded, whatever turns ran in between. */
  #policy(): Policy {
    const policy = this.#policies.known;
    if (!policy) throw new Error("ensure a policy first");
    return policy;
  }

  /** Writes the exact state if the user has paused, so that a later restart loses nothing. */
  #checkpoint(): void {
    const nowMs = Date.now();
    if (!this.#hasPaused(nowMs)) return;
    try {
      const memory = this.store.change((changed) => {
        const policy = this.#policies.known;
        if (policy && chargeExpired(changed, policy, nowMs)) changed.needsCheckpoint = true;
        changed.checkpoint(nowMs);
        if (policy?.events) changed.reportAlerts(policy, nowMs);
        return changed;
      });
      this.#rest(memory);
    } catch (thrown) {
      // The floors in storage still hold: only the exactness of this pause is lost.
      this.#log("error", "settle_failed", { error: messageOf(thrown) });
    }
  }

  /** The last work before the object is idle, perhaps forever. */
  #rest(memory: Memory): void {
    // If the runtime dropped the alarm, re-arm it for pending outbox entries.
    if (memory.hasTables) this.ctx.waitUntil(this.store.wake());
    this.#isAlarmSet = false;
    if (this.#isAddress() && memory.restsAtMs !== null) {
      this.ctx.waitUntil(this.store.wakeAt(memory.restsAtMs + this.#forgetDelayMs()));
    }
  }

  /** The isolate that would have asked for a checkpoint may be gone. */
  async #checkpointAddress(): Promise<void> {
    this.#checkpoint();
    const { needsCheckpoint } = this.store.memory;
    if (needsCheckpoint) await this.store.wakeAt(Date.now() + this.#forgetDelayMs());
  }

  /** An address must be forgotten even if no isolate asks for its checkpoint. */
  #wakeAddress(nowMs: number): void {
    if (this.#isAlarmSet || !this.#isAddress()) return;
    this.#isAlarmSet = true;
    this.ctx.waitUntil(this.store.wakeAt(nowMs + this.#forgetDelayMs()));
  }

  /** Whether one of few requests comes a while after one that was written exactly: a floor would be written for it alone. */
  #isFollowUp(nowMs: number): boolean {
    return (
      this.#asked < FEW && nowMs - this.#lastUsedMs >= FOLLOW_UP_MS && !this.store.memory.needsCheckpoint
    );
  }

  /** Whether there was no request for {@link CHECKPOINT_AFTER_MS}, or the clock has stepped back. */
  #hasPaused(nowMs: number): boolean {
    const pausedMs = nowMs - this.#lastUsedMs;
    return pausedMs < 0 || pausedMs >= CHECKPOINT_AFTER_MS;
  }

  /**
   * Deletes an address's data once its counters are at rest. An address has no account and nothing to bill, so that changes no decision,
   * and storage does not grow with every address ever seen.
   * @returns whether it was deleted.
   */
  async #forgetAddress({ restsAtMs, remembered, reservations }: Memory): Promise<boolean> {
    if (!this.#isAddress() || restsAtMs === null) return false;
    const forgetAtMs = Math.max(
      restsAtMs + this.#forgetDelayMs(),
      remembered.nextExpiryMs() ?? 0,
      reservations.sweepAtMs ?? 0,
    );
    if (forgetAtMs > Date.now()) {
      await this.store.wakeAt(forgetAtMs);
      return false;
    }
    await this.store.forget();
    return true;
  }

  #forgetDelayMs(): number {
    return forgetDelayMs(this.ctx.id.name ?? "");
  }

  #isAddress(): boolean {
    return /^(ip|login|admin):/.test(this.ctx.id.name ?? "");
  }
}
