/**
 * UserLimiter: one object per user, the truth about that user. Holds the counters, decides by the core, and keeps the ledger, the account
 * and its keys.
 *
 * Why it is exact: a user has one object; its turns do not interleave (there is no await between reading a counter and spending from
 * it); nothing is spent beyond the floors in storage; and the output gate holds every answer until the state it rests on is on disk.
 * docs/consistency.md says when it can still be wrong, and by how much.
 */
import { periodAt } from "../src/core/calendar.ts";
import { type Decision, type DecisionRequest, type Slot, limitView } from "../src/core/decision.ts";
import { type Meter, read } from "../src/core/limit.ts";
import { decidePlan, effective } from "../src/core/plan.ts";
import { toTokens } from "../src/core/units.ts";
import { createLog, type Log, messageOf } from "../src/log.ts";
import type {
  ObjectAnswer,
  RepeatedAnswer,
  ObjectCall,
  Question,
  Settlement,
} from "../src/objects/object-call.ts";
import { registrySource } from "../src/objects/policy-registry.ts";
import { compactAnswers, expandQuestions } from "../src/limiter/wire.ts";
import type { UserLimiterRpc } from "../src/objects/user-limiter.ts";
import type { LimitStatus, StatusRequest, UserStatus } from "../src/objects/user-status.ts";
import { type Policy, tierOf } from "../src/policy/compile.ts";
import { PolicyStore } from "../src/policy/policy-store.ts";
import { reportMetrics } from "./object-metrics.ts";
import { persistently } from "./persistent-alarm.ts";
import { AccountObject } from "./user-limiter/account-object.ts";
import { forgetDelayMs } from "./user-limiter/forget-delay.ts";
import { chargeExpired } from "./user-limiter/lease-desk.ts";
import type { Usage } from "./user-limiter/ledger.ts";
import type { Memory } from "./user-limiter/memory.ts";
import { takeTurn } from "./user-limiter/turn.ts";

/**
 * How long after its last request a user's exact state is written. A pending timer keeps the object in memory, which is billed: so this
 * is short, and there is no timer if nothing is left to write. A crash within this time loses at most one headroom.
 */
const CHECKPOINT_AFTER_MS = 1_000;

/** How often expired decisions are deleted at most. Until then they are not repeated either. */
const SWEEP_EVERY_MS = 10_000;

/** One policy store for all objects of an isolate: most ask for the same revision. */
let sharedPolicies: PolicyStore | null = null;

