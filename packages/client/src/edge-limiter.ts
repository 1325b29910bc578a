/**
 * The client: asks the limiter for decisions, over HTTP or a service binding.
 *
 * Checks of one tick go in one call. Each carries an idempotency key, so that a repeated call never charges twice. Denials are repeated
 * without a call for at most a second. It holds no leases: a process that nobody supervises would widen the limits' bounds.
 */
import { amountsOf } from "./cost.ts";
import { DenyCache } from "./deny-cache.ts";
import { EdgeLimiterError, isNoAnswer, noAnswer, rejected } from "./error.ts";
import { LocalLimits } from "./local-limits.ts";
import { bindingTransport, httpTransport, type Transport } from "./transport.ts";
import type {
  CheckItem,
  Decision,
  EdgeLimiterBinding,
  Operation,
  ReserveOperation,
  Settled,
  Settlement,
  UserStatus,
} from "./types.ts";

/** If no decision arrives in time: decide by the limits last heard of (`local`), allow (`open`) or reject (`closed`). */
export type OnFailure = "local" | "open" | "closed";

export interface EdgeLimiterOptions {
  /** Where the limiter is, such as `https://limits.example.com`; with `key`, an API key with the scope `check`. */
  readonly url?: string | URL | undefined;
  readonly key?: string | undefined;
  /** In a Worker, instead of `url` and `key`: its service binding to the limiter's entrypoint `EdgeLimiter`. */
  readonly binding?: EdgeLimiterBinding | undefined;
  /** How long a call may take, with its second attempt. Default: 1000. */
  readonly timeoutMs?: number | undefined;
  /** Default: `local`. */
  readonly onFailure?: OnFailure | undefined;
  /**
   * Whether a call without an answer is repeated once. Default: 1. The limiter remembers each allowed decision for ten minutes for that, at
   * most 100,000 for a user: with 0 it remembers none.
   */
  readonly retries?: 0 | 1 | undefined;
  /** Called with each failure that `onFailure` covers up, for logs and metrics. Must not throw. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Sends requests in place of the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
}

/** Operations in one call: what the limiter takes. */
const MAX_BATCH = 1_000;
/** Operations that wait for an answer. Beyond that, operations are rejected as `overloaded`. */
const MAX_PENDING = 10_000;
/** After this many calls in a row without an answer, there is one call a second until one is answered. */
const MAX_FAILURES = 3;
const PAUSE_MS = 1_000;
/** When to ask again if nobody knows. */
const RETRY_MS = 1_000;

interface Pending {
  readonly operation: Operation;
  readonly resolve: (decision: Decision) => void;
  readonly reject: (error: unknown) => void;
}

/** A call. Of a cancelled request in a Worker, the end is never seen: then `untilMs` ends it. */
interface Batch {
  size: number;
  readonly untilMs: number;
}

export class EdgeLimiter {
  readonly #transport: Transport;
  readonly #timeoutMs: number;
  readonly #onFailure: OnFailure;
  readonly #onError: (error: unknown) => void;
  readonly #hasKeys: boolean;
  readonly #denials = new DenyCache();
  readonly #local = new LocalLimits();
  #queue: Pending[] = [];
  readonly #batches: Batch[] = [];
  /** Operations in batches. */
  #asked = 0;
  #failures = 0;
  #pausedUntilMs = 0;

  /** @throws TypeError if the options name no limiter, or are invalid. */
  constructor(options: EdgeLimiterOptions) {
    const { url, key, binding, timeoutMs = 1_000, onFailure = "local", retries = 1 } = options;
    if (!(timeoutMs > 0)) throw new TypeError("timeoutMs must be more than 0");
    if (!["local", "open", "closed"].includes(onFailure)) {
      throw new TypeError('onFailure must be "local", "open" or "closed"');
    }
    this.#timeoutMs = timeoutMs;
    this.#onFailure = onFailure;
    this.#onError = options.onError ?? (() => undefined);
    this.#hasKeys = retries > 0;
    const attempts = { timeoutMs, retries };
    if (binding) this.#transport = bindingTransport(binding, attempts);
    else if (url && key) {
      const address = String(url);
      if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
        throw new TypeError(`url must begin with http:// or https://, not "${address}"`);
      }
      this.#transport = httpTransport(url, key, options.fetch ?? ((...call) => fetch(...call)), attempts);
    } else throw new TypeError("EdgeLimiter needs a url and a key, or a binding");
  }

