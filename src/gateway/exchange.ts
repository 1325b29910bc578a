/** One request on its way through the gateway: what each step leaves for the next. Lives as long as the request. */
import type { Decision } from "../core/decision.ts";
import type { Caller } from "../identity/authenticate.ts";
import type { Policy, Route } from "../policy/compile.ts";
import type { Services } from "./services.ts";

export interface Exchange {
  readonly services: Services;
  readonly requestId: string;
  readonly policy: Policy;
  /** As the upstream gets it. */
  readonly path: string;
  readonly route: Route;
  readonly caller: Caller;
  /** Null until the limiter has decided, and on an exempt route. */
  decision: Decision | null;
}

/** The tier that a caller is decided by where its account names none. */
export function tierOfCaller({ caller, policy }: Exchange): string {
  return caller.tier ?? (caller.kind === "ip" ? policy.anonymousTier : policy.defaultTier);
}
