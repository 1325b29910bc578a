/**
 * The app of the endpoints that proxies call: what a proxy in front of an API asks about its clients' requests, and Envoy's rate limit
 * service. src/modules/proxies.mjs is built from this file, and an isolate loads it on first use.
 */
import type { MiddlewareHandler } from "hono";
import { api, withNotFound } from "../api/api.ts";
import type { App } from "../api/caller-app.ts";
import { AUTHORIZE, type ProxyAccess } from "../api/endpoint.ts";
import type { AppEnv } from "../edge/app-env.ts";
import type { Services } from "../edge/services.ts";
import { withPolicy } from "../edge/steps.ts";
import type { gateway } from "../gateway/gateway.ts";
import { admitted, authorize, withDenyStatus } from "./authorize.ts";
import { PROXY_CONTRACT } from "./proxy-contract.ts";
import { proxyKey } from "./proxy-key.ts";

/**
 * Builds the app, once per isolate.
 * @param pipeline the isolate's own gateway.
 */
export function proxyApp(services: Services, pipeline: typeof gateway): App {
  const authorized = pipeline(services, admitted, false);
  const access: Record<ProxyAccess, MiddlewareHandler<AppEnv>[]> = {
    proxy: [proxyKey("envoy"), withPolicy],
  };
  const app = api(services, PROXY_CONTRACT, access, (first) => {
    first.use(async (c, next) => {
      c.set("authorized", authorized);
      return next();
    });
    first.all(`${AUTHORIZE}/*`, withDenyStatus, proxyKey("authorize"), authorize);
  });
  return withNotFound(app);
}