  /**
   * Decides one operation. Resolves to a decision even if the limiter does not answer (`onFailure`).
   * @throws EdgeLimiterError if the operation or the key is invalid, or if its idempotency key was used for another operation.
   */
  async check(operation: Operation): Promise<Decision> {
    const nowMs = Date.now();
    const denial = this.#denials.find(operation, nowMs);
    if (denial) return denial;
    if (this.#isFull(nowMs)) return undecided("overloaded", operation);
    return new Promise((resolve, reject) => {
      if (this.#queue.push({ operation, resolve, reject }) === 1) afterTick(() => this.#flush());
    });
  }

  /**
   * Decides up to 1,000 operations, in order. An invalid one fails alone.
   * @throws EdgeLimiterError if the key is invalid, RangeError if there are more.
   */
  async checkMany(operations: readonly Operation[]): Promise<CheckItem[]> {
    if (operations.length > MAX_BATCH)
      throw new RangeError(`checkMany takes at most ${MAX_BATCH} operations`);
    const results = await Promise.allSettled(operations.map((operation) => this.check(operation)));
    return results.map((result) => (result.status === "fulfilled" ? result.value : itemOf(result.reason)));
  }

  /**
   * Reserves a cost that is settled later. An allowed decision has a `reservation`, unless the limiter did not answer: then nothing
   * was reserved, and there is nothing to settle.
   * @throws EdgeLimiterError as {@link check} does.
   */
  reserve({ ttlMs, ...operation }: ReserveOperation): Promise<Decision> {
    return this.check({ ...operation, reserve: { ttlMs } });
  }

  /**
   * Settles a reservation at its final cost, or extends it. Settling again gets the first answer.
   * @throws EdgeLimiterError `reservation_gone` if it has expired or is unknown; `no_answer` if the limiter does not answer: then
   * settle again, or it stays charged as it was reserved.
   */
  async settle(settlement: Settlement): Promise<Settled> {
    const settled = await this.#transport.settle(settlement);
    if (!isSettled(settled)) throw noAnswer("the limiter's answer is not a settlement");
    return settled;
  }

  /** A user's limits and usage. Costs nothing. @throws EdgeLimiterError */
  async status(user: string): Promise<UserStatus> {
    const status = await this.#transport.status(user);
    if (!isStatus(status)) throw noAnswer("the limiter's answer is not a status");
    return status;
  }

  #isFull(nowMs: number): boolean {
    for (
      let [first] = this.#batches;
      first && (first.size === 0 || first.untilMs < nowMs);
      [first] = this.#batches
    ) {
      this.#end(first);
      this.#batches.shift();
    }
    return this.#queue.length + this.#asked >= MAX_PENDING;
  }

  #flush(): void {
    const queue = this.#queue;
    this.#queue = [];
    for (let from = 0; from < queue.length; from += MAX_BATCH)
      void this.#send(queue.slice(from, from + MAX_BATCH));
  }

  /** Never rejects. */
  async #send(asked: readonly Pending[]): Promise<void> {
    const askedAtMs = Date.now();
    const batch = { size: asked.length, untilMs: askedAtMs + this.#timeoutMs };
    this.#batches.push(batch);
    this.#asked += batch.size;
    try {
      const answers = await this.#ask(asked, askedAtMs);
      asked.forEach(({ operation, resolve, reject }, i) => {
        try {
          const decision = decisionOf(answers[i], operation);
          this.#denials.note(operation, decision, askedAtMs);
          this.#local.learn(operation, decision, askedAtMs);
          resolve(decision);
        } catch (thrown) {
          reject(thrown);
        }
      });
    } catch (thrown) {
      if (isNoAnswer(thrown)) this.#onError(thrown);
      for (const { operation, resolve, reject } of asked) {
        if (isNoAnswer(thrown)) resolve(this.#withoutAnswer(operation));
        else reject(thrown);
      }
    }
    this.#end(batch);
  }

  #end(batch: Batch): void {
    this.#asked -= batch.size;
    batch.size = 0;
  }