export class UserLimiter extends AccountObject implements UserLimiterRpc {
  readonly #log: Log;
  readonly #policies: PolicyStore;
  #lastUsedMs = 0;
  /** Whether a timer for a checkpoint is pending. */
  #isCheckpointDue = false;
  /** Requests since the user last paused, and between the two pauses before that. */
  #asked = 0;
  #askedBefore = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#log = createLog("info");
    this.#policies = sharedPolicies ??= new PolicyStore(
      env.CONFIG,
      this.#log,
      registrySource(env.POLICY_REGISTRY),
    );
  }

  ping(): "pong" {
    return "pong";
  }

  /** Decides as {@link serve} does, for edges of an older version, which may outlive a rollout. */
  async decide(requests: readonly DecisionRequest[]): Promise<Decision[]> {
    const questions = requests.map((request) => ({ request, decide: true, wantMilli: 0 }));
    await this.#ensurePolicy(Math.max(0, ...requests.map(({ revision }) => revision)));
    return this.#turn([], questions).flatMap(({ decision }) => decision ?? []);
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

  #answer({ settlements, questions, standingId = 0 }: ObjectCall): RepeatedAnswer[] {
    const answers = this.#turn(settlements, expandQuestions(questions));
    const { standing } = this.store.memory.accounts;
    const [first] = answers;
    if (first && standing.id !== standingId) answers[0] = { ...first, standing };
    return compactAnswers(questions, answers);
  }

  /** One turn. It does not await, so it is atomic. */
  #turn(settlements: readonly Settlement[], questions: readonly Question[]): ObjectAnswer[] {
    const nowMs = Date.now();
    if (!this.#isCheckpointDue && this.#asked > 0 && this.#hasPaused(nowMs)) this.#paused();
    const { answers, remembers } = this.store.change((memory) => {
      // The exact state of a lone request is written at once, so nothing is left to write when the user pauses.
      const isAlone =
        !memory.needsCheckpoint && this.#asked === 0 && this.#askedBefore <= 1 && questions.length === 1;
      this.#asked += questions.length;
      return takeTurn(memory, this.#policy(), settlements, questions, isAlone, nowMs);
    });
    this.#lastUsedMs = nowMs;
    const { memory } = this.store;
    if (remembers) this.ctx.waitUntil(this.store.wakeAt(memory.remembered.nextExpiryMs()));
    if (memory.needsCheckpoint) this.#checkpointLater();
    else this.#rest(memory, nowMs);
    return answers;
  }

  release(holds: readonly Slot[]): void {
    const memory = this.store.memory;
    memory.counters.release(holds);
    memory.needsCheckpoint = true;
    this.#lastUsedMs = Date.now();
    this.#checkpointLater();
  }

  async status(request: StatusRequest): Promise<UserStatus> {
    await this.#ensurePolicy(request.revision);
    const policy = this.#policy();
    const nowMs = Date.now();
    const { memory } = this.store;
    // As a decision does: otherwise, after a crash with open leases, they would stay set aside until the next decision.
    if (chargeExpired(memory, policy, nowMs)) memory.needsCheckpoint = true;
    const { accounts, counters, keys, leases, ledger, hasTables } = memory;
    const { account } = accounts;
    if (request.keyId !== null && !keys.isValid(request.keyId, nowMs)) return { kind: "revoked" };
    const tier = accounts.adjust(tierOf(policy, account?.tier ?? request.tier), nowMs);
    const charges = memory.chargesFor(tier, null, request.keyId);
    counters.prepare(charges, policy, leases, nowMs);
    const plan = decidePlan(charges, counters.live, 0, nowMs, leases);
    const usage = (fromMs: number) => usageView(ledger.since(fromMs, hasTables));
    return {
      kind: "status",
      tier: tier.name,
      status: accounts.status,
      revision: policy.revision,
      // `before`, since even a request of cost 0 takes a slot.
      limits: effective({ ...plan, after: plan.before }).map((meter) => limitStatus(meter, nowMs)),
      usage: {
        hour: usage(periodAt("hour", nowMs).startMs),
        day: usage(periodAt("day", nowMs).startMs),
        month: usage(periodAt("month", nowMs).startMs),
      },
    };
  }

  /** Delivers due outbox entries, deletes expired decisions, forgets idle addresses. Runs at least once: each step may run again. */
  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    await persistently(this.ctx.storage, info, () => this.#runDue());
  }

  async #runDue(): Promise<void> {
    const memory = this.store.memory;
    memory.remembered.sweep(Date.now());
    if ((await this.#forgetAddress(memory)) || !memory.hasTables) return;
    await this.store.publishAll();
    reportMetrics(this.ctx, this.env);
    const nextMs = memory.remembered.nextExpiryMs();
    // Each sweep reads the whole table, so it must not run for each decision.
    if (nextMs !== null) await this.store.wakeAt(Math.max(nextMs, Date.now() + SWEEP_EVERY_MS));
  }

  /** Whether the isolate's newest policy is as new as this revision and as the one that last decided for the user. */
  #hasPolicy(revision: number): boolean {
    const known = this.#policies.known?.revision ?? -1;
    return known >= revision && known >= this.store.memory.revision;
  }

  /**
   * Loads a policy as new as the newest that the edge or this object has seen.
   * @throws if it cannot be loaded: an older one must not decide.
   */
  async #ensurePolicy(revision: number): Promise<void> {
    if (this.#hasPolicy(revision)) return;
    const wanted = Math.max(revision, this.store.memory.revision);
    if (await this.#policies.atLeast(wanted)) return;
    throw new Error(`policy revision ${wanted} cannot be loaded: neither KV nor the registry returned it`);
  }

  /** The isolate's newest policy: at least the revision that {@link #ensurePolicy} loaded, whatever turns ran in between. */
  #policy(): Policy {
    const policy = this.#policies.known;
    if (!policy) throw new Error("ensure a policy first");
    return policy;
  }

  /** Writes the exact state once the user has paused, so that a later restart loses nothing. */
  #checkpointLater(): void {
    if (this.#isCheckpointDue) return;
    this.#isCheckpointDue = true;
    setTimeout(() => this.#checkpoint(), CHECKPOINT_AFTER_MS);
  }

  #checkpoint(): void {
    const nowMs = Date.now();
    if (!this.#hasPaused(nowMs)) {
      reportMetrics(this.ctx, this.env, nowMs);
      setTimeout(() => this.#checkpoint(), CHECKPOINT_AFTER_MS - (nowMs - this.#lastUsedMs));
      return;
    }
    this.#isCheckpointDue = false;
    this.#paused();
    try {
      const memory = this.store.change((changed) => {
        const policy = this.#policies.known;
        if (policy && chargeExpired(changed, policy, nowMs)) changed.needsCheckpoint = true;
        changed.checkpoint(nowMs);
        return changed;
      });
      const { closesAtMs } = memory.leases;
      if (closesAtMs !== null) {
        this.#isCheckpointDue = true;
        setTimeout(() => this.#checkpoint(), Math.max(CHECKPOINT_AFTER_MS, closesAtMs - nowMs));
      }
      this.#rest(memory, nowMs);
    } catch (thrown) {
      // The floors in storage still hold: only the exactness of this pause is lost.
      this.#log("error", "settle_failed", { error: messageOf(thrown) });
    }
  }

  /** The last work before the object is idle, perhaps forever. */
  #rest(memory: Memory, nowMs: number): void {
    reportMetrics(this.ctx, this.env, nowMs);
    // If the runtime dropped the alarm, re-arm it for pending outbox entries.
    if (memory.hasTables) this.ctx.waitUntil(this.store.wakeAt(memory.outbox.nextDueMs(nowMs)));
    if (this.#isAddress() && memory.restsAtMs !== null) {
      this.ctx.waitUntil(this.store.wakeAt(memory.restsAtMs + this.#forgetDelayMs()));
    }
  }

  /** Whether there was no request for {@link CHECKPOINT_AFTER_MS}, or the clock has stepped back. */
  #hasPaused(nowMs: number): boolean {
    const pausedMs = nowMs - this.#lastUsedMs;
    return pausedMs < 0 || pausedMs >= CHECKPOINT_AFTER_MS;
  }

  #paused(): void {
    this.#askedBefore = this.#asked;
    this.#asked = 0;
  }

  /**
   * Deletes an address's data once its counters are at rest. An address has no account and nothing to bill, so that changes no decision,
   * and storage does not grow with every address ever seen.
   * @returns whether it was deleted.
   */
  async #forgetAddress({ restsAtMs, remembered }: Memory): Promise<boolean> {
    if (!this.#isAddress() || restsAtMs === null) return false;
    const forgetAtMs = Math.max(restsAtMs + this.#forgetDelayMs(), remembered.nextExpiryMs() ?? 0);
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

function limitStatus(meter: Meter, nowMs: number): LimitStatus {
  const view = limitView(read(meter, nowMs));
  if (meter.kind !== "quota") return view;
  const { startMs, endMs, usedMilli } = meter.state;
  const [start, end] = [new Date(startMs).toISOString(), new Date(endMs).toISOString()];
  return { ...view, period: { start, end, used: toTokens(usedMilli) } };
}

function usageView(usage: Usage) {
  return { requests: usage.requests, cost: toTokens(usage.costMilli), denied: usage.denied };
}
