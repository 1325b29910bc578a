/**
 * UserLimiter: one object per user, the truth about that user. Holds the counters, decides by the core, keeps the ledger,
 * the account and its keys.
 *
 * Why it is exact: a user has one object; its turns do not interleave (no await between reading a counter and spending from
 * it); nothing is spent that storage has not reserved first; and the output gate holds every answer until what it rests on is
 * on disk. docs/consistency.md tells when it can still be wrong, and by how much.
 */
import { periodAt } from "../src/core/calendar.ts";
import { type Decision, type DecisionRequest, type Hold, limitView } from "../src/core/decision.ts";
import { type Meter, read } from "../src/core/limit.ts";
import { decide as decidePlan, effective } from "../src/core/plan.ts";
import { toTokens } from "../src/core/units.ts";
import { createLog, type Log, messageOf } from "../src/log.ts";
import type { Answer, AnswerRun, ObjectCall, Question, Settlement } from "../src/objects/object-call.ts";
import { registrySource } from "../src/objects/policy-registry.ts";
import { answerRuns, questionsOf } from "../src/limiter/wire.ts";
import type { UserLimiterRpc } from "../src/objects/user-limiter.ts";
import type { LimitStatus, StatusRequest, UserStatus } from "../src/objects/user-status.ts";
import { type Policy, tierOf } from "../src/policy/compile.ts";
import { PolicyStore } from "../src/policy/policy-store.ts";
import { tellMetrics } from "./object-metrics.ts";
import { persistently } from "./persistent-alarm.ts";
import { AccountObject } from "./user-limiter/account-object.ts";
import { forgetDelayMs } from "./user-limiter/forget-delay.ts";
import { giveUpLate } from "./user-limiter/lease-desk.ts";
import { type Usage } from "./user-limiter/ledger.ts";
import type { Memory } from "./user-limiter/memory.ts";
import { takeTurn } from "./user-limiter/turn.ts";

/**
 * How long after its last request a user's exact state is written. A pending timer keeps the object in memory, which is billed, so
 * it is short, and there is none where nothing is left to write; a crash within it loses at most one reservation.
 */
const SETTLE_MS = 1_000;

/** Expired decisions are deleted at most this often. They are not repeated meanwhile. */
const SWEEP_EVERY_MS = 10_000;

/** One policy store for all objects of an isolate: they mostly ask for the same revision. */
let sharedPolicies: PolicyStore | null = null;

export class UserLimiter extends AccountObject implements UserLimiterRpc {
  readonly #log: Log;
  readonly #policies: PolicyStore;
  #lastUsedMs = 0;
  #settling = false;
  /** Requests since the user last paused, and between the two pauses before. */
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

  /** Whether the object answers at all. */
  ping(): "pong" {
    return "pong";
  }

  /** Decides the requests in order, as {@link serve} does: the call of edges of an older version, which outlive a rollout. */
  async decide(requests: readonly DecisionRequest[]): Promise<Decision[]> {
    const questions = requests.map((request) => ({ request, decide: true, wantMilli: 0 }));
    await this.#ensurePolicy(Math.max(0, ...requests.map(({ revision }) => revision)));
    return this.#turn([], questions).flatMap(({ decision }) => decision ?? []);
  }

  /**
   * Takes settlements and answers questions, in order, as one turn and one write. Synchronous if the policy is at hand, as it mostly is.
   * @throws if no policy new enough can be loaded, or storage fails: the caller then applies its failure policy.
   */
  serve(call: ObjectCall): AnswerRun[] | Promise<AnswerRun[]> {
    let revision = 0;
    for (const { question } of call.questions) revision = Math.max(revision, question.request.revision);
    return this.#hasPolicy(revision)
      ? this.#runs(call)
      : this.#ensurePolicy(revision).then(() => this.#runs(call));
  }

