/** The Worker's request handling: a Hono app for the reserved paths, the gateway for all others. */
import { type App, callerApp } from "./api/caller-app.ts";
import type { Services } from "./edge/services.ts";
import { pathnameOf } from "./edge/url-parts.ts";
import { gateway } from "./gateway/gateway.ts";
import { isReserved } from "./policy/route-table.ts";
import { loadProxies } from "./proxy-module.ts";

/**
 * Builds the app once per isolate.
 * @param loadAdmin makes the admin API's app, when the first request for it arrives.
 */
export function createApp(services: Services, loadAdmin: () => Promise<App>): App {
  const handle = gateway(services);
  const reserved = callerApp(services, loadAdmin, () => loadProxies(services, gateway));
  // Not a reserved path: another spelling of one has been excluded.
  reserved.all("*", (c) => handle(c.req.raw, c.env, c.executionCtx));
  return {
    fetch(request, env, ctx) {
      const path = pathnameOf(request.url);
      // Hono decides whether an encoded path is another spelling of a reserved one.
      const mayBeReserved = isReserved(path) || path.includes("%");
      return mayBeReserved ? reserved.fetch(request, env, ctx) : handle(request, env, ctx);
    },
  };
}
