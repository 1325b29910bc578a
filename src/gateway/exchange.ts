/** One request on its way through the gateway: what each step leaves for the next. Lives as long as the request. */
import type { StatusClass } from "../analytics/point.ts";
import type { Keep } from "../analytics/recorder.ts";
import type { Decision } from "../core/decision.ts";
import type { Caller } from "../identity/authenticate.ts";
import type { Policy } from "../policy/compile.ts";
import type { Route } from "../policy/compiled.ts";
import type { Services } from "../edge/services.ts";

/** A request with the policy that it meets. One object, which every step writes to: each request makes it once. */
export interface Exchange {
  readonly services: Services;
  readonly request: Request;
  readonly env: Env;
  readonly keep: Keep;
  readonly requestId: string;
  readonly policy: Policy;
  /** When it came in, Unix milliseconds. */
  readonly atMs: number;
  route: Route | null;
  caller: Caller | null;
  decision: Decision | null;
  /** Why the request was turned away without a decision, or failed after one; null: neither. */
  reason: string | null;
  /** Whether that was a failure, ours or the upstream's, rather than a refusal. */
  failed: boolean;
  limiterMs: number;
  upstreamMs: number;
  upstreamStatus: StatusClass;
}

/** A request that has a route and a caller: it may be decided and answered. */
export interface Admitted {
  readonly exchange: Exchange;
  /** As the upstream gets it. */
  readonly path: string;
  readonly route: Route;
  readonly caller: Caller;
}
