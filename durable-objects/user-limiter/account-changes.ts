/**
 * How a user's object changes its account: in one transaction, once for each call, and answered when no isolate decides without the change
 * any more. Knows nothing of what changes.
 */
import type { CallDiffers, Change } from "../../src/objects/change.ts";
import type { Policy } from "../../src/policy/compile.ts";
import { fence, type FenceScope } from "./fence.ts";
import { BOTH } from "./fence-scopes.ts";
import { chargeExpired } from "./lease-settlement.ts";
import type { Memory } from "./memory.ts";
import type { UserStore } from "./user-store.ts";

/** The policies of the object. */
export interface LoadedPolicies {
  /** The newest that is loaded; null if none is. */
  readonly known: Policy | null;
  /** Loads one as new as this, by default any. Never rejects: a change must not depend on it. */
  load(revision?: number): Promise<void>;
  /** The policy of exactly this revision; null if it cannot be loaded. */
  at(revision: number): Promise<Policy | null>;
}

export class AccountChanges {
  readonly #store: UserStore;
  /** Set once the object has them. */
  policies: LoadedPolicies = { known: null, load: async () => undefined, at: async () => null };
  /** Whether a customer's session may change the account now. Set once the object knows sessions. */
  mayChange: (session: string) => boolean = () => false;
  /** Resets that wait until nothing is lent. */
  #resets = 0;

  constructor(store: UserStore) {
    this.#store = store;
  }

  /** Whether a reset waits: until then nothing is lent, and isolates repeat no denial. */
  get isResetting(): boolean {
    return this.#resets > 0;
  }

  /** The isolate's newest policy; null if that is older than the user's. */
  known({ revision }: Memory): Policy | null {
    const { known } = this.policies;
    return known && known.revision >= revision ? known : null;
  }

  /** Runs a change as one transaction, after what has become due in billing. */
  commit<T>(change: (memory: Memory, nowMs: number) => T): T {
    return this.#store.change((memory) => {
      const nowMs = Date.now();
      const policy = this.known(memory);
      if (policy) memory.advanceBilling(policy, nowMs);
      return memory.transact(() => change(memory, nowMs));
    });
  }

  /** As {@link commit}, unless the call was made before. @returns what the change returned then or now. */
  commitOnce(by: Change, change: (memory: Memory, nowMs: number) => string): string | CallDiffers {
    return this.callOf(by) ?? this.commit((memory, nowMs) => note(memory, by, change(memory, nowMs), nowMs));
  }

  /** As {@link commitOnce}, for a change that may turn out to be impossible: it then changes nothing and returns why. */
  tryOnce<R extends object>(
    by: Change,
    change: (memory: Memory, nowMs: number) => string | R,
  ): string | R | CallDiffers {
    const before = this.callOf(by);
    if (before !== null) return before;
    return this.commit((memory, nowMs) => {
      const answer = change(memory, nowMs);
      return typeof answer === "string" ? note(memory, by, answer, nowMs) : answer;
    });
  }

  /**
   * The answer noted for an earlier call of this id, unless that asked for something else, or its session has ended; null if there was
   * none.
   */
  callOf({ callId, fingerprint, session }: Change): string | CallDiffers | null {
    if (session !== undefined && !this.mayChange(session)) return { kind: "call-differs", session: "ended" };
    const { calls, hasTables } = this.#store.memory;
    const made = callId === undefined || !hasTables ? null : calls.find(callId);
    if (made === null) return null;
    const isKnown = made.fingerprint !== null && fingerprint !== undefined;
    return isKnown && made.fingerprint !== fingerprint ? { kind: "call-differs" } : made.answer;
  }

  /**
   * A policy as new as this revision and as the one that last decided for the user.
   * @throws if it cannot be loaded.
   */
  async require(revision: number): Promise<Policy> {
    await this.policies.load(revision);
    const { known } = this.policies;
    if (known === null || known.revision < Math.max(revision, this.#store.memory.revision)) {
      throw new Error(`policy revision ${revision} cannot be loaded`);
    }
    return known;
  }

  /** Limits have changed: the time until now counts at the rates of before, in memory and storage alike. */
  limitsChanged(memory: Memory, nowMs: number): void {
    memory.billing?.recheck();
    const policy = this.known(memory);
    const sinceMs = policy ? memory.unchangedUntilMs(policy, nowMs) : nowMs;
    if (policy) memory.doDueBilling(policy, nowMs);
    memory.changeLimits(policy, nowMs, sinceMs);
    memory.writeState(nowMs);
    if (policy?.events) memory.reportAlerts(policy, nowMs);
  }

  /** Publishes a change made in this turn, and waits until no isolate decides without it. @returns whether KV has it. */
  async effective(scope: FenceScope): Promise<boolean> {
    const fenced = fence(this.#store.memory, scope, Date.now());
    const [published] = await Promise.all([this.#store.publish(), fenced]);
    return published;
  }

  /**
   * Waits until nothing is lent that was lent before, and nothing new meanwhile. Then {@link chargeAll} what is left.
   * @throws if something is left and no policy can be loaded to charge it by.
   */
  async drain(): Promise<void> {
    this.#resets += 1;
    try {
      await this.policies.load();
      await fence(this.#store.memory, BOTH, Date.now());
    } finally {
      this.#resets -= 1;
    }
    if (this.policies.known === null && this.#store.memory.leases.hasOpen) {
      throw new Error("no policy can be loaded to charge by what is lent: reset again later");
    }
  }

  /** Charges what nobody has settled, in full. */
  chargeAll(memory: Memory, nowMs: number): void {
    const { known } = this.policies;
    if (known) chargeExpired(memory, known, nowMs, true);
  }
}

/** Notes the answer of a call that carries an id. */
function note({ calls }: Memory, { callId, fingerprint }: Change, answer: string, nowMs: number): string {
  if (callId !== undefined) calls.put(callId, { answer, fingerprint: fingerprint ?? null }, nowMs);
  return answer;
}
