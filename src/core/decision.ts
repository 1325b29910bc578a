/**
 * What is asked of the limiter and what it answers: plain data, the same at the edge, in the object and over RPC.
 *
 * Amounts are tokens (a multiple of 0.001), times are milliseconds. Holds no behaviour beyond turning core readings into
 * the public shape.
 */
import type { Limit, Reading } from "./limit.ts";
import { toTokens } from "./units.ts";

/** One question to a user's object. */
export interface DecisionRequest {
  /** The policy revision that the edge knows. An object never decides by an older one. */
  readonly revision: number;
  /** The tier that the credential speaks for. The account's own tier, where there is an account, comes first. */
  readonly tier: string;
  /** The policy's id of the matched route, or null where the caller named a cost only. */
  readonly route: string | null;
  /** Millitokens to spend; null: what the policy says of the route. */
  readonly costMilli: number | null;
  /** The API key the request came with: it must exist and be valid, and key-scoped limits count by it. */
  readonly keyId: string | null;
  /** Decide and report, but charge nothing. */
  readonly peek: boolean;
  /** The same key within ten minutes gets the same allowed decision and is charged once. Unique to the user and the caller. */
  readonly idempotencyKey: string | null;
  /**
   * What the caller asked under the key, as it was written: the same key with another fingerprint is a mismatch. An edge of an
   * older version sends none; nothing is compared then.
   */
  readonly fingerprint?: string;
}

/** One limit as a client sees it. */
export interface LimitView {
  readonly name: string;
  readonly kind: Limit["kind"];
  /** Capacity of the bucket or amount of the quota, tokens; or the number of slots. */
  readonly limit: number;
  /** Tokens that may be spent now, or slots that are free. */
  readonly remaining: number;
  /**
   * Until full again; while less than one token is there, until the next; for a quota until its period ends; for slots at most 1,000,
   * since requests that hold them may end at any moment.
   */
  readonly resetMs: number;
  /** In which an empty bucket fills, the length of the quota's period, or how long a slot may be held. */
  readonly windowMs: number;
}

/** A slot that a decision took of a concurrency limit: to be given back when the request ends. */
export interface Hold {
  readonly counter: string;
  readonly untilMs: number;
}

/**
 * - `allowed`, `denied`: the limits said so.
 * - `blocked`: the account is suspended. `revoked`: the key is unknown to the account, revoked or expired.
 * - `unavailable`: the limiter could not decide and the tier fails closed.
 * - `overloaded`: the user sends more than the object can take: this request did not reach it in time, or no more idempotency keys
 *   can be remembered.
 * - `mismatch`: the idempotency key was used with other parameters. Nothing was decided.
 */
export type Outcome =
  | "allowed"
  | "denied"
  | "blocked"
  | "revoked"
  | "unavailable"
  | "overloaded"
  | "mismatch";

/** Where the decision was made; `none`: nowhere, since the request was rejected before. */
export type Source = "strict" | "lease" | "deny-cache" | "fallback" | "none";

/** One answer. */
export interface Decision {
  readonly outcome: Outcome;
  readonly allowed: boolean;
  /** Tokens the request costs (charged only where allowed and not peeked). */
  readonly cost: number;
  readonly limits: readonly LimitView[];
  /**
   * After which the same request passes if nobody else spends. 0 if allowed, null if it never will. At most 1,000 if slots alone
   * reject it: when one is free is not known.
   */
  readonly retryAfterMs: number | null;
  /** Names of the limits that refused. */
  readonly violated: readonly string[];
  readonly source: Source;
  /** The tier and the policy revision that were decided by. */
  readonly tier: string;
  readonly revision: number;
  readonly decisionId: string;
  /** Set if this repeats an earlier decision for its idempotency key: nothing was charged or counted this time. */
  readonly replayed?: true;
  /** Slots taken; whoever runs the request gives them back when it ends, or they free themselves. */
  readonly holds: readonly Hold[];
}

/** A core reading in the public shape. */
export function limitView(reading: Reading): LimitView {
  return {
    name: reading.name,
    kind: reading.kind,
    limit: toTokens(reading.limitMilli),
    remaining: toTokens(reading.remainingMilli),
    resetMs: reading.resetMs,
    windowMs: reading.windowMs,
  };
}
