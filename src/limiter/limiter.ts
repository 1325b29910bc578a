/**
 * The edge's client of the users' objects: asks, within a deadline, and answers by the tier's failure policy where no answer
 * comes. Never throws: a decision always comes back.
 *
 * A failing object trips its own circuit only; the circuit of all objects opens after failures in a row with no success
 * of anybody between them, as when Durable Objects are unreachable or capped for the account.
 */
import type { UserLimiter } from "../../durable-objects/user-limiter.ts";
import { BoundedCache } from "../bounded-cache.ts";
import type { Decision, DecisionRequest, Hold } from "../core/decision.ts";
import { DeadlineExceeded, withDeadline } from "../deadline.ts";
import { type Log, messageOf } from "../log.ts";
import type { Policy } from "../policy/compile.ts";
import { Circuit } from "./circuit.ts";
import { LocalFallback } from "./fallback.ts";
import type { KeyStanding } from "./account.ts";
import type { StatusRequest, UserStatus } from "./status.ts";

/** Decisions take a few milliseconds, some hundred across an ocean with a cold object. */
export const DEFAULT_DEADLINE_MS = 1_000;
const SUBJECT_FAILURES = 3;
const ALL_FAILURES = 10;
const OPEN_MS = 1_000;
/** Circuits and tiers remembered per isolate. */
const SUBJECTS = 10_000;
const REMEMBERED_MS = 600_000;
/** The runtime retries only calls that never reached the object, so nothing is charged twice. */
const RUNTIME_RETRIES = 1;

export type ObjectStub = DurableObjectStub<UserLimiter>;

/** What was last heard of a subject: what the fallback goes by, since KV does not know a user's tier. */
interface Heard {
  readonly tier: string;
  readonly outcome: Decision["outcome"];
}

export class Limiter {
  readonly #objects: DurableObjectNamespace<UserLimiter>;
  readonly #deadlineMs: number;
  readonly #log: Log;
  readonly #fallback = new LocalFallback();
  readonly #heard = new BoundedCache<Heard>(SUBJECTS);
  readonly #circuits = new BoundedCache<Circuit>(SUBJECTS);
  readonly #all = new Circuit(ALL_FAILURES, OPEN_MS);

  constructor(objects: DurableObjectNamespace<UserLimiter>, deadlineMs: number, log: Log) {
    this.#objects = objects;
    this.#deadlineMs = deadlineMs;
    this.#log = log;
  }

  /** Whether calls to objects in general are being held back. */
  get isCircuitOpen(): boolean {
    return this.#all.isOpen;
  }

  /** One decision. */
  async decide(subject: string, request: DecisionRequest, policy: Policy, nowMs: number): Promise<Decision> {
    const [decision] = await this.decideMany(subject, [request], policy, nowMs);
    if (!decision) throw new Error("one request has one decision");
    return decision;
  }

  /** Decisions of one subject, in order, by one call. `nowMs` is the edge's clock; the object has its own. */
  async decideMany(
    subject: string,
    requests: readonly DecisionRequest[],
    policy: Policy,
    nowMs: number,
  ): Promise<readonly Decision[]> {
    const failure = await this.#guarded(subject, nowMs, async (stub) => {
      const decisions: readonly Decision[] = await stub.decide(requests);
      if (decisions.length !== requests.length) throw new Error("the object answered another question");
      const last = decisions.at(-1);
      if (last) this.#heard.set(subject, { tier: last.tier, outcome: last.outcome }, nowMs + REMEMBERED_MS);
      return decisions;
    });
    return failure.kind === "answer"
      ? failure.value
      : requests.map((request) => this.#withoutObject(subject, request, policy, nowMs));
  }

  /** Gives slots back when their request has ended. Where the object does not answer they free themselves. */
  async release(subject: string, holds: readonly Hold[], nowMs: number): Promise<void> {
    await this.#guarded(subject, nowMs, async (stub) => {
      await stub.release(holds);
    });
  }

  /** A user's status, or null where the object does not answer. */
  async status(subject: string, request: StatusRequest, nowMs: number): Promise<UserStatus | null> {
    const result = await this.#guarded(subject, nowMs, (stub): Promise<UserStatus> => stub.status(request));
    return result.kind === "answer" ? result.value : null;
  }

  /**
   * Whether a key may be used by its account now. `good` also where the object does not answer: KV has vouched for the key,
   * and a service that asks about other users is not to fail because its own account's object does.
   */
  async keyStanding(subject: string, keyId: string, nowMs: number): Promise<KeyStanding> {
    const result = await this.#guarded(subject, nowMs, (stub): Promise<KeyStanding> =>
      stub.keyStanding(keyId),
    );
    return result.kind === "answer" ? result.value : "good";
  }

  /** Whether an object answers. Bypasses the circuits: it is how one looks. */
  async ping(): Promise<boolean> {
    try {
      await withDeadline(this.stub("ready:probe").ping(), this.#deadlineMs, "ping");
      return true;
    } catch {
      return false;
    }
  }

  /** A fresh stub: one that has thrown may be broken for good. */
  stub(subject: string): ObjectStub {
    return this.#objects.getByName(subject, {
      retry: { maxRetries: RUNTIME_RETRIES, timeoutMs: this.#deadlineMs },
    });
  }

  async #guarded<T>(
    subject: string,
    nowMs: number,
    call: (stub: ObjectStub) => Promise<T>,
  ): Promise<{ kind: "answer"; value: T } | { kind: "none" }> {
    const mayCall = this.#circuits.getStale(subject)?.allows(nowMs) ?? true;
    if (!mayCall || !this.#all.allows(nowMs)) return { kind: "none" };
    try {
      const value = await withDeadline(call(this.stub(subject)), this.#deadlineMs, "limiter");
      this.#all.succeeded();
      this.#circuits.delete(subject);
      return { kind: "answer", value };
    } catch (thrown) {
      this.#failed(subject, thrown);
      return { kind: "none" };
    }
  }

  #failed(subject: string, thrown: unknown): void {
    const nowMs = Date.now();
    // Looked up anew: calls that were under way beside this one may have failed since.
    const circuit = this.#circuits.getStale(subject) ?? new Circuit(SUBJECT_FAILURES, OPEN_MS);
    const wasOpen = circuit.isOpen;
    circuit.failed(nowMs);
    this.#circuits.set(subject, circuit, nowMs + REMEMBERED_MS);
    const kind = failureKind(thrown);
    // One object that is overloaded, or known to fail, says nothing about the others, however often it is asked.
    if (kind !== "overloaded" && !wasOpen) this.#all.failed(nowMs);
    this.#log("error", "limiter_failed", { subject, kind, error: messageOf(thrown) });
  }

  #withoutObject(subject: string, request: DecisionRequest, policy: Policy, nowMs: number): Decision {
    const heard = this.#heard.get(subject, nowMs);
    const tier = heard?.tier ?? request.tier;
    const decision = this.#fallback.decide(policy, subject, { ...request, tier }, nowMs);
    // Who was blocked a moment ago does not get in because the limiter is down.
    if (heard?.outcome === "blocked") return { ...decision, outcome: "blocked", allowed: false };
    return decision;
  }
}

function failureKind(thrown: unknown): "timeout" | "overloaded" | "error" {
  if (thrown instanceof DeadlineExceeded) return "timeout";
  const overloaded = typeof thrown === "object" && thrown !== null && "overloaded" in thrown;
  return overloaded && thrown.overloaded === true ? "overloaded" : "error";
}
