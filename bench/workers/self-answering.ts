/** What the benchmark's own Workers with our limiter have in common: the gateway before a handler that answers itself. */
import type { Hono } from "hono";
import { createApp } from "../../src/app.ts";
import type { AppEnv } from "../../src/gateway/app-env.ts";
import { gateway } from "../../src/gateway/gateway.ts";
import { isolateServices } from "../../src/isolate.ts";

type Fetch = (request: Request, env: Env, ctx: ExecutionContext) => Response | Promise<Response>;

/** @param bindingsOf what the services get for bindings; asked once per isolate. */
export function selfAnswering(bindingsOf: (env: Env) => Env): Fetch {
  let apps: { readonly product: Hono<AppEnv>; readonly self: Hono<AppEnv> } | null = null;
  return (request, env, ctx) => {
    if (!apps) {
      const services = isolateServices(bindingsOf(env));
      if (!services.ok) return new Response(JSON.stringify(services.faults), { status: 500 });
      apps = { product: createApp(services.value), self: gateway(services.value, (c) => c.text("ok")) };
    }
    const isReserved = request.url.includes("/api/v1/");
    return (isReserved ? apps.product : apps.self).fetch(request, env, ctx);
  };
}
