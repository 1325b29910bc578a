/** The state of one request on its way through the gateway: each step adds its result for the next. Lives as long as the request. */
import type { WaitUntil } from "../wait-until.ts";
import type { Decision } from "../core/decision.ts";
import type { Caller } from "../identity/authenticate.ts";
import type { Policy } from "../policy/compile.ts";
import type { Route } from "../policy/compiled.ts";
import type { Bits } from "../policy/path-patterns.ts";
import type { Rule } from "../policy/rule.ts";
import type { RuleIndex } from "../policy/rule-index.ts";
import type { Services } from "../edge/services.ts";

import type { TracedContext } from "./spans.ts";

/** One mutable object per request, which every step writes to. */
export interface Exchange {
  readonly services: Services;
  readonly request: Request;
  readonly env: Env;
  readonly context: TracedContext;
  readonly waitUntil: WaitUntil;
  readonly requestId: string;
  readonly policy: Policy;
  /** When it arrived, Unix milliseconds. */
  readonly atMs: number;
  /** In place of the request's own body, which has been read (reserved-cost.ts); null: it has not. */
  body: ReadableStream<Uint8Array> | null;
  route: Route | null;
  caller: Caller | null;
  decision: Decision | null;
  /** The rule that applies. */
  rule: Rule | null;
  /** The first rule in shadow that would have applied instead. */
  shadowRule: Rule | null;
  /** The rules that may match once the caller is known. */
  pendingRules: { readonly index: RuleIndex; readonly rules: Bits } | null;
  /** Why the request was turned away without a decision or failed after one; null: neither. */
  reason: string | null;
  /** Whether `reason` is a failure, ours or the upstream's, rather than a rejection. */
  failed: boolean;
  limiterMs: number;
  upstreamMs: number;
  /** The upstream's status; 0 before it answered. */
  upstreamCode: number;
  /** X-Usage-Cost of the upstream, on routes that take their cost from it; null: it has none. */
  reportedCost: string | null;
}

/** A request that has a route and an authenticated caller. */
export interface Admitted {
  readonly exchange: Exchange;
  /** The canonical path, as the upstream gets it. */
  readonly path: string;
  readonly route: Route;
  readonly caller: Caller;
}

/** The exchange of a request that has just arrived. Until a step says otherwise, it counts as failed unexpectedly. */
export function arrival(
  services: Services,
  request: Request,
  env: Env,
  context: TracedContext,
  waitUntil: WaitUntil,
  requestId: string,
  policy: Policy,
  atMs: number,
): Exchange {
  return {
    services,
    request,
    env,
    context,
    waitUntil,
    requestId,
    policy,
    atMs,
    body: null,
    route: null,
    caller: null,
    decision: null,
    rule: null,
    shadowRule: null,
    pendingRules: null,
    reason: "internal_error",
    failed: true,
    limiterMs: 0,
    upstreamMs: 0,
    upstreamCode: 0,
    reportedCost: null,
  };
}

/** Marks a request as failed, through us or the upstream. */
export function failed(exchange: Exchange, reason: string): void {
  exchange.reason = reason;
  exchange.failed = true;
}