  /** One answer for each operation. @throws EdgeLimiterError */
  async #ask(asked: readonly Pending[], nowMs: number): Promise<readonly unknown[]> {
    if (nowMs < this.#pausedUntilMs) throw noAnswer("the limiter has not answered several calls");
    // One call tries; the others wait for what becomes of it.
    if (this.#failures >= MAX_FAILURES) this.#pausedUntilMs = nowMs + PAUSE_MS;
    try {
      const answers = await this.#transport.checkMany(asked.map(({ operation }) => this.#withKey(operation)));
      if (!Array.isArray(answers) || answers.length !== asked.length) {
        throw noAnswer("the limiter's answer is not a list of decisions");
      }
      this.#failures = 0;
      this.#pausedUntilMs = 0;
      return answers;
    } catch (thrown) {
      if (isNoAnswer(thrown) && ++this.#failures >= MAX_FAILURES) this.#pausedUntilMs = Date.now() + PAUSE_MS;
      throw thrown;
    }
  }

  #withKey(operation: Operation): Operation {
    if (!this.#hasKeys || operation.peek || operation.idempotencyKey !== undefined) return operation;
    return { ...operation, idempotencyKey: crypto.randomUUID() };
  }

  #withoutAnswer(operation: Operation): Decision {
    const closed = undecided("unavailable", operation);
    if (this.#onFailure === "closed") return closed;
    const known = this.#local.rejection(operation);
    if (known) return known;
    if (this.#onFailure === "open") return undecided("allowed", operation);
    return this.#local.decide(operation, Date.now()) ?? closed;
  }
}

/**
 * Runs it when all that is ready now has run: in Node, when all requests that have arrived have been read. In a Worker, still in the same
 * request: what one request waits for, another must not await.
 */
function afterTick(run: () => void): void {
  const { setImmediate, WebSocketPair } = globalThis as {
    setImmediate?: (run: () => void) => void;
    WebSocketPair?: unknown;
  };
  if (setImmediate && !WebSocketPair) setImmediate(run);
  else queueMicrotask(run);
}

/** @throws EdgeLimiterError if the item is the error of its operation. */
function decisionOf(item: unknown, operation: Operation): Decision {
  if (isDecision(item)) return item;
  const { error } = Object(item) as Partial<Extract<CheckItem, { error: unknown }>>;
  if (error?.code === "temporary_reduced_capacity") {
    return undecided("unavailable", operation, error.retryAfterMs ?? RETRY_MS);
  }
  throw rejected(error?.code ?? "unexpected_answer", error?.detail, error?.errors);
}

function isDecision(value: unknown): value is Decision {
  const { allowed, outcome, limits, violated } = Object(value) as Partial<Decision>;
  return (
    typeof allowed === "boolean" &&
    typeof outcome === "string" &&
    Array.isArray(limits) &&
    Array.isArray(violated)
  );
}

function isSettled(value: unknown): value is Settled {
  return typeof (Object(value) as Partial<Settled>).settled === "boolean";
}

function isStatus(value: unknown): value is UserStatus {
  return Array.isArray((Object(value) as Partial<UserStatus>).limits);
}

/** The errors of single operations have no status. @throws any other. */
function itemOf(error: unknown): CheckItem {
  if (!(error instanceof EdgeLimiterError) || error.status !== undefined) throw error;
  const { code, message, errors } = error;
  return { error: { code, detail: message, errors } };
}

/** A decision without limits. */
function undecided(
  outcome: "allowed" | "unavailable" | "overloaded",
  { cost = 1, tier = "" }: Operation,
  retryAfterMs = outcome === "allowed" ? 0 : RETRY_MS,
): Decision {
  return {
    outcome,
    allowed: outcome === "allowed",
    ...amountsOf(cost),
    limits: [],
    retryAfterMs,
    violated: [],
    source: outcome === "overloaded" ? "none" : "fallback",
    tier,
    revision: 0,
    decisionId: crypto.randomUUID(),
  };
}
