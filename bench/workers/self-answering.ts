/**
 * Shared by the benchmark's Workers with our limiter: the gateway in front of the Hono app of bench/workers/bare. Routes with a pool are
 * forwarded, and all if the Worker has an upstream.
 */
import type { App } from "../../src/api/caller-app.ts";
import { createApp } from "../../src/app.ts";
import { forwardRequest } from "../../src/gateway/forward-request.ts";
import { type Fetch, gateway } from "../../src/gateway/gateway.ts";
import { isolateServices } from "../../src/isolate.ts";
import bare from "./bare/index.ts";

type Answering = (request: Request, env: Env, ctx: ExecutionContext) => Response | Promise<Response>;

/** @param bindingsOf maps the Worker's bindings to those of the services. Called once per isolate. */
export function selfAnswering(bindingsOf: (env: Env) => Env): Answering {
  let apps: { readonly product: App; readonly self: Fetch } | null = null;
  return (request, env, ctx) => {
    if (!apps) {
      const bindings = bindingsOf(env);
      const services = isolateServices(bindings);
      if (!services.ok) return new Response(JSON.stringify(services.faults), { status: 500 });
      apps = {
        product: createApp(
          services.value,
          async () => {
            const { adminApp } = await import("../../src/api/admin-app.ts");
            return adminApp(services.value, bindings);
          },
          () => Promise.reject(new Error("the benchmark has no portal")),
        ),
        self: gateway(services.value, (admitted) =>
          admitted.route.pool === null && services.value.settings.upstream === null
            ? bare.fetch(admitted.exchange.request, {})
            : forwardRequest(admitted),
        ),
      };
    }
    const isReserved = request.url.includes("/api/v1/");
    return isReserved ? apps.product.fetch(request, env, ctx) : apps.self(request, env, ctx);
  };
}
