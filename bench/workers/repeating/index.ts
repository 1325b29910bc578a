/**
 * The limiter as in bench/workers/ours, which lets each request pass the whole gateway a hundred times, so that the runtime's part of a
 * request, which is most of it and varies, hardly counts.
 */
import { AccountDirectory } from "../../../durable-objects/account-directory.ts";
import { BillingRegister } from "../../../durable-objects/billing-register.ts";
import { MetricsHub } from "../../../durable-objects/metrics-hub.ts";
import { PolicyRegistry } from "../../../durable-objects/policy-registry.ts";
import { UserLimiter } from "../../../durable-objects/user-limiter.ts";
import { WebhookDesk } from "../../../durable-objects/webhook-desk.ts";
import { selfAnswering } from "../self-answering.ts";
import { PASSES } from "../../passes.ts";

export { AccountDirectory, BillingRegister, MetricsHub, PolicyRegistry, UserLimiter, WebhookDesk };

const answer = selfAnswering((env) => env);

export default {
  async fetch(request, env, ctx) {
    if (request.url.includes("/api/v1/")) return answer(request, env, ctx);
    for (let pass = 1; pass < PASSES; pass++) {
      const { status } = await answer(request, env, ctx);
      if (status !== 200) return new Response(null, { status });
    }
    return answer(request, env, ctx);
  },
} satisfies ExportedHandler<Env>;
