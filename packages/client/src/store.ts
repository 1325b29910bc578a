/**
 * A store for rate limiting middleware that counts hits: express-rate-limit and hono-rate-limiter share its shape. The policy's limits
 * decide; the middleware is told a number of hits within its own `limit` if the request is allowed, and one more if it is denied.
 *
 * With `skipFailedRequests` or `skipSuccessfulRequests`, each hit reserves its cost, so that it can be given back.
 */
import { costOf } from "./cost.ts";
import type { EdgeLimiter } from "./edge-limiter.ts";
import { tightestOf } from "./tightest.ts";
import type { Cost, Decision, Operation } from "./types.ts";

export interface StoreOptions extends Pick<Operation, "route" | "cost" | "tier"> {
  /** Stands before each key to make a user's id. Default: none. */
  readonly prefix?: string | undefined;
}

/** As the middleware takes it. */
export interface ClientRateLimitInfo {
  totalHits: number;
  resetTime: Date;
}

/** What the middleware's options say about its store. */
interface MiddlewareOptions {
  readonly limit: unknown;
  readonly windowMs: number;
  readonly skipFailedRequests: boolean;
  readonly skipSuccessfulRequests: boolean;
}

/** A hit that may be given back. */
interface OpenHit {
  readonly reservation: string;
  readonly cost: Cost;
  readonly untilMs: number;
}

/** How long a hit can be given back. */
const TTL_MS = 60_000;
/**
 * Hits of one key that can be given back, so that 16 processes stay below the limiter's 256 open reservations for a user. When there are
 * more, the oldest is settled: it stays charged.
 */
const MAX_OPEN = 16;
/** Keys with such hits. */
const MAX_KEYS = 1_000;

export class EdgeLimiterStore {
  /** Processes count together. */
  readonly localKeys = false;
  readonly prefix: string;
  readonly #limiter: Pick<EdgeLimiter, "check" | "settle">;
  readonly #operation: Pick<Operation, "route" | "cost" | "tier">;
  #options: Partial<MiddlewareOptions> = {};
  /** By user, the oldest first. */
  readonly #open = new Map<string, OpenHit[]>();

  constructor(limiter: Pick<EdgeLimiter, "check" | "settle">, options: StoreOptions = {}) {
    const { prefix = "", ...operation } = options;
    this.#limiter = limiter;
    this.#operation = operation;
    this.prefix = prefix;
  }

  /** The middleware calls it once. */
  init(options: MiddlewareOptions): void {
    this.#options = options;
  }

  /** Decides a hit. @throws EdgeLimiterError if the key is no user id, or the limiter rejects the client's own key. */
  async increment(key: string): Promise<ClientRateLimitInfo> {
    const user = this.prefix + key;
    const operation = { ...this.#operation, user };
    const decision = await this.#limiter.check(
      this.#mayReturn ? { ...operation, reserve: { ttlMs: TTL_MS } } : operation,
    );
    if (this.#mayReturn && decision.reservation) this.#remember(user, decision, decision.reservation.id);
    return this.#infoOf(decision);
  }

  /** What a hit would be told, without one. */
  async get(key: string): Promise<ClientRateLimitInfo> {
    return this.#infoOf(
      await this.#limiter.check({ ...this.#operation, user: this.prefix + key, peek: true }),
    );
  }

  /**
   * Gives the oldest hit of the key back that can be. Not the newest: what has refilled since the oldest is not given twice. Never rejects,
   * since the middleware does not wait: without an answer, the hit stays charged.
   */
  async decrement(key: string): Promise<void> {
    const user = this.prefix + key;
    const hit = this.#openOf(user).shift();
    if (hit) await this.#settle(user, hit, 0);
  }

  /** @throws Error always: only an operator resets a user. */
  resetKey(key: string): Promise<void> {
    const path = `POST /api/v1/admin/accounts/${encodeURIComponent(this.prefix + key)}/reset`;
    return Promise.reject(new Error(`resetKey needs an admin token: call ${path}`));
  }

  get #mayReturn(): boolean {
    const { skipFailedRequests = false, skipSuccessfulRequests = false } = this.#options;
    return skipFailedRequests || skipSuccessfulRequests;
  }

  #remember(user: string, decision: Decision, reservation: string): void {
    const hits = this.#openOf(user);
    hits.push({ reservation, cost: costOf(decision), untilMs: Date.now() + TTL_MS });
    const [oldest] = this.#open.keys();
    if (this.#open.size > MAX_KEYS && oldest !== undefined) this.#open.delete(oldest);
    const first = hits.length > MAX_OPEN ? hits.shift() : undefined;
    if (first) void this.#settle(user, first, first.cost);
  }

  /** Those that have not expired. Makes the user the newest. */
  #openOf(user: string): OpenHit[] {
    const nowMs = Date.now();
    const hits = (this.#open.get(user) ?? []).filter(({ untilMs }) => nowMs < untilMs);
    this.#open.delete(user);
    this.#open.set(user, hits);
    return hits;
  }

  async #settle(user: string, { reservation }: OpenHit, cost: Cost): Promise<void> {
    await this.#limiter.settle({ user, reservation, cost }).catch(() => undefined);
  }

  #infoOf(decision: Decision): ClientRateLimitInfo {
    const { limit, windowMs = 60_000 } = this.#options;
    const { outcome, allowed, limits, retryAfterMs } = decision;
    const most = typeof limit === "number" ? limit : null;
    const tightest = tightestOf(limits);
    if (!allowed) {
      // A block does not end at a known time, nor does a cost above the limit.
      const waitMs = outcome === "denied" ? retryAfterMs : retryAfterMs || null;
      return infoOf((most ?? Number.MAX_SAFE_INTEGER - 1) + 1, waitMs ?? tightest?.resetMs ?? windowMs);
    }
    const used = most === null || !tightest ? 1 : most - Math.floor(tightest.remaining);
    // The middleware gives nothing back after this time.
    const resets = this.#mayReturn ? limits.map(({ resetMs }) => resetMs) : [];
    return infoOf(Math.max(1, Math.min(used, most ?? 1)), Math.max(...resets, tightest?.resetMs ?? windowMs));
  }
}

function infoOf(totalHits: number, resetMs: number): ClientRateLimitInfo {
  return { totalHits, resetTime: new Date(Date.now() + resetMs) };
}
