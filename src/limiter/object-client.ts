/**
 * Calls users' objects, each call with a deadline and behind two circuit breakers. Never rejects: a missing answer is a value.
 *
 * A failing object opens only its own circuit. The circuit of all objects opens after failures in a row without a success of any object
 * in between, as when Durable Objects are unreachable or capped for the account.
 */
import type { MetricDeltas } from "../analytics/metrics/metric-deltas.ts";
import { BoundedCache } from "../bounded-cache.ts";
import { DeadlineExceeded, withDeadline } from "../deadline.ts";
import { type Log, messageOf } from "../log.ts";
import type { Home } from "../objects/home.ts";
import type { UserLimiterNamespace, UserLimiterStub } from "../objects/user-limiter.ts";
import { Circuit } from "./circuit.ts";
import type { LastHeard } from "./last-heard.ts";

const SUBJECT_FAILURES = 3;
const ALL_FAILURES = 10;
const OPEN_MS = 1_000;
/** Circuits remembered per isolate. */
const SUBJECTS = 10_000;
const REMEMBERED_MS = 600_000;
/** The runtime retries only calls that never reached the object, so nothing is charged twice. */
const RUNTIME_RETRIES = 1;

export type CallResult<T> = { readonly kind: "answer"; readonly value: T } | { readonly kind: "none" };

const NONE = { kind: "none" } as const;

export class ObjectClient {
  readonly deadlineMs: number;
  readonly #objects: UserLimiterNamespace;
  readonly #log: Log;
  readonly #metrics: MetricDeltas;
  readonly #heard: LastHeard;
  readonly #circuits = new BoundedCache<Circuit>(SUBJECTS);
  readonly #all = new Circuit(ALL_FAILURES, OPEN_MS);

  constructor(
    objects: UserLimiterNamespace,
    deadlineMs: number,
    log: Log,
    metrics: MetricDeltas,
    heard: LastHeard,
  ) {
    this.#objects = objects;
    this.deadlineMs = deadlineMs;
    this.#log = log;
    this.#metrics = metrics;
    this.#heard = heard;
    metrics.set("circuitState", ["all"], 0);
  }

  /** Whether the circuit of all objects is open. */
  get isCircuitOpen(): boolean {
    return this.#all.isOpen;
  }

  /**
   * A fresh stub: one that has thrown may be broken for good.
   * @param home where the object is created if this is the first call to it; null: near this isolate.
   */
  stub(subject: string, home: Home | null = null): UserLimiterStub {
    const retry = { maxRetries: RUNTIME_RETRIES, timeoutMs: this.deadlineMs };
    return this.#objects.getByName(subject, home === null ? { retry } : { retry, locationHint: home });
  }

  /** Calls a subject's object, unless a circuit holds the call back. */
  async call<T>(
    subject: string,
    nowMs: number,
    call: (stub: UserLimiterStub) => Promise<T>,
  ): Promise<CallResult<T>> {
    const mayCall = this.#circuits.getStale(subject)?.allows(nowMs) ?? true;
    if (!mayCall || !this.#all.allows(nowMs)) {
      this.#metrics.add("limiterFailures", ["circuit"]);
      return NONE;
    }
    try {
      const value = await withDeadline(call(this.stub(subject)), this.deadlineMs, "limiter");
      this.#all.succeeded();
      this.#metrics.set("circuitState", ["all"], 0);
      this.#circuits.delete(subject);
      this.#heard.answered(subject, Date.now());
      return { kind: "answer", value };
    } catch (thrown) {
      this.#failed(subject, nowMs, thrown);
      return NONE;
    }
  }

  /** Whether an object answers. Bypasses the circuits, since it checks whether objects are back. */
  async ping(): Promise<boolean> {
    try {
      await withDeadline(this.stub("ready:probe").ping(), this.deadlineMs, "ping");
      return true;
    } catch {
      return false;
    }
  }

  #failed(subject: string, calledAtMs: number, thrown: unknown): void {
    const nowMs = Date.now();
    const kind = failureKind(thrown);
    if (kind === "overloaded") this.#heard.overloaded(subject, OPEN_MS, nowMs);
    else this.#heard.failed(subject, kind === "timeout" ? calledAtMs : nowMs);
    // Looked up again: concurrent calls may have failed since.
    const circuit = this.#circuits.getStale(subject) ?? new Circuit(SUBJECT_FAILURES, OPEN_MS);
    const wasOpen = circuit.isOpen;
    circuit.failed(nowMs);
    this.#circuits.set(subject, circuit, nowMs + REMEMBERED_MS);
    // An object that is overloaded, or known to fail, says nothing about the others, however often it is called.
    if (kind !== "overloaded" && !wasOpen) this.#all.failed(nowMs);
    this.#metrics.add("limiterFailures", [kind]);
    this.#metrics.set("circuitState", ["all"], Number(this.#all.isOpen));
    this.#log("error", "limiter_failed", { subject, kind, error: messageOf(thrown) });
  }
}

/** A timeout in a busy isolate counts as overload by the callers: it says nothing about the object. */
function failureKind(thrown: unknown): "timeout" | "overloaded" | "error" {
  if (thrown instanceof DeadlineExceeded) return thrown.wasBusy ? "overloaded" : "timeout";
  const overloaded = typeof thrown === "object" && thrown !== null && "overloaded" in thrown;
  return overloaded && thrown.overloaded === true ? "overloaded" : "error";
}