  #runs({ settlements, questions, standingId = 0 }: ObjectCall): AnswerRun[] {
    const answers = this.#turn(settlements, questionsOf(questions));
    const { standing } = this.store.memory.accounts;
    const [first] = answers;
    if (first && standing.id !== standingId) answers[0] = { ...first, standing };
    return answerRuns(questions, answers);
  }

  /** One turn: nothing in it awaits, so it is atomic. */
  #turn(settlements: readonly Settlement[], questions: readonly Question[]): Answer[] {
    const nowMs = Date.now();
    if (!this.#settling && this.#asked > 0 && this.#hasPaused(nowMs)) this.#paused();
    const { answers, remembers } = this.store.change((memory) => {
      // A request alone is written down exactly, and then there is nothing left to write when the user pauses.
      const isAlone =
        !memory.unsettled && this.#asked === 0 && this.#askedBefore <= 1 && questions.length === 1;
      this.#asked += questions.length;
      return takeTurn(memory, this.#policy(), settlements, questions, isAlone, nowMs);
    });
    this.#lastUsedMs = nowMs;
    const { memory } = this.store;
    if (remembers) this.ctx.waitUntil(this.store.wakeAt(memory.remembered.nextExpiryMs()));
    if (memory.unsettled) this.#settleLater();
    else this.#rest(memory, nowMs);
    return answers;
  }

  /** Gives the slots of a request back that has ended. Giving back twice, or after a slot freed itself, changes nothing. */
  release(holds: readonly Hold[]): void {
    const memory = this.store.memory;
    memory.counters.release(holds);
    memory.unsettled = true;
    this.#lastUsedMs = Date.now();
    this.#settleLater();
  }

  /** The user's limits and usage. Costs nothing and writes nothing. */
  async status(request: StatusRequest): Promise<UserStatus> {
    await this.#ensurePolicy(request.revision);
    const policy = this.#policy();
    const nowMs = Date.now();
    const { memory } = this.store;
    // As a decision would: else an object that died with leases out would show them set aside until the next one.
    if (giveUpLate(memory, policy, nowMs)) memory.unsettled = true;
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
      // As it stands: even what costs nothing would take a slot.
      limits: effective({ ...plan, after: plan.before }).map((meter) => limitStatus(meter, nowMs)),
      usage: {
        hour: usage(periodAt("hour", nowMs).startMs),
        day: usage(periodAt("day", nowMs).startMs),
        month: usage(periodAt("month", nowMs).startMs),
      },
    };
  }

  /** What is due: entries of the outbox, decisions to forget. At least once, so each step may run again. */
  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    await persistently(this.ctx.storage, info, () => this.#doWhatIsDue());
  }

  async #doWhatIsDue(): Promise<void> {
    const memory = this.store.memory;
    memory.remembered.sweep(Date.now());
    if ((await this.#forgetAddress(memory)) || !memory.hasTables) return;
    await this.store.tellAll();
    tellMetrics(this.ctx, this.env);
    const nextMs = memory.remembered.nextExpiryMs();
    // Each sweep reads the whole table: not one for each decision.
    if (nextMs !== null) await this.store.wakeAt(Math.max(nextMs, Date.now() + SWEEP_EVERY_MS));
  }

  /** Whether the newest policy of the isolate is as new as this revision and the one that the user was last decided by. */
  #hasPolicy(revision: number): boolean {
    const known = this.#policies.known?.revision ?? -1;
    return known >= revision && known >= this.store.memory.revision;
  }

  /**
   * Makes sure that the newest policy the edge or this object has seen is at hand.
   * @throws where it is not to be had: an older one must not decide.
   */
  async #ensurePolicy(revision: number): Promise<void> {
    if (this.#hasPolicy(revision)) return;
    const wanted = Math.max(revision, this.store.memory.revision);
    if (!(await this.#policies.atLeast(wanted)))
      throw new Error(`policy revision ${wanted} is not to be had`);
  }

  /** The newest policy of the isolate: at least what {@link #ensurePolicy} asked for, and no older for any turn between. */
  #policy(): Policy {
    const policy = this.#policies.known;
    if (!policy) throw new Error("ensure a policy first");
    return policy;
  }

  /** Writes the exact state once the user has paused, so that a later restart loses nothing. */
  #settleLater(): void {
    if (this.#settling) return;
    this.#settling = true;
    setTimeout(() => this.#settle(), SETTLE_MS);
  }

  #settle(): void {
    const nowMs = Date.now();
    if (!this.#hasPaused(nowMs)) {
      tellMetrics(this.ctx, this.env, nowMs);
      setTimeout(() => this.#settle(), SETTLE_MS - (nowMs - this.#lastUsedMs));
      return;
    }
    this.#settling = false;
    this.#paused();
    try {
      const memory = this.store.change((settled) => {
        const policy = this.#policies.known;
        if (policy && giveUpLate(settled, policy, nowMs)) settled.unsettled = true;
        settled.settle(nowMs);
        return settled;
      });
      const { closesAtMs } = memory.leases;
      if (closesAtMs !== null) {
        this.#settling = true;
        setTimeout(() => this.#settle(), Math.max(SETTLE_MS, closesAtMs - nowMs));
      }
      this.#rest(memory, nowMs);
    } catch (thrown) {
      // The floors in storage still hold: nothing is lost but the exactness of this pause.
      this.#log("error", "settle_failed", { error: messageOf(thrown) });
    }
  }

  /** What is to be seen to before the object is left alone, which may be for ever. */
  #rest(memory: Memory, nowMs: number): void {
    tellMetrics(this.ctx, this.env, nowMs);
    // Should the runtime have given the alarm up, who is still to be told is remembered here.
    if (memory.hasTables) this.ctx.waitUntil(this.store.wakeAt(memory.outbox.nextDueMs(nowMs)));
    if (this.#isAddress() && memory.restsAtMs !== null) {
      this.ctx.waitUntil(this.store.wakeAt(memory.restsAtMs + this.#forgetDelayMs()));
    }
  }

  /** Whether there was no request for so long, or the clock has stepped back. */
  #hasPaused(nowMs: number): boolean {
    const pausedMs = nowMs - this.#lastUsedMs;
    return pausedMs < 0 || pausedMs >= SETTLE_MS;
  }

  #paused(): void {
    this.#askedBefore = this.#asked;
    this.#asked = 0;
  }

  /**
   * An address has no account and nothing to bill: once its counters are at rest, forgetting it changes no decision, and
   * storage does not grow with every address that was ever seen.
   * @returns whether it was forgotten.
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
