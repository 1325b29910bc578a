/** The type of the edge's Hono context: bindings of the Worker, and what each step of the pipeline leaves for the next. */
import type { Decision } from "../core/decision.ts";
import type { Actor } from "../identity/admin/role.ts";
import type { Caller } from "../identity/authenticate.ts";
import type { Policy, Route } from "../policy/compile.ts";
import type { Services } from "./services.ts";

export interface AppEnv {
  Bindings: Env;
  Variables: {
    services: Services;
    requestId: string;
    /** Set by `withPolicy`. */
    policy: Policy;
    /** Set by `withCaller`. */
    caller: Caller;
    /** Who administers. Set on endpoints of the admin API. */
    actor: Actor;
    /** Set by `matchRoute`. */
    route: Route;
    path: string;
    /** Set where the limiter decided; absent on an exempt route. */
    decision: Decision | undefined;
  };
}
