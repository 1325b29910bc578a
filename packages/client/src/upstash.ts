/** The methods and answers of `Ratelimit` from @upstash/ratelimit, decided by an Edge Limiter. */
import type { EdgeLimiter } from "./edge-limiter.ts";
import { tightestOf } from "./tightest.ts";
import type { Decision, Operation } from "./types.ts";

export interface RatelimitConfig extends Pick<Operation, "route" | "tier"> {
  readonly limiter: Pick<EdgeLimiter, "check">;
  /** Stands before each identifier to make a user's id. Default: none. */
  readonly prefix?: string | undefined;
}

export interface RatelimitResponse {
  success: boolean;
  /** Of the limit nearest to exhaustion. */
  limit: number;
  remaining: number;
  /** Unix milliseconds: after a denial, when the same request passes. */
  reset: number;
  /** Nothing is pending. */
  pending: Promise<unknown>;
  /** `timeout`: the limiter did not answer. `cacheBlock`: an earlier denial holds. `denyList`: the account or a rule of the policy. */
  reason?: "timeout" | "cacheBlock" | "denyList";
}

export class Ratelimit {
  readonly #config: RatelimitConfig;

  constructor(config: RatelimitConfig) {
    this.#config = config;
  }

  /** Decides a request. @param req `rate`: what it costs. */
  limit = async (identifier: string, req: { readonly rate?: number } = {}): Promise<RatelimitResponse> =>
    responseOf(await this.#check(identifier, { cost: req.rate }));

  /** What is left, without a request. */
  getRemaining = async (
    identifier: string,
  ): Promise<Pick<RatelimitResponse, "remaining" | "reset" | "limit">> => {
    const { remaining, reset, limit } = responseOf(await this.#check(identifier, { peek: true }));
    return { remaining, reset, limit };
  };

  /** Asks until a request passes, for `timeout` milliseconds at most. A request that never passes is answered at once. */
  blockUntilReady = async (identifier: string, timeout: number): Promise<RatelimitResponse> => {
    if (!(timeout > 0)) throw new Error("timeout must be positive");
    const deadlineMs = Date.now() + timeout;
    for (;;) {
      const decision = await this.#check(identifier, {});
      const nowMs = Date.now();
      const { allowed, retryAfterMs } = decision;
      if (allowed || retryAfterMs === null || nowMs >= deadlineMs) return responseOf(decision);
      await new Promise((done) => setTimeout(done, Math.min(Math.max(1, retryAfterMs), deadlineMs - nowMs)));
    }
  };

  /** @throws Error always: only an operator resets a user. */
  resetUsedTokens = (identifier: string): Promise<void> => {
    const path = `POST /api/v1/admin/accounts/${encodeURIComponent(this.#userOf(identifier))}/reset`;
    return Promise.reject(new Error(`resetUsedTokens needs an admin token: call ${path}`));
  };

  #userOf(identifier: string): string {
    return (this.#config.prefix ?? "") + identifier;
  }

  #check(identifier: string, more: Pick<Operation, "cost" | "peek">): Promise<Decision> {
    const { limiter, route, tier } = this.#config;
    return limiter.check({ user: this.#userOf(identifier), route, tier, ...more });
  }
}

function responseOf({ outcome, allowed, limits, retryAfterMs, source }: Decision): RatelimitResponse {
  const tightest = tightestOf(limits);
  const unlimited = allowed && source !== "fallback" ? Number.MAX_SAFE_INTEGER : 0;
  const resetMs = allowed ? (tightest?.resetMs ?? 0) : (retryAfterMs ?? tightest?.resetMs ?? 0);
  const response: RatelimitResponse = {
    success: allowed,
    limit: Math.floor(tightest?.limit ?? unlimited),
    remaining: Math.floor(tightest?.remaining ?? unlimited),
    reset: Date.now() + Math.ceil(resetMs),
    pending: Promise.resolve(),
  };
  if (source === "fallback") response.reason = "timeout";
  else if (source === "deny-cache") response.reason = "cacheBlock";
  else if (!allowed && outcome !== "denied" && outcome !== "overloaded") response.reason = "denyList";
  return response;
}
