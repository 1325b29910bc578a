/**
 * The Worker: composes the edge, the RPC entrypoint and the object classes. Contains no other logic.
 */
import { AccountDirectory } from "../durable-objects/account-directory.ts";
import { BillingRegister } from "../durable-objects/billing-register.ts";
import { MetricsHub } from "../durable-objects/metrics-hub.ts";
import { PolicyRegistry } from "../durable-objects/policy-registry.ts";
import { UserLimiter } from "../durable-objects/user-limiter.ts";
import { WebhookDesk } from "../durable-objects/webhook-desk.ts";
import type { App } from "./api/caller-app.ts";
import { createApp } from "./app.ts";
import { problem } from "./edge/problem.ts";
import { isolateServices, loadAdmin, loadPortal } from "./isolate.ts";
import { placed } from "./objects/jurisdiction.ts";
import { EdgeLimiter } from "./rpc.ts";

let app: App | null = null;

export {
  AccountDirectory,
  BillingRegister,
  EdgeLimiter,
  MetricsHub,
  PolicyRegistry,
  UserLimiter,
  WebhookDesk,
};

export default {
  fetch(request, env, ctx) {
    const services = isolateServices(env);
    if (!services.ok) {
      const requestId = crypto.randomUUID();
      const event = {
        time: new Date().toISOString(),
        level: "error",
        event: "misconfigured",
        requestId,
        faults: services.faults,
      };
      console.error(JSON.stringify(event));
      return problem("internal_error", "The limiter is misconfigured; its log says how.", requestId);
    }
    app ??= createApp(
      services.value,
      () => loadAdmin(services.value, env),
      () => loadPortal(services.value),
    );
    return app.fetch(request, placed(env), ctx);
  },
} satisfies ExportedHandler<Env>;
