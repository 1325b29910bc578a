/**
 * The gateway in front of the bare Hono app: all of its steps (route, key, policy, decision, headers, record), but no upstream.
 * Reserved paths go to the whole product, so that the benchmark can set it up.
 */
import { AccountDirectory } from "../../../durable-objects/account-directory.ts";
import { BillingRegister } from "../../../durable-objects/billing-register.ts";
import { MetricsHub } from "../../../durable-objects/metrics-hub.ts";
import { PolicyRegistry } from "../../../durable-objects/policy-registry.ts";
import { UserLimiter } from "../../../durable-objects/user-limiter.ts";
import { WebhookDesk } from "../../../durable-objects/webhook-desk.ts";
import { withDistance } from "../distance.ts";
import { selfAnswering } from "../self-answering.ts";

export { AccountDirectory, BillingRegister, MetricsHub, PolicyRegistry, UserLimiter, WebhookDesk };

export default { fetch: selfAnswering(withDistance) } satisfies ExportedHandler<Env>;
