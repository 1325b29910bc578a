/** The Worker's request handling: a Hono app for the reserved paths, the gateway for all others. */
import type { Context } from "hono";
import { type App, callerApp } from "./api/caller-app.ts";
import type { AppEnv } from "./edge/app-env.ts";
import type { Services } from "./edge/services.ts";
import { pathnameOf } from "./edge/url-parts.ts";
import { gateway } from "./gateway/gateway.ts";
import { isOfPortal, isReserved } from "./policy/route-table.ts";
import { loadProxies } from "./proxy-module.ts";

/**
 * Builds the app once per isolate.
 * @param loadAdmin makes the admin API's app, when the first request for it arrives.
 * @param loadPortal likewise for the customers' portal.
 */
export function createApp(
  services: Services,
  loadAdmin: () => Promise<App>,
  loadPortal: () => Promise<App>,
): App {
  const handle = gateway(services);
  const toGateway = (c: Context<AppEnv>) => handle(c.req.raw, c.env, c.executionCtx);
  const loaders = { admin: loadAdmin, portal: loadPortal, proxies: () => loadProxies(services, gateway) };
  const reserved = callerApp(services, loaders, toGateway);
  // Not a reserved path: another spelling of one has been excluded.
  reserved.all("*", toGateway);
  return {
    fetch(request, env, ctx) {
      const path = pathnameOf(request.url);
      // Hono decides whether an encoded path is another spelling of a reserved one.
      const mayBeReserved = isReserved(path) || isOfPortal(path) || path.includes("%");
      return mayBeReserved ? reserved.fetch(request, env, ctx) : handle(request, env, ctx);
    },
  };
}
