/**
 * The gateway in front of the bare Hono app, which answers itself: all of its way (route, key, policy, decision, headers, record) but
 * no upstream. Reserved paths are the whole product's, to set it up by.
 */
import { AccountDirectory } from "../../../durable-objects/account-directory.ts";
import { MetricsHub } from "../../../durable-objects/metrics-hub.ts";
import { PolicyRegistry } from "../../../durable-objects/policy-registry.ts";
import { UserLimiter } from "../../../durable-objects/user-limiter.ts";
import { selfAnswering } from "../self-answering.ts";

export { AccountDirectory, MetricsHub, PolicyRegistry, UserLimiter };

export default { fetch: selfAnswering((env) => env) } satisfies ExportedHandler<Env>;
